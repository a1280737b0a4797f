// What was done to letters and what became of it: followed until it is known, and shown until it is dismissed, to
// whoever looks. What others have started again is followed as well. Knows no dialog.
import {get, rowsOf} from './api.js';
import {LETTERS, pathOf} from './acting.js';
import {announce, draw, link, paymentLink} from './page.js';
import {html, nothing} from './vendor/lit-html.js';
import {count, mark, now, plain} from './words.js';

const STORED = 'regis-pay.followed';
const MOST_KEPT = 2000; // by the browser; those that are shown are all followed as long as the page stands
const MOST_ASKED = 20; // letters that are looked at each by itself, of one look
const PAGE = 200;
const PAGES = 10;
const GIVEN_UP_AFTER_MS = 60_000; // longer than the app may work on what it was asked for
// Also what somebody else has taken up meanwhile: what becomes of it is what both wanted to know.
const WAITS = new Set(['replayed', 'discarded', 'under_way', 'not_known', 'nothing_to_do', 'no_longer_open']);
const WORDS = {
  replayed: 'under way',
  discarded: 'being ended',
  done: 'done',
  died_again: 'died again',
  failed: 'failed',
  cannot: 'not possible',
  not_known: 'not known yet',
};

// id, step, reason, payment_id, refund_id, event_id, recorded_at; batch, since, act, word, why, dismissed
let entries = stored();

// Ids and words alone are kept by the browser, so that a page that is loaded again goes on.
function stored() {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? '[]').filter((each) => typeof each?.id === 'string');
  } catch {
    return [];
  }
}

function store() {
  const [old, shown] = [true, false].map((is) => entries.filter((each) => Boolean(each.dismissed) === is));
  entries = [...old.slice(-MOST_KEPT), ...shown];
  try {
    localStorage.setItem(STORED, JSON.stringify(entries.slice(-MOST_KEPT)));
  } catch {
    // without storage it is followed as long as the page stands
  }
}

// Another tab of this browser has followed or dismissed something.
addEventListener('storage', (event) => {
  if (event.key !== STORED) return;
  entries = stored();
  draw();
});

// results: as acting.js has them. act: 'replay' or 'discard'. since: a moment before it was done, by the app's clock.
export function follow(results, {act, since}) {
  const ids = new Set(results.map((each) => each.letter.id));
  const batch = `${act} ${since}`;
  entries = entries.filter((each) => !ids.has(each.id));
  for (const {letter, word, why, cause} of results)
    entries.push({...named(letter), batch, since, act, word, why, cause});
  store();
  draw();
}

function named({id, step, reason, payment_id, refund_id, event_id, recorded_at}) {
  return {id, step, reason, payment_id, refund_id, event_id, recorded_at};
}

// Looks what became of those of which it is not known, and whether others have started any again.
export async function lookOn(hasMoved) {
  const waits = entries.filter((each) => WAITS.has(each.word) && !each.dismissed);
  if (!waits.length && !hasMoved) return;
  const under = await listed({status: 'taken_up'});
  const earliest = [...waits, ...under].map((each) => each.recorded_at ?? '').sort()[0];
  const since = earliest ? {recorded_from: earliest} : {};
  const isAny = waits.length + under.length > 0;
  const open = isAny ? await listed({status: 'open', ...since}) : [];
  seenOfOthers(under, open);
  if (!waits.length) return;
  const closed = await listed({status: 'closed', ...since});
  await settle(waits, {under, open, closed});
}

// All of them, as far as so many pages reach.
async function listed(filter) {
  const found = await rowsOf(LETTERS, filter, {name: 'dead_letters', many: PAGE * PAGES, most: PAGE});
  return found.rows;
}

function seenOfOthers(under, open) {
  const known = new Set(entries.map((each) => each.id));
  const fresh = under.filter((each) => !known.has(each.id) && !open.some((other) => isNewer(other, each)));
  if (!fresh.length) return;
  for (const letter of fresh) entries.push({...named(letter), batch: 'seen', act: 'seen', word: 'under_way', why: ''});
  store();
}

// Whether it tells of another death of the same: a payment may owe the same kind of step twice.
function isNewer(other, letter) {
  const isSame = ['step', 'payment_id', 'refund_id', 'event_id'].every((name) => other[name] === letter[name]);
  return isSame && Boolean(letter.event_id) && other.recorded_at > letter.recorded_at && other.id !== letter.id;
}

