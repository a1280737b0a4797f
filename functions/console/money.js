// Where a payment's money is: the ledger, refunds and disputes, and why it failed. Asks for nothing.
import {html, nothing} from './vendor/lit-html.js';
import {ago, clock, mark, money, plain, theirs} from './words.js';

const LEDGER = {
  authorised_minor: 'reserved',
  captured_minor: 'taken',
  refunded_minor: 'given back',
  refunding_minor: 'being given back',
  disputed_minor: 'taken back by banks',
  net_minor: 'left for the merchant',
};

export function because(failed) {
  if (!failed) return nothing;
  return html`<span class="quiet">because</span> ${theirs(`${failed.reason} ${failed.code}`)}`;
}

export function ledger({ledger: amounts, currency, voided}) {
  const reserved = voided ? 'reserved, and released' : amounts.captured_minor ? 'reserved at first' : 'reserved';
  const rows = Object.entries(LEDGER).filter(
    ([name]) => amounts[name] || name === 'net_minor' || name === 'captured_minor',
  );
  return html`<section aria-label="Money">
    <h2>Money</h2>
    <dl class="facts">
      ${rows.map(
        ([name, words]) =>
          html`<dt>${name === 'authorised_minor' ? reserved : words}</dt>
            <dd class="number">${money({amount_minor: amounts[name], currency})}</dd>`,
      )}
    </dl>
  </section>`;
}

// A refund that its provider has not answered yet is pending; what holds it up is told with it.
function pending({refund_id: id, status}, waiting) {
  const wait = (waiting ?? []).find((each) => each.step === `refund:${id}`);
  return status === 'pending' && wait ? mark(wait.state, `${status}, ${wait.state}`) : mark(status);
}

export function refunds({refunds: list, currency, waiting}) {
  if (!list) return nothing;
  return html`<section aria-label="Refunds">
    <h2>Refunds</h2>
    <ul class="lines">
      ${list.map(
        (each) =>
          html`<li>
            ${pending(each, waiting)} ${money({...each, currency})} asked for at ${clock(each.requested_at)}
            ${because(each.failed)}
            <code>${plain(each.refund_id)}</code>
          </li>`,
      )}
    </ul>
  </section>`;
}

export function disputes({disputes: list, currency}) {
  if (!list) return nothing;
  return html`<section aria-label="Disputes">
    <h2>Disputes</h2>
    <ul class="lines">
      ${list.map(
        (each) =>
          html`<li>
            ${mark(each.status)} ${money({...each, currency})} opened ${ago(each.opened_at)}
            <span class="quiet">because</span> ${theirs(each.code)} <code>${plain(each.dispute_id)}</code>
          </li>`,
      )}
    </ul>
  </section>`;
}
