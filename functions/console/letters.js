// Letters: what a person has to look at, grouped by step and reason; by filter; one of them is drawn by letter.js.
import {get, query, rowsOf} from './api.js';
import {LETTERS} from './acting.js';
import {followedPanel, lookOn} from './followed.js';
import {oneLetter} from './letter.js';
import {attempt, go, link, page, paymentLink, wished} from './page.js';
import {previewed} from './preview.js';
import {repeat} from './vendor/directives/repeat.js';
import {html, nothing} from './vendor/lit-html.js';
import {ago, atStake, count, duration, mark, options, plain, seconds, sums, theirs} from './words.js';

const FILTERS = ['step', 'reason', 'severity', 'like', 'payment_id'];
const PAGE = 50;
const MOST = 200; // letters on one page of the app
const list = {filters: {}, groups: null, open: 0, letters: null, next: null, fault: null, isBusy: false};
let one = null;

export const letters = {title: 'Letters', enter, leave, tick, show};

function enter([letterId], params) {
  one = letterId ? oneLetter(letterId) : null;
  if (one) return;
  const filters = Object.fromEntries([...FILTERS, 'status'].map((name) => [name, params.get(name) ?? '']));
  if (list.letters && JSON.stringify(filters) === JSON.stringify(list.filters)) return;
  Object.assign(list, {filters, groups: null, letters: null});
  if (page.me) attempt(list, load);
}

function leave() {
  one = null;
  list.letters = null;
}

async function tick(hasMoved) {
  await lookOn(hasMoved);
  if (one) await one.tick(hasMoved);
  else if (!list.letters || hasMoved) await wished(list, load);
}

// What the filter means for actions: letters that are open.
function chosen() {
  return Object.fromEntries(FILTERS.map((name) => [name, list.filters[name]]).filter(([, value]) => value));
}

async function load() {
  const asked = list.filters;
  const filter = chosen();
  const shown = list.letters;
  const many = Math.max(PAGE, shown?.length ?? 0); // all that was shown is asked for anew: none may be there no more
  const [told, {rows, next}] = await Promise.all([
    get(query(`${LETTERS}/summary`, filter)),
    rowsOf(LETTERS, {...filter, status: asked.status || 'open'}, {name: 'dead_letters', many, most: MOST}),
  ]);
  if (asked !== list.filters) return;
  if (shown !== list.letters) return load(); // more was asked for meanwhile
  Object.assign(list, {groups: told.groups, open: told.open, letters: rows, next});
}

async function more() {
  await attempt(list, async () => {
    const status = list.filters.status || 'open';
    const {letters: shown, next} = list;
    const found = await get(query(LETTERS, {...chosen(), status, limit: PAGE, page: next}));
    if (shown !== list.letters) return more(); // what came before it has changed meanwhile
    const known = new Set(shown.map((each) => each.id));
    const fresh = found.dead_letters.filter((each) => !known.has(each.id));
    Object.assign(list, {letters: [...shown, ...fresh], next: found.next_page});
  });
}

function search(event) {
  event.preventDefault();
  const said = new FormData(event.target);
  const fields = Object.fromEntries([...FILTERS, 'status'].map((name) => [name, String(said.get(name) ?? '').trim()]));
  go(['letters'], {...fields, status: fields.status === 'open' ? '' : fields.status});
}

// --- what is drawn

function show() {
  if (one) return html`${followedPanel()}${one.show()}`;
  return html`<h1 tabindex="-1">Letters</h1>
    <p class="quiet">What cannot go on by itself is a letter, and waits for a person.</p>
    ${followedPanel()} ${list.groups ? groups() : list.fault ? nothing : html`<p class="quiet">Asking.</p>`} ${form()}
    ${list.fault ? html`<p class="fault">${list.fault.words}</p>` : nothing} ${list.letters ? rows() : nothing}`;
}

function groups() {
  if (!list.open)
    return html`<p>${mark('done', 'No letter is open')}${Object.keys(chosen()).length ? ' that fits' : ''}.</p>`;
  return html`<table class="cards">
    <caption>
      ${count(list.open, 'open letter')}, by step and reason
    </caption>
    <thead>
      <tr>
        <th scope="col">Letters</th>
        <th scope="col">Step and reason</th>
        <th scope="col">Severity</th>
        <th scope="col">Oldest</th>
        <th scope="col">Payments worth</th>
        <th scope="col">Do</th>
      </tr>
    </thead>
    <tbody>
      ${list.groups.map(group)}
    </tbody>
  </table>`;
}

