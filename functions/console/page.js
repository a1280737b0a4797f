// What all views share: what was heard last, who looks, and how the page is drawn anew. Knows no view.
import {html} from './vendor/lit-html.js';
import {plain} from './words.js';

export const page = {
  me: null, // who has signed in, and what they may
  flow: null, // the last summary
  build: null, // of the app, when the page was loaded
  heardAt: 0, // when it came, by this machine's clock
  local: null, // the parts of the local platform; null elsewhere
  refusal: null, // why nothing can be shown
  trouble: null, // why the last look failed
  said: '', // read out by screen readers
};

let drawing = null;
let isDue = false;

export function drawWith(frame) {
  drawing = frame;
}

// Draws once, however often it is asked for meanwhile.
export function draw() {
  if (isDue) return;
  isDue = true;
  queueMicrotask(() => {
    isDue = false;
    drawing?.();
  });
}

export function announce(text) {
  page.said = text;
  draw();
}

// The hash part of the address: '#/payments?status=failed' is the path ['payments'] and its parameters.
export function place() {
  const [path, search] = location.hash.replace(/^#\/?/, '').split('?');
  return {path: path.split('/').filter(Boolean).map(decoded), params: new URLSearchParams(search ?? '')};
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function link(path, fields = {}) {
  const given = Object.entries(fields).filter(([, value]) => value !== '' && value !== null && value !== undefined);
  const search = given.length ? `?${new URLSearchParams(given)}` : '';
  return `#/${path.map(encodeURIComponent).join('/')}${search}`;
}

export function paymentLink(paymentId) {
  return html`<a href=${link(['payments', paymentId])}><code>${plain(paymentId.slice(0, 8))}</code></a>`;
}

export function go(path, fields) {
  location.hash = link(path, fields);
}

// For what a view asks for by itself: a wish that the app refuses is said in the view, and is no trouble of the app.
export async function wished(owner, work) {
  try {
    await work();
    owner.fault = null;
  } catch (fault) {
    if (![400, 404, 422].includes(fault.status)) throw fault;
    owner.fault = fault;
  }
}

// For what somebody asked for by a button: says what went wrong, where `owner.fault` is shown.
export async function attempt(owner, work) {
  owner.fault = null;
  owner.isBusy = true;
  draw();
  try {
    return await work();
  } catch (fault) {
    owner.fault = fault;
    announce(fault.words ?? 'something went wrong in the page');
    if (fault.words === undefined) throw fault;
    return undefined;
  } finally {
    owner.isBusy = false;
    draw();
  }
}
