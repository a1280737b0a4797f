// What a payment's steps took, as bars on one time axis: from its events, and what it waits for. Asks for nothing.
import {html, nothing, svg} from './vendor/lit-html.js';
import {clock, duration, mark, now, plain} from './words.js';

const FACTS = ['reason', 'code', 'notification', 'provider_payment_id', 'capture_id', 'void_id'];

// Rows of {name, from, to, state, attempt, says}: a step from its cause to its fact, what is under way up to now, and
// what happened at one moment (to: null).
export function rowsOf({events, payment, steps, at}) {
  const byVersion = new Map(events.map((event) => [String(event.version), event]));
  const causeOf = (event) => byVersion.get(causeIn(event)) ?? startOf(event, events, steps);
  const rows = events.map((event) => rowOf(event, causeOf(event), steps));
  const waits = payment.waiting ?? [];
  for (const wait of waits) {
    rows.push({
      name: wait.step,
      from: Date.parse(wait.since),
      to: at,
      state: wait.state,
      says: wait.reason ?? '',
      isOpen: true,
    });
  }
  if (!waits.length) rows.push(...underWay({events, payment, steps, at}));
  return rows;
}

// The version of the event that led to this one: a message's id begins with its payment and version.
function causeIn({caused_by: by}) {
  return /^[0-9a-f-]{36}:(\d+)/.exec(by ?? '')?.[1];
}

// What had started a step that was parked: its own start, or a person who started it again.
function startOf(event, events, steps) {
  if (event.type !== 'payment.parked') return undefined;
  const [kind, id] = event.data.step.split(/:(.*)/);
  const starts = steps.find((step) => step.step === kind)?.starts ?? [];
  const isOurs = ({type, data, version}) =>
    type === 'payment.resumed'
      ? data.step === event.data.step
      : starts.includes(type) && (!id || data.refund_id === id || id.endsWith(`:${version}`));
  return events.findLast((each) => each.version < event.version && isOurs(each));
}

function rowOf(event, cause, steps) {
  const at = Date.parse(event.occurred_at);
  const step = stepOf(event, cause, steps);
  const base = {name: step ?? short(event.type), event, attempt: event.attempt, says: facts(event)};
  const state = event.type === 'payment.parked' ? 'parked' : isBad(event) ? 'failed' : 'done';
  if (!step) return {...base, from: at, to: null, state};
  return {...base, from: Date.parse(cause?.occurred_at ?? event.occurred_at), to: at, state};
}

function isBad({type, data}) {
  return /(failed|lost)$/.test(type) || data.notification === 'undelivered';
}

// The step that stored the event: which one the cause starts, and this event ends.
function stepOf(event, cause, steps) {
  if (event.data.step && event.type !== 'payment.resumed') return event.data.step;
  if (!cause) return null;
  if (cause.data.step) return cause.data.step;
  const topicOf = steps.filter((step) => step.starts.includes(cause.type) && step.appends.includes(event.type));
  return topicOf[0]?.step ?? null;
}

// The next step of a payment that goes on and is not held up: it runs since the last event.
function underWay({events, payment, steps, at}) {
  const last = events.at(-1);
  const next = steps.filter((step) => step.starts.includes(last.type));
  if (!next.length || ['completed', 'voided'].includes(payment.status)) return [];
  if (payment.failed && !payment.created && !payment.untold) return [];
  const mayRun = next.filter((step) => step.step !== 'void' || payment.created);
  return mayRun
    .slice(0, 1)
    .map((step) => ({
      name: step.step,
      from: Date.parse(last.occurred_at),
      to: at,
      state: 'running',
      says: '',
      isOpen: true,
    }));
}

function facts({data}) {
  const said = FACTS.filter((name) => data[name]).map((name) => String(data[name]));
  return [...(data.refund_id ? [`refund ${data.refund_id.slice(0, 8)}`] : []), ...said].join(', ');
}

function short(type) {
  return type.replace(/^payment\./, '').replaceAll('_', ' ');
}

export function timeline(told) {
  const rows = rowsOf({...told, at: now()});
  const start = Math.min(...rows.map((row) => row.from));
  const end = Math.max(start + 1, ...rows.map((row) => row.to ?? row.from));
  return html`<p class="axis quiet">
      <span>${clock(new Date(start).toISOString())}</span> <span>${duration((end - start) / 1000)} in all</span>
    </p>
    <ol class="timeline">
      ${rows.map((row) => bar(row, start, end))}
    </ol>`;
}

function bar(row, start, end) {
  const percent = (moment) => ((moment - start) / (end - start)) * 100;
  const from = percent(row.from);
  const width = row.to === null ? 0 : percent(row.to) - from;
  const shape =
    row.to === null
      ? svg`<circle cx="${Math.min(99.2, Math.max(0.8, from))}%" cy="50%" r="4"></circle>`
      : svg`<rect x="${Math.min(from, 99)}%" y="20%" width="${Math.max(width, 1)}%" height="60%" rx="2"></rect>`;
  return html`<li class="row ${row.state}">
    <p class="what">
      ${mark(row.state, row.name.replaceAll('_', ' ').replace(/:.*/, ''))}
      ${row.isOpen ? html`<span class="quiet">${row.state}</span>` : nothing}
      ${row.event && row.to !== null ? html`<span class="quiet">→ ${short(row.event.type)}</span>` : nothing}
      ${row.says ? html`<bdi class="theirs">${plain(row.says)}</bdi>` : nothing}
    </p>
    <svg class="track" aria-hidden="true">${shape}</svg>
    <p class="took">
      ${row.to === null ? html`${clock(new Date(row.from).toISOString())}` : duration((row.to - row.from) / 1000)}
      ${row.attempt ? html`<span class="quiet">attempt ${row.attempt}</span>` : nothing}
    </p>
  </li>`;
}
