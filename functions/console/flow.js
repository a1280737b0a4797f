// The flow: topics, steps and what waits where, drawn from what the app says of itself. No step is named here.
import {link, page} from './page.js';
import {html, nothing, svg} from './vendor/lit-html.js';
import {repeat} from './vendor/directives/repeat.js';
import {clock, count, duration, mark, seconds} from './words.js';
import {arrange, wire} from './map.js';

export const flow = {title: 'Flow', show, drawn: wire};

function show() {
  const {topics, steps, feeds} = page.flow;
  const {columns, others} = arrange(topics, steps);
  return html`
    <h1 tabindex="-1">Flow</h1>
    <section class="tiles" aria-label="At a glance">
      ${feed('Outbox', feeds.publish, 'events not published yet')}
      ${feed('Read model', feeds.project, 'events not in the lists yet')} ${ends()} ${speed()} ${open()}
    </section>
    <section aria-label="Map">
      <p class="quiet">
        A request is accepted and stored; the outbox publishes each event on its topic; the step that listens there
        makes its call and stores the next event. Counts are of the last minute, curves of the last ten.
      </p>
      ${began()}
      <div class="map" id="map">
        <svg class="wires" aria-hidden="true"></svg>
        ${columns.map(
          (column) =>
            html`<ul class="column">
              ${repeat(column, (each) => each.topic, topicCard)}
            </ul>`,
        )}
      </div>
      ${
        others.length
          ? html`<h2>No step of ours listens</h2>
              <ul class="others">
                ${repeat(others, (each) => each.topic, topicCard)}
              </ul>`
          : nothing
      }
    </section>
  `;
}

// What was stored before the app began to watch is in no count: a nought may be none.
function began() {
  const {since, topics, bucket_s: bucketS} = page.flow;
  const whole = topics[0].curve.length * bucketS;
  if (seconds(since) >= whole - bucketS) return nothing;
  return html`<p class="caveat">
    More was stored than the app reads at once: counts, curves and times are whole only since ${clock(since)}.
  </p>`;
}

function feed(name, {lag_s: lag, unread}, what) {
  const waits = unread ? html`<span>${count(unread, what.replace(/^events/, 'event'), what)}</span>` : nothing;
  const state = lag > 60 ? 'cannot' : lag > 0 || unread ? 'running' : 'done';
  const words = lag > 60 ? `behind for ${duration(lag)}` : unread || lag > 0 ? `${duration(lag)} behind` : 'up to date';
  return tile(name, mark(state, words), waits);
}

function tile(name, main, more = nothing) {
  return html`<div class="tile">
    <h2>${name}</h2>
    <p class="main">${main}</p>
    <p class="quiet">${more}</p>
  </div>`;
}

function ends() {
  const words = Object.entries(page.flow.ends);
  return html`<div class="tile wide">
    <h2>Ended, in the last minute</h2>
    <ul class="ends">
      ${words.map(
        ([word, {minute, curve}]) =>
          html`<li>
            ${minute ? mark(word, `${minute} ${word}`) : html`<span class="quiet">0 ${word}</span>`} ${sparkline(curve)}
          </li>`,
      )}
    </ul>
  </div>`;
}

function speed() {
  const {p50, p99} = page.flow.times.completed_s;
  if (p50 === null || p50 === undefined) return tile('Time to completed', 'none in ten minutes');
  const more = `half took less, in ten minutes; 99 of 100 less than ${duration(p99)}`;
  return tile('Time to completed', duration(p50), more);
}

function open() {
  const {open: number, high, oldest_s: oldest, elsewhere} = page.flow.letters;
  const other = elsewhere.high + elsewhere.normal + elsewhere.low;
  if (!number) return tile('Letters', mark('done', 'none open'));
  const more = [
    high ? `${high} of high severity` : '',
    `the oldest for ${duration(oldest)}`,
    other ? `${other} of no step` : '',
  ]
    .filter(Boolean)
    .join(', ');
  return tile(
    'Letters',
    html`<a href=${link(['letters'])}>${mark(high ? 'high' : 'parked', `${number} open`)}</a>`,
    more,
  );
}

function topicCard({topic, minute, curve, reactions}) {
  return html`<li class="topic" data-topic=${topic} data-busy=${String(minute > 0)}>
    <div class="head">
      <h3>${topic}</h3>
      <span class="rate" title="events in the last minute"
        >${minute}<span class="unseen"> in the last minute</span></span
      >
      ${sparkline(curve)}
    </div>
    ${reactions.map(stepRow)}
  </li>`;
}

// A link for each topic to which what the step stores goes; the map draws its lines by them.
function stepRow(step) {
  const {high, normal, low} = step.parked;
  const parked = high + normal + low;
  const isQuiet = !step.owed && !parked;
  return html`<div class="step" data-step=${step.step} data-leads=${step.leads.join(' ')}>
    <p>
      <strong title=${step.function}>${step.step.replaceAll('_', ' ')}</strong>
      ${isQuiet ? html`<span class="quiet">nothing waits</span>` : nothing}
      ${
        step.owed > step.late
          ? html`<a href=${link(['payments'], {owes: step.step})}
              >${mark('running', `${step.owed - step.late} to do`)}</a
            >`
          : nothing
      }
      ${
        step.late
          ? html`<a href=${link(['payments'], {owes: step.step})}
              >${mark('retrying', `${step.late} late, oldest ${duration(step.oldest_s)}`)}</a
            >`
          : nothing
      }
      ${
        parked
          ? html`<a href=${link(['letters'], {step: step.step})}
              >${mark(high ? 'high' : 'parked', `${parked} parked`)}</a
            >`
          : nothing
      }
    </p>
    <p class="appends quiet">→ ${step.appends.map(short).join(', ') || 'nothing'}</p>
  </div>`;
}

function short(type) {
  return type.replace(/^payment\./, '').replaceAll('_', ' ');
}

// A small curve without axes; what it says stands as a number beside it.
function sparkline(curve) {
  if (curve.length < 2) return nothing;
  const most = Math.max(1, ...curve);
  const points = curve.map((each, at) => `${at},${(15 - (each / most) * 14).toFixed(1)}`).join(' ');
  return html`<svg class="spark" viewBox="0 0 ${curve.length - 1} 16" preserveAspectRatio="none" aria-hidden="true">
    ${svg`<polyline points=${points} vector-effect="non-scaling-stroke"></polyline>`}
  </svg>`;
}
