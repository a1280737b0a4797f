// Payments: the list with its search; one of them is drawn by payment.js. Asks the operators' endpoints alone.
import {get, query} from './api.js';
import {attempt, draw, go, link, page, wished} from './page.js';
import {onePayment} from './payment.js';
import {repeat} from './vendor/directives/repeat.js';
import {html, nothing} from './vendor/lit-html.js';
import {ago, count, mark, money, options, theirs} from './words.js';

const PATH = '/api/ops/payments';
const PAGE = 50;
const STATUSES = ['initiated', 'created', 'settled', 'completed', 'failed', 'voided', 'unknown'];
const FILTERS = ['status', 'reference', 'amount_minor', 'owes', 'waiting'];
const AN_ID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

const list = {filters: {}, rows: null, next: null, asOf: null, fresh: [], fault: null, isBusy: false};
let one = null;

export const payments = {title: 'Payments', enter, leave, tick, show};

function enter([paymentId], params) {
  one = paymentId ? onePayment(paymentId) : null;
  if (one) return;
  const filters = Object.fromEntries(FILTERS.map((name) => [name, params.get(name) ?? '']));
  if (!list.rows || JSON.stringify(filters) !== JSON.stringify(list.filters)) {
    Object.assign(list, {filters, rows: null, fresh: []});
    if (page.me) load();
  }
}

function leave() {
  one = null;
  list.rows = null;
}

async function tick(hasMoved) {
  if (one) await one.tick(hasMoved);
  else if (!list.rows) await wished(list, asked);
  else if (hasMoved) await wished(list, look);
}

function load() {
  return attempt(list, asked);
}

async function asked() {
  const {filters} = list;
  const found = await get(query(PATH, {...filters, limit: PAGE}));
  if (filters !== list.filters) return;
  Object.assign(list, {rows: found.payments, next: found.next_page, asOf: found.as_of, fresh: []});
}

// What is shown keeps its place and is brought up to date there; what is new waits until somebody wants it.
async function look() {
  const {filters} = list;
  const found = await get(query(PATH, {...filters, limit: PAGE}));
  if (filters !== list.filters || !list.rows) return;
  const heard = new Map(found.payments.map((row) => [row.id, row]));
  const shown = new Set(list.rows.map((row) => row.id));
  const newest = list.rows[0]?.position ?? '';
  list.fresh = found.payments.filter((row) => !shown.has(row.id) && row.position > newest);
  list.rows = list.rows.map((row) => heard.get(row.id) ?? row);
  list.asOf = found.as_of;
}

function refresh() {
  list.rows = null;
  draw();
  load();
}

async function more() {
  await attempt(list, async () => {
    const found = await get(query(PATH, {...list.filters, limit: PAGE, page: list.next}));
    Object.assign(list, {rows: [...list.rows, ...found.payments], next: found.next_page});
  });
}

function search(event) {
  event.preventDefault();
  const said = new FormData(event.target);
  const wanted = String(said.get('reference') ?? '').trim();
  if (AN_ID.test(wanted)) return go(['payments', wanted]);
  const fields = Object.fromEntries(FILTERS.map((name) => [name, String(said.get(name) ?? '').trim()]));
  if (link(['payments'], fields) === location.hash) refresh();
  else go(['payments'], fields);
}

// --- what is drawn

function show() {
  if (one) return one.show();
  return html`<h1 tabindex="-1">Payments</h1>
    ${form()} ${list.fault ? html`<p class="fault">${list.fault.words}</p>` : nothing}
    <p class="bar">
      <button type="button" class=${list.fresh.length ? 'main' : ''} @click=${refresh}>
        Refresh${list.fresh.length ? ` (${list.fresh.length}${list.fresh.length >= PAGE ? '+' : ''})` : ''}
      </button>
      <span class="quiet"
        >${list.asOf === null && list.rows ? 'the list is being filled: this is not all' : nothing}</span
      >
    </p>
    ${list.rows ? rows() : list.fault ? nothing : html`<p class="quiet">Asking.</p>`}`;
}

function form() {
  const {filters} = list;
  const steps = page.flow.steps.map((each) => each.step);
  return html`<form class="filters" role="search" @submit=${search}>
    <label class="wide"
      >Id or reference <input name="reference" .value=${filters.reference ?? ''} autocomplete="off"
    /></label>
    ${choice('status', 'Status', STATUSES)} ${choice('owes', 'Next step', steps)}
    ${choice('waiting', 'Waiting', ['any', 'retrying', 'parked'])}
    <label
      >Amount, in minor units
      <input
        name="amount_minor"
        inputmode="numeric"
        pattern="[0-9]*"
        .value=${filters.amount_minor ?? ''}
        autocomplete="off"
    /></label>
    <button type="submit">Search</button>
    ${Object.values(filters).some(Boolean) ? html`<a href=${link(['payments'])}>Show all</a>` : nothing}
  </form>`;
}

function choice(name, label, words) {
  const chosen = list.filters[name] ?? '';
  return html`<label
    >${label}
    <select name=${name}>
      <option value="" ?selected=${!chosen}>any</option>
      ${options(words, chosen)}
    </select></label
  >`;
}

function rows() {
  if (!list.rows.length) {
    const isFiltered = Object.values(list.filters).some(Boolean);
    if (isFiltered) return html`<p>No payment fits. <a href=${link(['payments'])}>Show all</a></p>`;
    return html`<p>
      There are no payments yet.${page.local ? html` <a href=${link(['try'])}>Send one</a>` : nothing}
    </p>`;
  }
  return html`<table class="cards">
      <thead>
        <tr>
          <th scope="col">Payment</th>
          <th scope="col">Status</th>
          <th scope="col">Amount</th>
          <th scope="col">Reference</th>
          <th scope="col">Began</th>
          <th scope="col">Moved</th>
        </tr>
      </thead>
      <tbody>
        ${repeat(list.rows, (row) => row.id, paymentRow)}
      </tbody>
    </table>
    <p class="bar">
      <span class="quiet">${count(list.rows.length, 'payment')} shown</span>
      ${list.next ? html`<button type="button" ?disabled=${list.isBusy} @click=${more}>Show more</button>` : nothing}
    </p>`;
}

function paymentRow(row) {
  const waits = row.broken.map((step) => mark('retrying', `waits: ${step.replaceAll('_', ' ')}`));
  return html`<tr>
    <td data-label="Payment">
      <a href=${link(['payments', row.id])}><code>${row.id.slice(0, 8)}</code></a>
    </td>
    <td data-label="Status">
      ${mark(row.status)} ${waits}
      ${row.owes && !row.broken.length
        ? html`<span class="quiet">next: ${row.owes.replaceAll('_', ' ')}</span>`
        : nothing}
      ${row.charged_twice ? mark('high', 'charged twice') : nothing}
      ${row.captured_late ? mark('high', 'captured late') : nothing}
    </td>
    <td data-label="Amount" class="number">${money(row)}</td>
    <td data-label="Reference">${theirs(row.reference)}</td>
    <td data-label="Began">${ago(row.initiated_at)}</td>
    <td data-label="Moved">${ago(row.moved_at)}</td>
  </tr>`;
}
