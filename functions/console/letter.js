// One letter whole: the message, each attempt, what a person did, and what a replay would do now.
import {get} from './api.js';
import {pathOf} from './acting.js';
import {link} from './page.js';
import {previewed} from './preview.js';
import {html, nothing} from './vendor/lit-html.js';
import {ago, atStake, clock, mark, plain, theirs} from './words.js';
import {Refused} from './api.js';

const WOULD = {
  replayed: 'it would be sent again',
  nothing_to_do: 'nothing would be done',
  cannot: 'it is not possible',
};

export function oneLetter(letterId) {
  const own = {letterId, letter: null, isGone: false};
  return {tick: () => look(own), show: () => show(own)};
}

async function look(own) {
  try {
    own.letter = await get(pathOf(own.letterId));
    own.isGone = false;
  } catch (fault) {
    if (!(fault instanceof Refused) || fault.status !== 404) throw fault;
    own.isGone = true;
  }
}

function show(own) {
  const back = html`<p><a href=${link(['letters'])}>All letters</a></p>`;
  if (own.isGone)
    return html`${back}
      <h1 tabindex="-1">No such letter</h1>
      <p>There is no letter with the id ${theirs(own.letterId)}.</p>`;
  if (!own.letter)
    return html`${back}
      <h1 tabindex="-1">Letter</h1>
      <p class="quiet">Asking.</p>`;
  const {letter} = own;
  return html`${back}
    <h1 tabindex="-1">Letter: ${plain(letter.step)} ${plain(letter.reason)}</h1>
    <p class="lead">
      ${mark(letter.status)} ${mark(letter.severity)} ${atStake(letter)}
      ${letter.reference ? theirs(letter.reference) : nothing}
      <span class="quiet">recorded ${ago(letter.recorded_at)}</span>
    </p>
    <p>${theirs(letter.description)}</p>
    ${
      letter.status === 'open'
        ? html`<p class="bar">
            <button type="button" @click=${() => previewed('replay', {letter})}>Replay…</button>
            <button type="button" @click=${() => previewed('discard', {letter})}>Discard…</button>
          </p>`
        : nothing
    }
    ${facts(letter)} ${tries(letter)} ${history(letter)} ${message(letter)}`;
}

function facts(letter) {
  const {
    message: {attempt, delivery_count: deliveries, answered},
    replay_would: would,
  } = letter;
  return html`<dl class="facts">
    <dt>letter</dt>
    <dd><code>${plain(letter.id)}</code></dd>
    ${
      letter.payment_id
        ? html`<dt>payment</dt>
            <dd>
              <a href=${link(['payments', letter.payment_id])}><code>${plain(letter.payment_id)}</code></a>
              ${letter.payment ? mark(letter.payment.status) : nothing}
            </dd>`
        : nothing
    }
    <dt>came from</dt>
    <dd>${theirs(letter.source)}</dd>
    <dt>message</dt>
    <dd>attempt ${attempt + 1}, delivery ${deliveries}${answered ? ', and the other side had said yes' : ''}</dd>
    ${
      would
        ? html`<dt>a replay now</dt>
            <dd>${WOULD[would.verdict] ?? would.verdict}: ${plain(would.why)}</dd>`
        : nothing
    }
  </dl>`;
}

function tries({message: {tries: list}}) {
  if (!list) return nothing;
  return html`<section aria-label="Attempts">
    <h2>Attempts</h2>
    <ol class="lines">
      ${list.map((each) => html`<li>${clock(each.at)} ${plain(each.code)}: ${theirs(each.answer)}</li>`)}
    </ol>
  </section>`;
}

function history({history: list}) {
  if (!list.length) return nothing;
  return html`<section aria-label="History">
    <h2>History</h2>
    <ul class="lines">
      ${list.map(
        (each) => html`<li>${clock(each.at)} ${plain(each.action)} by ${theirs(each.by)}: ${theirs(each.note)}</li>`,
      )}
    </ul>
  </section>`;
}

function message({message: {message_id: id, body}}) {
  return html`<section aria-label="Message">
    <h2>Message</h2>
    <p><code>${plain(id)}</code></p>
    <pre tabindex="0">${body.split('\n').map((each) => `${plain(each)}\n`)}</pre>
  </section>`;
}
