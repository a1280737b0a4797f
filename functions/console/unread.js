// What there is of a payment whose events cannot be read: its row in the lists, as the command shows it. Asks for it.
import {get, query} from './api.js';
import {html, nothing} from './vendor/lit-html.js';
import {ago, mark, money, plain, theirs} from './words.js';

export async function lookedUp(paymentId) {
  const found = await get(query('/api/ops/payments', {payment_id: paymentId.toLowerCase(), limit: 1}));
  return found.payments[0] ?? null;
}

// own: with the fault that the app answered, and the row.
export function unread({fault, row, paymentId}) {
  return html`<h1 tabindex="-1">Payment <code>${plain(paymentId.slice(0, 8))}</code></h1>
    <p class="fault">${plain(fault.words)}</p>
    ${
      row
        ? html`<p class="lead">
            ${mark(row.status)} ${money(row)} <span class="quiet">for</span> ${theirs(row.reference)}
            <span class="quiet">as the lists have it, moved ${ago(row.moved_at)}</span>
          </p>
          ${row.owes ? html`<p>Its next step is ${plain(row.owes.replaceAll('_', ' '))}.</p>` : nothing}`
        : html`<p>It is not in the lists either.</p>`
    }`;
}
