// Charts of the last ten minutes: lag, time to completed, time until an unknown outcome was certain, letters by age.
// Drawn as SVG, so that the theme colours them; their words are HTML.
import {page} from './page.js';
import {html, nothing, svg} from './vendor/lit-html.js';
import {count, duration, now} from './words.js';

const KEPT = 300;
const [WIDE, HIGH] = [600, 160];
const seen = []; // [seconds, lag of the outbox, lag of the read model], of each look since the page was opened

export const charts = {title: 'Charts', show};

// Called with each summary, whatever view is shown.
export function remember({publish, project}) {
  seen.push([now() / 1000, publish.lag_s, project.lag_s]);
  if (seen.length > KEPT) seen.shift();
}

function all() {
  const {times, as_of: asOf, bucket_s: bucketS} = page.flow;
  return [
    {
      title: 'Lag, since this page was opened',
      names: ['outbox', 'read model'],
      rows: seen,
      empty: 'nothing was seen yet',
    },
    {
      title: 'Time to completed',
      names: ['half', '99 of 100'],
      rows: curve(times.completed_s.curve, {asOf, bucketS}),
      empty: 'no payment was completed in these ten minutes',
    },
    {
      title: 'Time until an unknown outcome was certain',
      names: ['half', '99 of 100'],
      rows: curve(times.certain_s.curve, {asOf, bucketS}),
      empty: 'no step needed a second attempt in these ten minutes',
    },
  ];
}

function curve(points, {asOf, bucketS}) {
  const last = Date.parse(asOf) / 1000;
  return points.map((pair, at) => [last - (points.length - 1 - at) * bucketS, pair?.[0] ?? null, pair?.[1] ?? null]);
}

function isEmpty({rows}) {
  return !rows.some(([, ...values]) => values.some((each) => each !== null));
}

// --- what is drawn

function show() {
  return html`<h1 tabindex="-1">Charts</h1>
    <div class="charts">${all().map(chart)}${byAge()}</div>`;
}

function chart(each) {
  const last = each.rows.findLast(([, ...values]) => values.some((value) => value !== null));
  return html`<section class="chart" aria-label=${each.title}>
    <h2>${each.title}</h2>
    <p class="legend">
      ${each.names.map(
        (name, at) =>
          html`<span
            ><span class="line line-${at}" aria-hidden="true"></span>${name}
            ${last ? html`<span class="quiet">last ${duration(last[at + 1])}</span>` : nothing}</span
          >`,
      )}
    </p>
    ${isEmpty(each) ? html`<p class="quiet">None: ${each.empty}.</p>` : nothing}
    ${isEmpty(each) ? nothing : [plot(each), asTable(each)]}
  </section>`;
}

function plot({rows}) {
  const [from, to] = [rows[0][0], Math.max(rows.at(-1)[0], rows[0][0] + 1)];
  const most = Math.max(0.1, ...rows.flatMap(([, ...values]) => values.filter((each) => each !== null)));
  const point = (at, value) =>
    `${(((at - from) / (to - from)) * WIDE).toFixed(1)},${(HIGH - (value / most) * (HIGH - 4)).toFixed(1)}`;
  return html`<div class="plot" aria-hidden="true">
    <span class="quiet number">${duration(most)}</span>
    <svg viewBox="0 0 ${WIDE} ${HIGH}" preserveAspectRatio="none">
      ${line('grid', `M0,4H${WIDE}M0,${HIGH / 2 + 2}H${WIDE}M0,${HIGH}H${WIDE}`)}
      ${[1, 2].map((column) => line(`curve curve-${column - 1}`, way(rows, column, point)))}
    </svg>
    <span class="quiet">0</span>
    <span class="quiet span">${duration(to - from)} ago<span>now</span></span>
  </div>`;
}

function line(name, d) {
  return svg`<path class=${name} d=${d} vector-effect="non-scaling-stroke"></path>`;
}

// A line through what is known; what stands alone is a dash.
function way(rows, column, point) {
  let isDown = false;
  return rows
    .map((row) => {
      const value = row[column];
      const step = value === null ? '' : isDown ? `L${point(row[0], value)}` : `M${point(row[0], value)}h4`;
      isDown = value !== null;
      return step;
    })
    .join('');
}

function asTable({title, names, rows}) {
  const known = rows
    .filter(([, ...values]) => values.some((value) => value !== null))
    .slice(-20)
    .reverse();
  return html`<details>
    <summary>As a table</summary>
    <table>
      <caption class="unseen">
        ${title}
      </caption>
      <thead>
        <tr>
          <th scope="col">Time</th>
          ${names.map((name) => html`<th scope="col">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${known.map(
          ([at, ...values]) =>
            html`<tr>
              <th scope="row">${new Date(at * 1000).toISOString().slice(11, 19)}</th>
              ${values.map((each) => html`<td class="number">${duration(each)}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </details>`;
}

function byAge() {
  const {by_age: ages, open} = page.flow.letters;
  const most = Math.max(1, ...ages.map((each) => each.n));
  let from = 0;
  const bars = ages.map(({up_to_s: upTo, n}) => {
    const words = upTo === null ? `over ${duration(from)}` : `up to ${duration(upTo)}`;
    from = upTo;
    return html`<li>
      <span>${words}</span>
      <svg class="track" aria-hidden="true">
        ${svg`<rect x="0" y="15%" height="70%" width="${(n / most) * 100}%" rx="2"></rect>`}
      </svg>
      <span class="number">${n}</span>
    </li>`;
  });
  return html`<section class="chart" aria-label="Letters by age">
    <h2>Letters by age</h2>
    <p class="quiet">${count(open, 'letter')} open</p>
    <ul class="bars">
      ${bars}
    </ul>
  </section>`;
}
