// What the merchant is told of one payment: each notification with its attempts, and to tell it once more.
import {post} from './api.js';
import {ask} from './dialog.js';
import {announce, page} from './page.js';
import {html, nothing} from './vendor/lit-html.js';
import {ago, clock, count, duration, mark, plain, theirs} from './words.js';

// own: the payment that is looked at. look: asks for it anew.
export function notifications(own, look) {
  if (!own.notices.length) return nothing;
  return html`<section aria-label="Notifications">
    <h2>Notifications</h2>
    <ul class="lines">
      ${own.notices.map((notice) => one(own, notice, look))}
    </ul>
  </section>`;
}

function one(own, notice, look) {
  const canResend = page.me?.may?.resend && notice.state !== 'not_wanted';
  return html`<li>
    <p>
      ${mark(notice.state)} ${plain(notice.type)}, ${ago(notice.occurred_at)}
      ${notice.told_at ? html`<span class="quiet">told at</span> ${clock(notice.told_at)}` : nothing}
      ${canResend ? html`<button type="button" @click=${() => resend(own, notice, look)}>Resend…</button>` : nothing}
    </p>
    ${
      notice.attempts.length
        ? html`<details>
            <summary>${count(notice.attempts.length, 'attempt')}</summary>
            <ol class="lines">
              ${notice.attempts.map(tried)}
            </ol>
          </details>`
        : nothing
    }
  </li>`;
}

function tried(each) {
  const answer = each.status_code ? `answered ${each.status_code}` : (each.failure ?? 'no answer');
  return html`<li>
    <p>
      ${clock(each.at)} ${mark(each.status_code >= 200 && each.status_code < 300 ? 'delivered' : 'undelivered', answer)}
      after ${duration(each.duration_ms / 1000)}
      <span class="quiet">attempt ${each.attempt}, by ${plain(each.by)}</span>
    </p>
    <p>${theirs(each.url)}</p>
    <details>
      <summary>What was sent</summary>
      <pre tabindex="0">
${Object.entries(each.headers).map(([name, text]) => `${plain(name)}: ${plain(text)}\n`)}
${plain(each.body)}</pre>
    </details>
  </li>`;
}

function resend(own, notice, look) {
  const path = `/api/ops/payments/${own.paymentId}/notifications/${encodeURIComponent(notice.notification_id)}/resend`;
  ask({
    title: 'Tell the merchant once more',
    body: html`<p>
      ${plain(notice.type)} is sent again, now, under the same id, to ${theirs(own.payment.notification_url)}.
    </p>`,
    label: 'Resend',
    act: async () => {
      const {attempt, state} = await post(path);
      const answer = attempt.status_code ? `answered ${attempt.status_code}` : attempt.failure;
      announce(`the merchant ${answer}: ${state}`);
      await look();
      return html`<p>${mark(state, `The merchant ${answer}`)}: the notification is ${state}.</p>`;
    },
  });
}
