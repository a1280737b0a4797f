// The frame of the page: who looks, which view is shown, how old it is. Draws the views and knows nothing of payments.
import {get} from './api.js';
import {charts, remember} from './charts.js';
import {flow} from './flow.js';
import {letters} from './letters.js';
import {announce, draw, drawWith, link, page, place} from './page.js';
import {payments} from './payments.js';
import {Ticker} from './ticker.js';
import {tryIt} from './tryit.js';
import {html, nothing, render} from './vendor/lit-html.js';
import {duration, plain} from './words.js';

const VIEWS = {flow, payments, letters, charts, try: tryIt};
const AWAY_MS = 10_000;
const SLOW_MS = 6_000;
const SIGN_IN = '/.auth/login/aad?post_login_redirect_uri=/api/console';
const root = document.getElementById('page');

let view = flow;
let wasAsked = false;
let isNews = false; // something moved, and the view could not ask for it yet
const ticker = new Ticker({ask, changed: draw});

async function ask() {
  try {
    if (!page.me) await begin();
    const before = page.flow;
    const awayMs = Date.now() - page.heardAt;
    page.flow = await get('/api/ops/flow');
    page.heardAt = Date.now();
    page.build ??= page.flow.build;
    remember(page.flow.feeds);
    page.refusal = null;
    isNews ||= awayMs > AWAY_MS || hasMoved(before, page.flow);
    await view.tick?.(isNews);
    isNews = false;
    page.trouble = null;
  } catch (fault) {
    failed(fault);
    throw fault;
  } finally {
    draw();
  }
}

async function begin() {
  page.me = await get('/api/ops/me');
  page.local = await get('/local/').catch(() => null);
}

function failed(fault) {
  if (!('status' in fault)) {
    console.error(fault);
    page.trouble = 'something went wrong in the page';
  } else if (fault.status === 401 || fault.status === 403) {
    page.refusal = fault;
    page.me = null;
  } else {
    page.trouble = fault.words;
  }
}

// Whether anything came in since the look before, or stands elsewhere: else no other list is asked for anew. Two looks
// tell that only where they are so near to each other that what came in between still shows.
function hasMoved(before, flow) {
  if (before === flow) return false; // the app said that it has not changed
  const now = moving(flow);
  return !before || moving(before) !== now || now.startsWith('!');
}

function moving(flow) {
  const recent = flow.topics.map((each) => each.curve.slice(-2).join('+')).join();
  const stands = flow.steps.map((each) => [each.owed, each.late, ...Object.values(each.parked)].join('+')).join();
  const isRecent = /[1-9]/.test(recent) ? '!' : '';
  return [isRecent, recent, stands, flow.letters.open].join('|');
}

function changedPlace() {
  const {path, params} = place();
  const found = VIEWS[path[0]] ?? flow;
  if (found !== view) view.leave?.();
  view = found;
  view.enter?.(path.slice(1), params);
  document.title = `${view.title} - Regis Pay`;
  if (wasAsked) {
    window.scrollTo(0, 0);
    draw();
    queueMicrotask(() => queueMicrotask(() => root.querySelector('h1')?.focus()));
  }
  wasAsked = true;
  ticker.wake();
}

// --- what is drawn

// A view that fails must not leave the frame as it was: that would pass for what is there now.
function frame() {
  try {
    render(whole(view.show), root);
    view.drawn?.();
  } catch (fault) {
    console.error(fault);
    render(whole(() => failedView(fault)), root);
  }
}

function failedView(fault) {
  return html`<h1 tabindex="-1">${view.title}</h1>
    <p class="fault">The page cannot show this: ${plain(fault.message)}. The command can.</p>`;
}

function whole(show) {
  return html`
    <a class="skip" href="#main" @click=${skip}>Skip to the content</a>
    <header>
      <p class="name">Regis Pay</p>
      <nav aria-label="Views">${Object.entries(VIEWS).map(([name, each]) => tab(name, each))}</nav>
      <div class="looks">${looks()}</div>
    </header>
    ${page.trouble ? html`<p class="trouble" role="alert">${trouble()}</p>` : nothing}
    ${page.flow ? anew() : nothing}
    <main id="main" tabindex="-1" aria-busy=${!page.refusal && !page.flow}>
      ${page.refusal ? refused() : page.flow ? show() : first()}
    </main>
    <p class="unseen" role="status">${page.said}</p>
  `;
}

function anew() {
  if (!page.build || page.flow.build === page.build) return nothing;
  return html`<p class="caveat">
    The app has been deployed anew since this page was loaded. <a href="/api/console">Load the page again</a>
  </p>`;
}

function skip(event) {
  event.preventDefault();
  document.getElementById('main').focus();
}

function tab(name, each) {
  if (each === tryIt && !page.local) return nothing;
  const open = each === letters ? page.flow?.letters.open : 0;
  return html`<a href=${link([name])} aria-current=${view === each ? 'page' : nothing}
    >${each.title}${open ? html` <span class="badge">${open}<span class="unseen"> open</span></span>` : nothing}</a
  >`;
}

function looks() {
  const name = page.me ? html`<span class="who">${plain(page.me.name)}</span>` : nothing;
  return html`${name}<span class="age">${age()}</span>
    <button type="button" aria-pressed=${ticker.isPaused} @click=${() => ticker.pause(!ticker.isPaused)}>
      Pause
    </button>`;
}

function age() {
  const old = page.heardAt ? `as of ${duration((Date.now() - page.heardAt) / 1000)} ago` : 'not heard yet';
  const why = {paused: 'paused', hidden: 'stopped: hidden', idle: 'stopped: nobody looks', failing: 'trying again'};
  const waits = ticker.isAsking && Date.now() - page.heardAt > SLOW_MS ? 'no answer yet' : '';
  return [old, why[ticker.state] ?? waits].filter(Boolean).join(', ');
}

function trouble() {
  const inS = Math.ceil((ticker.nextAt - Date.now()) / 1000);
  const next = inS > 0 ? ` Trying again in ${inS} s.` : ' Trying again now.';
  return `Out of date: ${plain(page.trouble).replace(/[.]$/, '')}.${ticker.state === 'failing' ? next : ''}`;
}

function refused() {
  if (page.refusal.needsSignIn) {
    return html`<h1 tabindex="-1">Sign in</h1>
      <p>What stands here is for operators, and nobody has signed in.</p>
      <p><a class="button" href=${SIGN_IN}>Sign in</a></p>`;
  }
  return html`<h1 tabindex="-1">This is not for you</h1>
    <p>${plain(page.refusal.words)}</p>
    <p class="quiet">
      The app says ${page.refusal.status}${page.refusal.code ? ` ${plain(page.refusal.code)}` : ''}.
    </p>`;
}

function first() {
  return html`<h1 tabindex="-1">${view.title}</h1>
    <p class="quiet">Asking the app.</p>`;
}

root.replaceChildren();
drawWith(frame);
window.addEventListener('hashchange', changedPlace);
window.addEventListener('unhandledrejection', (event) => announce(`the page failed: ${event.reason?.message ?? ''}`));
setInterval(() => document.hidden || draw(), 1000);
changedPlace();
