// The question before a replay or a discard: what would happen to each letter and why, how many, how much money.
import {discarded, found, replayed} from './acting.js';
import {ask, redraw} from './dialog.js';
import {follow} from './followed.js';
import {announce} from './page.js';
import {html, nothing} from './vendor/lit-html.js';
import {count, mark, now, plain, sums, worth} from './words.js';

const DOES = {replay: 'replayed', discard: 'discarded'};
const NAMED = 20;
const WOULD = {
  replayed: 'would be replayed',
  discarded: 'would be discarded',
  nothing_to_do: 'nothing to do',
  cannot: 'not possible',
  left_out: 'left out',
  failed: 'could not be looked at',
  gone: 'gone',
  no_longer_open: 'no longer open',
};

// Either {letter}, which is meant by itself, or {filter}, which means all that are open and that it finds now.
export function previewed(act, wanted) {
  const one = Boolean(wanted.letter);
  const job = {act, one, filter: wanted.filter ?? {}, letters: wanted.letter ? [wanted.letter] : [], reason: ''};
  if (act === 'discard') askWhy(job);
  else look(job);
}

function askWhy(job) {
  ask({
    title: job.one ? 'Discard this letter' : 'Discard letters',
    body: html`<p>Its step is given up: what was done is asked for and recorded, and nothing is sent.</p>
      <label
        >Why? It is kept for good. <input name="reason" required minlength="3" maxlength="500" autocomplete="off"
      /></label>`,
    label: 'Show what would happen',
    act: async (said) => {
      job.reason = said.get('reason').trim();
      setTimeout(() => look(job));
    },
  });
}

async function look(job) {
  const title = `What a ${job.act} would do`;
  ask({title, body: html`<p class="quiet" role="status">Looking.</p>`});
  try {
    if (!job.one) Object.assign(job, await found(job.filter, (read) => told(`${count(read, 'letter')} read`)));
    const would = await run(job, {isDry: true});
    propose(job, {title, would});
  } catch (fault) {
    redraw({fault: fault.words ?? `the page failed: ${fault.message}`, body: nothing});
    if (fault.words === undefined) throw fault;
  }
}

function told(text) {
  redraw({body: html`<p class="quiet" role="status">${text}</p>`});
}

function run(job, {isDry}) {
  const does = {replay: replayed, discard: discarded}[job.act];
  const progress = (number) => told(`${number} of ${job.letters.length}`);
  return does({...job, isDry, progress});
}

function propose(job, {title, would}) {
  const able = would.filter((each) => each.word === DOES[job.act]);
  const letters = able.map((each) => each.letter);
  const label = able.length ? `${job.act === 'replay' ? 'Replay' : 'Discard'} ${count(able.length, 'letter')}` : null;
  ask({
    title,
    body: html` <p>
        <strong>${count(able.length, 'letter')} of ${would.length}</strong> would be ${DOES[job.act]}: payments worth
        <strong>${sums(worth(letters))}</strong>.
      </p>
      ${table(would)}
      ${job.one ? nothing : html`<p class="quiet">What counts is what is there when you press the button.</p>`}`,
    label,
    act: () => act(job),
  });
}

async function act(job) {
  const since = new Date(now() - 1000).toISOString();
  const results = await run(job, {isDry: false});
  const before = new Set(results.filter((each) => each.word === 'left_out' && !job.one).map((each) => each.letter.id));
  follow(
    results.filter((each) => !before.has(each.letter.id)),
    {act: job.act, since},
  );
  announce(`${count(results.filter((each) => each.word === DOES[job.act]).length, 'letter')} ${DOES[job.act]}`);
}

// What several have in common is said once.
function table(would) {
  const groups = Map.groupBy(would, (each) =>
    JSON.stringify([each.word, each.letter.step, each.letter.reason, each.why]),
  );
  const all = [...groups.values()].sort((a, b) => b.length - a.length);
  const rows = all.filter((group, at) => at < NAMED || group[0].money); // each that says that money was given back
  return html`<table class="cards">
      <thead>
        <tr>
          <th scope="col">Letters</th>
          <th scope="col">What would happen</th>
          <th scope="col">Step and reason</th>
          <th scope="col">Worth</th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map(row)}
      </tbody>
    </table>
    ${all.length > rows.length ? html`<p class="quiet">and ${all.length - rows.length} other reasons</p>` : nothing}`;
}

function row(group) {
  const [{word, letter, why}] = group;
  return html`<tr>
    <td data-label="Letters" class="number">${group.length}</td>
    <td data-label="What would happen">${mark(word, WOULD[word] ?? word)}</td>
    <td data-label="Step and reason">${plain(letter.step)}: ${plain(letter.reason)}</td>
    <td data-label="Worth">${sums(worth(group.map((each) => each.letter)))}</td>
    <td data-label="Why">${plain(why)}</td>
  </tr>`;
}
