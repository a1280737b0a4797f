// Where topics stand on the map, and the lines between them. Knows names only from what it is given.

const WIDE = matchMedia('(min-width: 64rem)');

export function isWide() {
  return WIDE.matches;
}

// Topics in columns, each behind all whose steps lead to it; and those at which no step is and to which none leads.
export function arrange(topics, steps) {
  const known = topics.map((topic) => ({...topic, reactions: steps.filter((step) => step.topic === topic.topic)}));
  const feeds = (step, to) => step.appends.some((type) => to.events.includes(type));
  const leads = (from, to) => from.reactions.some((step) => feeds(step, to));
  const rankOf = ranks(known, leads);
  for (const topic of known) {
    topic.reactions = topic.reactions.map((step) => {
      return {...step, leads: known.filter((to) => feeds(step, to)).map((to) => to.topic)};
    });
  }
  const isLinked = (topic) => topic.reactions.length || known.some((from) => leads(from, topic));
  const columns = [];
  for (const topic of known.filter(isLinked)) (columns[rankOf(topic)] ??= []).push(topic);
  return {columns: columns.filter(Boolean), others: known.filter((topic) => !isLinked(topic))};
}

// The longest way from a beginning, each topic once on it, so that a circle ends.
function ranks(known, leads) {
  const found = new Map();
  const rank = (topic, way) => {
    if (found.has(topic)) return found.get(topic);
    const before = known.filter((from) => from !== topic && !way.includes(from) && leads(from, topic));
    const own = Math.max(-1, ...before.map((from) => rank(from, [...way, topic]))) + 1;
    if (!way.length) found.set(topic, own);
    return own;
  };
  for (const topic of known) rank(topic, []);
  return (topic) => found.get(topic);
}

let drawnFor = '';

// Draws the lines where there is room for them, after the cards have their places.
export function wire() {
  const map = document.getElementById('map');
  const layer = map?.querySelector('.wires');
  if (!layer) return;
  const lines = isWide() ? linesOf(map) : [];
  const key = lines.map((line) => line.d + line.minute).join();
  if (key === drawnFor && layer.childElementCount === lines.length) return;
  drawnFor = key;
  layer.replaceChildren(...lines.map(path));
}

// The more events, the broader.
function path({d, minute}) {
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  line.setAttribute('d', d);
  line.setAttribute('class', minute ? 'busy' : '');
  line.setAttribute('stroke-width', (1.5 + Math.min(2.5, Math.log10(1 + minute))).toFixed(1));
  return line;
}

function linesOf(map) {
  const origin = map.getBoundingClientRect();
  const boxOf = new Map([...map.querySelectorAll('[data-topic]')].map((card) => [card.dataset.topic, card]));
  return [...map.querySelectorAll('[data-step]')].flatMap((step) =>
    (step.dataset.leads ?? '')
      .split(' ')
      .filter((name) => boxOf.has(name))
      .map((name) => between(step, boxOf.get(name), origin)),
  );
}

function between(step, card, origin) {
  const from = step.getBoundingClientRect();
  const to = card.getBoundingClientRect();
  const [x1, y1] = [from.right - origin.left, from.top + from.height / 2 - origin.top];
  const [x2, y2] = [to.left - origin.left, to.top + 20 - origin.top];
  const isBack = x2 <= x1;
  const bend = Math.max(24, Math.abs(x2 - x1) / 2);
  const d = isBack
    ? `M${x1},${y1} C${x1 + bend},${y1} ${x1 + bend},${y2} ${to.right - origin.left},${y2}`
    : `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
  return {d, minute: Math.min(minuteOf(step.closest('[data-topic]')), minuteOf(card))};
}

// No more can have gone from a step to a topic than what came to the one and what went to the other.
function minuteOf(card) {
  return Number(card.dataset.minute);
}

addEventListener('resize', () => wire());
