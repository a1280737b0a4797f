// What may be done to one payment, offered to whoever may do it: cancel, refund; and the way to its trace.
import {newKey, post} from './api.js';
import {ask} from './dialog.js';
import {announce, page} from './page.js';
import {html, nothing} from './vendor/lit-html.js';
import {money} from './words.js';

// own: the payment that is looked at. look: asks for it anew.
function cancel(own, look) {
  ask({
    title: 'Cancel this payment',
    body: html`<p>
      The provider is asked to release ${money(own.payment)}. If it takes the money at this moment, the payment goes on
      as if nothing had been asked.
    </p>`,
    label: 'Cancel the payment',
    act: async () => {
      const answer = await post(`/api/payments/${own.paymentId}/cancel`);
      announce(`asked: the payment is ${answer.status}`);
      await look();
    },
  });
}

function refund(own, look) {
  const {payment} = own;
  const left = payment.ledger.net_minor - payment.ledger.refunding_minor;
  const key = newKey(); // one for this dialog: pressed twice, or sent again, it is one refund
  ask({
    title: 'Refund this payment',
    body: html`<p>${money({...payment, amount_minor: left})} are left. What is sent cannot be called back.</p>
      <label
        >Amount, in minor units
        <input name="amount_minor" inputmode="numeric" pattern="[1-9][0-9]*" required value=${left} autocomplete="off"
      /></label>
      <label>Reason <input name="reason" maxlength="200" autocomplete="off" /></label>`,
    label: 'Refund',
    act: async (said) => {
      const reason = said.get('reason').trim();
      const body = {amount_minor: Number(said.get('amount_minor')), ...(reason ? {reason} : {})};
      const answer = await post(`/api/payments/${own.paymentId}/refunds`, body, {headers: {'Idempotency-Key': key}});
      announce(`asked: a refund of ${money(answer)} is ${answer.status}`);
      await look();
    },
  });
}

export function actions(own, look) {
  const {payment} = own;
  const may = page.me?.may ?? {};
  const canCancel = may.cancel && !payment.settled && !payment.failed && !payment.voided && !payment.cancel_requested;
  const canRefund = may.refund && payment.settled && payment.ledger.net_minor - payment.ledger.refunding_minor > 0;
  return html`<p class="bar">
    ${canCancel ? html`<button type="button" @click=${() => cancel(own, look)}>Cancel…</button>` : nothing}
    ${canRefund ? html`<button type="button" @click=${() => refund(own, look)}>Refund…</button>` : nothing}
    ${trace(own)}
  </p>`;
}

// Only where a viewer is named, and only an address of the web.
function trace(own) {
  const template = page.me?.trace_url;
  const traceId = own.events.findLast((event) => event.trace_id)?.trace_id;
  if (!template || !traceId || !/^https?:\/\//.test(template)) return nothing;
  const address = template.replaceAll('{trace_id}', encodeURIComponent(traceId));
  return html`<a href=${address} target="_blank" rel="noopener noreferrer">Trace of the last event</a>`;
}
