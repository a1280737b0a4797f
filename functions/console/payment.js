// One payment whole: what it waits for, its timeline, where its money is, who was told, and what may be done.
import {get, query, Refused} from './api.js';
import {actions} from './doing.js';
import {because, disputes, ledger, refunds} from './money.js';
import {announce, link, page} from './page.js';
import {notifications} from './notifications.js';
import {timeline} from './timeline.js';
import {lookedUp, unread} from './unread.js';
import {html, nothing} from './vendor/lit-html.js';
import {ago, bare, clock, duration, mark, money, plain, seconds, theirs} from './words.js';

const REST_MS = 10_000; // most of what moves is of other payments
const AT_REST = new Set(['completed', 'failed', 'voided']);

// Begins to follow the payment; returns what the view of payments needs of it.
export function onePayment(paymentId) {
  const own = {
    paymentId,
    payment: null,
    events: [],
    notices: [],
    letters: [],
    isGone: false,
    isNews: false,
    askedAt: 0,
    fault: null,
    row: null,
  };
  return {tick: (hasMoved) => tick(own, hasMoved), show: () => show(own)};
}

async function tick(own, hasMoved) {
  own.isNews ||= hasMoved;
  const isAtRest = own.fault || (own.payment && rests(own));
  if (isAtRest && (!own.isNews || Date.now() - own.askedAt < REST_MS)) return;
  own.askedAt = Date.now();
  await look(own);
  own.isNews = false;
}

// Whether nothing more comes by itself: each step that is owed waits for a person.
function rests({payment, notices}) {
  const waits = payment.waiting ?? [];
  const pending = (payment.refunds ?? []).filter((refund) => refund.status === 'pending').length;
  const untold = notices.filter((each) => each.state === 'waiting').length;
  const owed = (AT_REST.has(payment.status) ? 0 : 1) + pending + untold;
  return waits.every((each) => each.state === 'parked') && waits.length >= owed;
}

async function look(own) {
  const path = `/api/ops/payments/${encodeURIComponent(own.paymentId)}`;
  try {
    const [payment, told, notices, dead] = await Promise.all([
      get(path),
      get(`${path}/events`),
      get(`${path}/notifications`),
      get(lettersOf(own)),
    ]);
    const wasStatus = own.payment?.status;
    Object.assign(own, {
      payment,
      events: told.events,
      notices: notices.notifications,
      letters: dead.dead_letters,
      isGone: false,
      fault: null,
    });
    if (wasStatus && wasStatus !== payment.status) announce(`the payment is ${payment.status}`);
  } catch (fault) {
    if (fault.code === 'unreadable') await lookAtRest(own, fault);
    else if (fault instanceof Refused && fault.status === 404) own.isGone = true;
    else throw fault;
  }
}

// Of a payment whose events cannot be read: what else is known of it.
async function lookAtRest(own, fault) {
  const [row, dead] = await Promise.all([lookedUp(own.paymentId), get(lettersOf(own))]);
  Object.assign(own, {fault, row, letters: dead.dead_letters});
}

function lettersOf({paymentId}) {
  return query('/api/ops/dead-letters', {payment_id: paymentId.toLowerCase(), limit: 200});
}

// --- what is drawn

function show(own) {
  const {payment} = own;
  const back = html`<p><a href=${link(['payments'])}>All payments</a></p>`;
  if (own.isGone) {
    return html`${back}
      <h1 tabindex="-1">No such payment</h1>
      <p>There is no payment with the id ${theirs(own.paymentId)}.</p>`;
  }
  if (own.fault) return html`${back} ${unread(own)} ${letters(own)}`;
  if (!payment)
    return html`${back}
      <h1 tabindex="-1">Payment</h1>
      <p class="quiet">Asking.</p>`;
  return html`${back}
    <h1 tabindex="-1">Payment <code>${payment.payment_id.slice(0, 8)}</code></h1>
    <p class="lead">
      ${mark(payment.status)} ${money(payment)} <span class="quiet">for</span> ${theirs(payment.reference)}
      ${because(payment.failed)}
    </p>
    ${waiting(payment)} ${actions(own, () => look(own))}
    <section aria-label="Timeline">
      <h2>Timeline</h2>
      ${timeline({events: own.events, payment, steps: steps()})}
      <details>
        <summary>Raw events</summary>
        ${own.events.map(raw)}
      </details>
    </section>
    ${ledger(payment)} ${refunds(payment)} ${disputes(payment)} ${notifications(own, () => look(own))} ${letters(own)}
    ${about(payment)}`;
}

// The steps as the app tells them, each with the events that start it.
function steps() {
  const eventsOf = new Map(page.flow.topics.map((each) => [each.topic, each.events]));
  return page.flow.steps.map((step) => ({...step, starts: eventsOf.get(step.topic) ?? []}));
}

function waiting(payment) {
  if (!payment.waiting) return nothing;
  return html`<ul class="waits">
    ${payment.waiting.map(
      (wait) =>
        html`<li>
          ${mark(wait.state, `${bare(wait.step)}: ${wait.state}`)} for ${duration(seconds(wait.since))}
          ${wait.reason ? html`<span class="quiet">because</span> ${theirs(wait.reason)}` : nothing}
          ${wait.state === 'parked' ? html`<a href="#" @click=${toLetters}>a person has to look</a>` : nothing}
        </li>`,
    )}
  </ul>`;
}

function toLetters(event) {
  event.preventDefault();
  document.getElementById('letters-of-it')?.focus();
}

function raw(event) {
  return html`<h3>${event.version}: ${event.type}</h3>
    <pre tabindex="0">${plainJson(event)}</pre>`;
}

// Line breaks are of the JSON itself: those in texts are written as \n.
function plainJson(value) {
  return JSON.stringify(value, null, 2).split('\n').map(plain).join('\n');
}

function letters({letters: list}) {
  if (!list.length) return nothing;
  return html`<section aria-label="Letters of this payment">
    <h2 id="letters-of-it" tabindex="-1">Letters</h2>
    <ul class="lines">
      ${list.map(
        (each) =>
          html`<li>
            ${mark(each.status)}
            <a href=${link(['letters', each.id])}>${each.step}: ${plain(each.reason)}</a> ${ago(each.recorded_at)}
            ${theirs(each.description)}
          </li>`,
      )}
    </ul>
  </section>`;
}

function about(payment) {
  const own = Object.entries(payment.metadata ?? {});
  return html`<section aria-label="What the merchant sent">
    <h2>What the merchant sent</h2>
    <dl class="facts">
      <dt>payment</dt>
      <dd><code>${payment.payment_id}</code></dd>
      <dt>merchant</dt>
      <dd>${theirs(payment.merchant_id)}</dd>
      <dt>began</dt>
      <dd>${clock(payment.initiated_at)} ${ago(payment.initiated_at)}</dd>
      <dt>method</dt>
      <dd>${theirs(payment.payment_method ?? 'not kept')}</dd>
      ${
        payment.description
          ? html`<dt>description</dt>
              <dd>${theirs(payment.description)}</dd>`
          : nothing
      }
      ${
        payment.notification_url
          ? html`<dt>told at</dt>
              <dd>${theirs(payment.notification_url)}</dd>`
          : nothing
      }
      ${own.map(
        ([name, text]) =>
          html`<dt>${theirs(name)}</dt>
            <dd>${theirs(text)}</dd>`,
      )}
    </dl>
  </section>`;
}
