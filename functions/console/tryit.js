// Only on the local platform: send a payment, break things, and watch. The platform says itself what can be done to it.
import {get, newKey, post} from './api.js';
import {announce, attempt, draw, go, page} from './page.js';
import {html, nothing} from './vendor/lit-html.js';
import {duration, mark, plain, seconds} from './words.js';

const TOKENS = {
  pm_ok: 'completed',
  pm_declined: 'declined',
  pm_slow: 'slow',
  pm_fails_twice: 'fails twice, then well',
  pm_times_out_once: 'times out once, is asked about',
  pm_down: 'down until repaired',
  pm_invalid: 'refused as wrong',
  pm_settle_declined: 'reserved, then declined and released',
  pm_settle_times_out_once: 'captured, and no answer comes',
  pm_settle_down: 'capture is down until repaired',
  pm_refund_declined: 'its refunds are declined',
  pm_refund_down: 'its refunds are down until repaired',
  pm_disputed: 'a bank takes it back',
  pm_dispute_won: 'a dispute that is won',
  pm_dispute_lost: 'a dispute that is lost',
};
const WORDS = {kill: 'Kill', freeze: 'Freeze', thaw: 'Thaw', break: 'Break', repair: 'Repair'};
const order = {fault: null, isBusy: false, sent: []};
const platform = {fault: null, isBusy: false};

export const tryIt = {title: 'Try it', tick, show};

async function tick() {
  page.local = await get('/local/').catch(() => page.local); // the platform may be away while the app is not
}

async function send(body) {
  await attempt(order, async () => {
    const key = newKey();
    const accepted = await post('/api/payments', body, {headers: {'Idempotency-Key': key}});
    order.sent = [{...accepted, method: body.payment_method}, ...order.sent].slice(0, 10);
    announce(`payment ${accepted.payment_id.slice(0, 8)} is ${accepted.status}`);
    return accepted;
  });
  return order.sent[0];
}

async function submitted(event) {
  event.preventDefault();
  const said = new FormData(event.target);
  const told = said.get('notification_url').trim();
  const body = {
    amount_minor: Number(said.get('amount_minor')),
    currency: said.get('currency').trim(),
    payment_method: said.get('payment_method'),
    reference: said.get('reference').trim(),
    ...(told ? {notification_url: told} : {}),
  };
  const sent = await send(body);
  if (!order.fault && sent) go(['payments', sent.payment_id]);
}

function usual(method) {
  return {amount_minor: 1250, currency: 'EUR', payment_method: method, reference: `try-${Date.now() % 1_000_000}`};
}

async function tell(path, words) {
  await attempt(platform, async () => {
    await post(path);
    announce(words);
    await tick();
  });
  draw();
}

// --- what is drawn

function show() {
  if (!page.local) {
    return html`<h1 tabindex="-1">Try it</h1>
      <p>This is only on a laptop.</p>`;
  }
  return html`<h1 tabindex="-1">Try it</h1>
    <section aria-label="Send a payment">
      <h2>Send a payment</h2>
      ${form()} ${order.fault ? html`<p class="fault">${order.fault.words}</p>` : nothing}
    </section>
    <section aria-label="One that goes another way">
      <h2>Or one that goes another way</h2>
      <ul class="tokens">
        ${methods().map(token)}
      </ul>
      ${order.sent.length ? html`<p>Sent: ${order.sent.map(sentLink)}</p>` : nothing}
    </section>
    ${breaking()}`;
}

// Of those that the provider here knows; another provider has others.
function methods() {
  return Object.keys(TOKENS).filter((each) => page.local.payment_methods.includes(each));
}

function token(method) {
  return html`<li>
    <button type="button" @click=${() => send(usual(method))}><code>${method}</code></button>
    <span>${TOKENS[method]}</span>
  </li>`;
}

function sentLink({payment_id: id, method}) {
  return html`<a href="#/payments/${id}">${method}</a> `;
}

function breaking() {
  const {provider, parts} = page.local;
  return html`<section aria-label="Break something">
    <h2>Break something, and watch <a href="#/flow">the flow</a> take it</h2>
    ${platform.fault ? html`<p class="fault">${platform.fault.words}</p>` : nothing}
    <ul class="lines">
      <li class="bar">
        ${mark(provider.state, `the provider's answers: ${provider.state}`)}
        ${provider.can.map((deed) => button(`/local/provider/${deed}`, `${WORDS[deed]} the provider`))}
      </li>
      ${parts.map(part)}
    </ul>
    <p class="quiet">What was killed is started again after three seconds.</p>
  </section>`;
}

function part({part: name, state, since, can, last_death: death, again_at: again}) {
  return html`<li class="bar" data-part=${name}>
    ${mark(state, `${name} is ${state}`)}
    ${since ? html`<span class="quiet">for ${duration(seconds(since), 0)}</span>` : nothing}
    ${can.map((deed) => button(`/local/parts/${name}/${deed}`, `${WORDS[deed]} ${name}`))}
    ${death && state !== 'up' ? html`<span class="quiet">${plain(death)}</span>` : nothing}
    ${again ? html`<span class="quiet">started again in ${duration(Math.ceil(-seconds(again)), 0)}</span>` : nothing}
  </li>`;
}

function button(path, words) {
  return html`<button type="button" @click=${() => tell(path, `asked: ${words}`)}>${words}</button>`;
}

function form() {
  const usually = page.local.notification_url ?? '';
  return html`<form class="filters" @submit=${submitted}>
    <label
      >Amount, in minor units
      <input name="amount_minor" inputmode="numeric" pattern="[1-9][0-9]*" required value="1250" autocomplete="off"
    /></label>
    <label>Currency <input name="currency" required pattern="[A-Z]{3}" value="EUR" autocomplete="off" /></label>
    <label
      >Payment method
      <input name="payment_method" required list="methods" value="pm_ok" autocomplete="off" />
      <datalist id="methods">
        ${page.local.payment_methods.map((each) => html`<option value=${each}></option>`)}
      </datalist>
    </label>
    <label>Reference <input name="reference" required maxlength="64" value="order-1" autocomplete="off" /></label>
    <label class="wide"
      >Tell it to (empty: nobody) <input name="notification_url" maxlength="500" value=${usually} autocomplete="off"
    /></label>
    <button class="main" ?disabled=${order.isBusy}>Send</button>
  </form>`;
}