// A new death first: what could not be delivered may be done all the same.
async function settle(waits, {under, open, closed}) {
  const [isUnderWay, isOpen, isClosed] = [under, open, closed].map((list) => new Set(list.map((each) => each.id)));
  let asked = 0;
  let known = 0;
  for (const each of waits) {
    const again = open.find(
      (other) => (each.cause && other.cause === each.cause && other.step === each.step) || isNewer(other, each),
    );
    if (again) Object.assign(each, {word: 'died_again', why: `${again.reason}: ${again.description}`, died: again.id});
    else if (isClosed.has(each.id)) Object.assign(each, {word: 'done', why: ''});
    else if (isUnderWay.has(each.id)) each.word = each.word === 'not_known' ? 'under_way' : each.word;
    else if (isOpen.has(each.id)) stillOpen(each);
    else if ((asked += 1) <= MOST_ASKED) await lookAt(each);
    known += WAITS.has(each.word) ? 0 : 1;
  }
  if (!known) return;
  store();
  const left = waits.filter((each) => WAITS.has(each.word)).length;
  announce(left ? `${count(left, 'letter')} still under way` : summary(batchesOf(waits)));
}

function batchesOf(some) {
  const batches = new Set(some.map((each) => each.batch));
  return entries.filter((each) => batches.has(each.batch) && !each.dismissed);
}

// A request that was not answered may be worked on for a while. After that the letter is as it was.
function stillOpen(each) {
  const isOver = each.word === 'not_known' && now() - Date.parse(each.since) > GIVEN_UP_AFTER_MS;
  if (isOver) Object.assign(each, {word: 'failed', why: `it is open still: ${each.why}`});
}

async function lookAt(each) {
  try {
    const {status} = await get(pathOf(each.id));
    if (status === 'closed') Object.assign(each, {word: 'done', why: ''});
    else if (status === 'open') stillOpen(each);
  } catch (fault) {
    if (fault.status !== 404) throw fault;
    Object.assign(each, {word: 'gone', why: 'there is no such letter any more'});
  }
}

function dismiss(batch) {
  for (const each of entries) if (each.batch === batch) each.dismissed = true;
  store();
  draw();
}

// --- what is drawn

export function followedPanel() {
  const batches = Map.groupBy(
    entries.filter((each) => !each.dismissed),
    (each) => each.batch,
  );
  if (!batches.size) return nothing;
  return html`<section class="followed" aria-label="What was done">${[...batches].reverse().map(panel)}</section>`;
}

function panel([batch, own]) {
  const title = {replay: 'Replayed', discard: 'Discarded', seen: 'Started again by others'}[own[0].act];
  const done = own.filter((each) => !WAITS.has(each.word)).length;
  const telling = own.filter((each) => each.word !== 'done' || own.length <= 5);
  return html`<div class="panel">
    <h2>${title}: ${summary(own)}</h2>
    <progress max=${own.length} value=${done} aria-label="known of ${own.length}"></progress>
    <ul class="lines">
      ${telling.slice(0, 20).map(line)}
    </ul>
    ${telling.length > 20 ? html`<p class="quiet">and ${telling.length - 20} more</p>` : nothing}
    <button type="button" @click=${() => dismiss(batch)}>Dismiss</button>
  </div>`;
}

function line(each) {
  return html`<li>
    ${mark(each.word, WORDS[each.word] ?? each.word.replaceAll('_', ' '))}
    <a href=${link(['letters', each.id])}>${plain(each.step)}: ${plain(each.reason)}</a>
    ${each.payment_id ? html`of ${paymentLink(each.payment_id)}` : nothing}
    ${each.why ? html`<span class="quiet">${plain(each.why)}</span>` : nothing}
    ${each.died ? html`<a href=${link(['letters', each.died])}>its new letter</a>` : nothing}
  </li>`;
}

function summary(own) {
  const counts = Map.groupBy(own, (each) => WORDS[each.word] ?? each.word.replaceAll('_', ' '));
  return [...counts].map(([word, list]) => `${list.length} ${word}`).join(', ');
}
