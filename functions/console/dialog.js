// A question before something is done, and what came of it. One at a time; Escape and "Close" leave it.
import {draw} from './page.js';
import {html, nothing, render} from './vendor/lit-html.js';

let asked = null;
let host = null;

// title, body: what is asked. label: of the button that does it; none: there is nothing to do but look. act: given what
// the form says; what it returns is shown in place of the question. It stays open, with the reason, when it throws.
export function ask({title, body, label = null, act = null, closed = null}) {
  host ??= document.body.appendChild(document.createElement('dialog'));
  asked = {title, body, label, act, closed, fault: null, isBusy: false, outcome: null};
  host.setAttribute('aria-labelledby', 'asked');
  host.onclose = () => {
    if (host.open) return; // another question was asked at once
    const was = asked;
    asked = null;
    was?.closed?.();
    draw();
  };
  redraw();
  if (!host.open) host.showModal();
}

export function close() {
  host?.close();
}

// Draws the question anew, with another body where it has changed meanwhile.
export function redraw(changes = {}) {
  if (!asked) return;
  Object.assign(asked, changes);
  const {title, body, label, fault, isBusy, outcome} = asked;
  const isAsked = label !== null && outcome === null;
  render(
    html`<form @submit=${submitted}>
      <h2 id="asked" tabindex="-1">${title}</h2>
      ${outcome ?? body} ${fault ? html`<p class="fault" role="alert">${fault}</p>` : nothing}
      <p class="bar">
        ${isAsked
          ? html`<button class="main" ?disabled=${isBusy}>${isBusy ? 'Working…' : label}</button>`
          : nothing}
        <button type="button" @click=${close}>${isAsked ? 'Leave it' : 'Close'}</button>
      </p>
    </form>`,
    host,
  );
}

async function submitted(event) {
  event.preventDefault();
  const own = asked;
  if (own.isBusy || !own.act) return;
  redraw({isBusy: true, fault: null});
  try {
    const outcome = await own.act(new FormData(event.target));
    if (own !== asked) return;
    if (outcome === undefined) close();
    else redraw({isBusy: false, outcome});
  } catch (fault) {
    if (own === asked) redraw({isBusy: false, fault: fault.words ?? `the page failed: ${fault.message}`});
    if (fault.words === undefined) throw fault;
  }
}
