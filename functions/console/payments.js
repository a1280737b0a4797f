// Payments: the list with its search; one of them is drawn by payment.js. Asks the operators' endpoints alone.
import {get, query, rowsOf} from './api.js';
import {attempt, draw, go, link, page, wished} from './page.js';
import {onePayment} from './payment.js';
import {repeat} from './vendor/directives/repeat.js';
import {html, nothing} from './vendor/lit-html.js';
import {ago, bare, count, duration, mark, money, now, options, seconds, theirs} from './words.js';

const PATH = '/api/ops/payments';
const PAGE = 50;
const MOST = 500; // payments on one page of the app
const SLACK = 10; // that may have come in since the look before
const STATUSES = ['initiated', 'created', 'settled', 'completed', 'failed', 'voided', 'unknown'];
const FILTERS = ['status', 'reference', 'amount_minor', 'owes', 'waiting'];
const LATE_S = 10; // as the map has it
const BEHIND_S = 60; // as the command has it; the app measures once a minute
const BEGIN = /^[0-9a-f]{8}[0-9a-f-]{0,27}$/i; // of an id, as lists show it
const AN_ID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

const list = {filters: {}, rows: null, next: null, fresh: [], behind: 0, asOf: null, heardAt: 0, fault: null};
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
  let fields = filters;
  let found = await get(query(PATH, {...fields, limit: PAGE}));
  if (!found.payments.length && BEGIN.test(filters.reference ?? '')) {
    fields = {...filters, reference: '', payment_id: filters.reference.toLowerCase()};
    found = await get(query(PATH, {...fields, limit: PAGE}));
  }
  if (filters !== list.filters) return;
  Object.assign(list, {fields, rows: found.payments, next: found.next_page, asOf: found.as_of, fresh: [], behind: 0});
  list.heardAt = now();
}

// What is shown keeps its place and is brought up to date there; what is new waits until somebody wants it. What fits
// no longer says so; it is told how many stand further down than the app was asked.
async function look() {
  const {filters, fields, rows: shown} = list;
  const many = Math.min(MOST, shown.length + list.fresh.length + SLACK);
  const {rows, next, first} = await rowsOf(PATH, fields, {name: 'payments', many, most: MOST});
  if (filters !== list.filters || !list.rows) return;
  const heard = new Map(rows.map((row) => [row.id, row]));
  const known = new Set(list.rows.map((row) => row.id));
  const last = next ? rows.at(-1).position : '';
  // One may come late, or fit only now, and stand between others.
  const end = list.next ? list.rows.at(-1).position : '';
  list.fresh = rows.filter((row) => !known.has(row.id) && row.position > end);
  list.rows = list.rows.map((row) => heard.get(row.id) ?? {...row, fitsNoLonger: row.position >= last});
  list.behind = list.rows.filter((row) => row.position < last).length;
  Object.assign(list, {asOf: first.as_of, heardAt: now()});
}

function refresh() {
  list.rows = null;
  draw();
  load();
}

async function more() {
  await attempt(list, async () => {
    const {filters, fields, next} = list;
    const found = await get(query(PATH, {...fields, limit: PAGE, page: next}));
    if (filters !== list.filters || next !== list.next) return;
    Object.assign(list, {rows: [...list.rows, ...found.payments], next: found.next_page});
  });
}

function search(event) {
  event.preventDefault();
  const said = new FormData(event.target);
  const wanted = String(said.get('reference') ?? '');
  if (AN_ID.test(wanted.trim())) return go(['payments', wanted.trim()]);
  const fields = Object.fromEntries(FILTERS.map((name) => [name, String(said.get(name) ?? '').trim()]));
  fields.reference = wanted; // a merchant's own may begin or end with a blank
  if (link(['payments'], fields) === location.hash) refresh();
  else go(['payments'], fields);
}

// --- what is drawn

function show() {
  if (one) return one.show();
  return html`<h1 tabindex="-1">Payments</h1>
    ${form()} ${list.fault ? html`<p class="fault">${list.fault.words}</p>` : nothing}
    <p class="bar">
      <button type="button" class=${isOld() ? 'main' : ''} @click=${refresh}>
        Refresh${list.fresh.length ? ` (${list.fresh.length}${list.behind ? '+' : ''})` : ''}
      </button>
      <span class="quiet">${list.rows ? caveats() : nothing}</span>
    </p>
    ${list.rows ? rows() : list.fault ? nothing : html`<p class="quiet">Asking.</p>`}`;
}

function isOld() {
  return list.fresh.length || list.behind || list.rows?.some((row) => row.fitsNoLonger);
}

// Why the list may not say how things are.
function caveats() {
  const behind = list.asOf === null ? 0 : (list.heardAt - Date.parse(list.asOf)) / 1000;
  const gone = list.rows.filter((row) => row.fitsNoLonger).length;
  return [
    list.asOf === null ? 'the list is being filled: this is not all' : '',
    behind > BEHIND_S ? `the read model is ${duration(behind)} behind` : '',
    gone ? `${count(gone, 'payment')} of these ${gone === 1 ? 'fits' : 'fit'} no longer` : '',
    list.behind ? `the last ${list.behind} were not looked at again` : '',
  ]
    .filter(Boolean)
    .join('; ');
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
        title="Digits alone: 1250 for 12.50 EUR, for 1250 JPY and for 1.250 BHD"
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
    const {reference} = list.filters;
    const without = {...list.filters, reference: reference.trim()};
    const isBlank = without.reference !== reference;
    if (isFiltered)
      return html`<p>
        No payment fits. <a href=${link(['payments'])}>Show all</a>
        ${isBlank ? html`<a href=${link(['payments'], without)}>Look without the blanks around it</a>` : nothing}
      </p>`;
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

// A step that broke: which of several waits for a person, the row does not say.
function waiting({waits, broken}, step) {
  const isParked = waits === 'parked';
  const word = broken.length > 1 ? 'waits' : isParked ? 'parked' : 'started again';
  return mark(isParked ? 'parked' : 'retrying', `${word}: ${bare(step)}`);
}

function next({owes, moved_at: movedAt}) {
  if (!owes) return nothing;
  const step = owes.replaceAll('_', ' ');
  return seconds(movedAt, list.heardAt) > LATE_S
    ? mark('retrying', `late: ${step}`)
    : html`<span class="quiet">next: ${step}</span>`;
}

function paymentRow(row) {
  return html`<tr>
    <td data-label="Payment">
      <a href=${link(['payments', row.id])}><code>${row.id.slice(0, 8)}</code></a>
    </td>
    <td data-label="Status">
      ${row.fitsNoLonger ? html`<span class="quiet">fits no longer; was</span>` : nothing} ${mark(row.status)}
      ${row.broken.length ? row.broken.map((step) => waiting(row, step)) : next(row)}
      ${row.charged_twice ? mark('high', 'charged twice') : nothing}
      ${row.captured_late ? mark('high', 'captured late') : nothing}
    </td>
    <td data-label="Amount" class="number">${money(row)}</td>
    <td data-label="Reference">${theirs(row.reference)}</td>
    <td data-label="Began">${ago(row.initiated_at)}</td>
    <td data-label="Moved">${ago(row.moved_at)}</td>
  </tr>`;
}