function group({step, reason, severity, letters: number, oldest_at, payments, worth: amounts}) {
  const filter = {...chosen(), step, reason, severity};
  const what = `${number} of ${step} ${reason}`;
  return html`<tr>
    <td data-label="Letters" class="number">${number}</td>
    <td data-label="Step and reason"><a href=${link(['letters'], filter)}>${plain(step)}: ${plain(reason)}</a></td>
    <td data-label="Severity">${mark(severity)}</td>
    <td data-label="Oldest">${duration(seconds(oldest_at))}</td>
    <td data-label="Payments worth">${payments
      ? html`${sums(amounts)} <span class="quiet">of ${count(payments, 'payment')}</span>`
      : html`<span class="quiet">of no payment that is known</span>`}</td>
    <td data-label="Do" class="bar">
      <button type="button" aria-label="Replay ${what}" @click=${() => previewed('replay', {filter: known(filter)})}>
        Replay…
      </button>
      <button type="button" aria-label="Discard ${what}" @click=${() => previewed('discard', {filter: known(filter)})}>
        Discard…
      </button>
    </td>
  </tr>`;
}

// Words of the broker are no reasons that one can filter by.
function known(filter) {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value));
}

function form() {
  const {filters} = list;
  return html`<form class="filters" role="search" @submit=${search}>
      <label class="wide"
        >Text in reference, id, reason or message
        <input name="like" maxlength="100" .value=${filters.like ?? ''} autocomplete="off"
      /></label>
      ${choice('status', 'Status', ['open', 'taken_up', 'closed'], 'open')}
      ${choice('severity', 'Severity', ['high', 'normal', 'low'])}
      ${['step', 'reason', 'payment_id'].map(
        (name) => html`<input type="hidden" name=${name} .value=${filters[name] ?? ''} />`,
      )}
      <button type="submit">Search</button>
      ${Object.keys(chosen()).length || filters.status
        ? html`<a href=${link(['letters'])}>Show all that are open</a>`
        : nothing}
    </form>
    ${told()}`;
}

function told() {
  const {step, reason, payment_id: paymentId} = list.filters;
  const said = [
    step && `of the step ${step}`,
    reason && `with the reason ${reason}`,
    paymentId && `of payment ${paymentId}`,
  ].filter(Boolean);
  return said.length ? html`<p>Only those ${plain(said.join(', '))}.</p>` : nothing;
}

function choice(name, label, words, usual = null) {
  const now = list.filters[name] || usual || '';
  return html`<label
    >${label}
    <select name=${name}>
      ${usual ? nothing : html`<option value="" ?selected=${!now}>any</option>`}
      ${options(words, now)}
    </select></label
  >`;
}

function rows() {
  if (!list.letters.length) return nothing;
  const isOpen = !list.filters.status || list.filters.status === 'open';
  const all = (act) => () => previewed(act, {filter: chosen()});
  return html` ${
      isOpen
        ? html`<p class="bar">
            <button type="button" @click=${all('replay')}>Replay all ${list.open}…</button>
            <button type="button" @click=${all('discard')}>
              Discard all ${list.open}…
            </button>
          </p>`
        : nothing
    }
    <table class="cards">
      <caption>
        Each letter
      </caption>
      <thead>
        <tr>
          <th scope="col">Letter</th>
          <th scope="col">Severity</th>
          <th scope="col">Age</th>
          <th scope="col">Amount</th>
          <th scope="col">Reference</th>
          <th scope="col">What happened</th>
        </tr>
      </thead>
      <tbody>
        ${repeat(list.letters, (each) => each.id, letterRow)}
      </tbody>
    </table>
    <p class="bar">
      <span class="quiet">${count(list.letters.length, 'letter')} shown</span>
      ${list.next ? html`<button type="button" ?disabled=${list.isBusy} @click=${more}>Show more</button>` : nothing}
    </p>`;
}

function letterRow(each) {
  return html`<tr>
    <td data-label="Letter">
      <a href=${link(['letters', each.id])}>${plain(each.step)}: ${plain(each.reason)}</a>
      ${each.status === 'open' ? nothing : mark(each.status)}
    </td>
    <td data-label="Severity">${mark(each.severity)}</td>
    <td data-label="Age">${ago(each.recorded_at)}</td>
    <td data-label="Amount" class="number">${atStake(each)}</td>
    <td data-label="Reference">
      ${each.reference ? theirs(each.reference) : nothing}
      ${each.payment_id ? paymentLink(each.payment_id) : nothing}
    </td>
    <td data-label="What happened">${theirs(each.description)}</td>
  </tr>`;
}
