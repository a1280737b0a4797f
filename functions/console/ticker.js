// When the app is asked: each two seconds, less often while it fails, not at all while nobody looks. Knows no address.
const PERIOD_MS = 2_000;
const LONGEST_MS = 30_000;
const IDLE_MS = 10 * 60_000;
const INPUTS = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'];

// ask: an async function; what it throws may have retryAfterS. changed: called when `state` may have.
export class Ticker {
  constructor({ask, changed}) {
    Object.assign(this, {ask, changed, state: 'running', failures: 0, nextAt: 0, lastInput: Date.now()});
    this.isAsking = false;
    document.addEventListener('visibilitychange', () => this.wake());
    for (const name of INPUTS) window.addEventListener(name, () => this.touched(), {passive: true});
  }

  get isPaused() {
    return this.state === 'paused';
  }

  pause(isPaused) {
    this.state = isPaused ? 'paused' : 'running';
    this.wake();
  }

  touched() {
    this.lastInput = Date.now();
    if (this.state === 'idle') this.wake();
  }

  // Looks again who looks, and asks at once if anybody does.
  wake() {
    clearTimeout(this.timer);
    if (!this.isPaused) this.state = this.watched();
    this.changed();
    if (this.state === 'running' || this.state === 'failing') this.now();
  }

  watched() {
    if (document.hidden) return 'hidden';
    if (Date.now() - this.lastInput > IDLE_MS) return 'idle';
    return this.failures ? 'failing' : 'running';
  }

  async now() {
    if (this.isAsking) return;
    this.isAsking = true;
    let waitMs = PERIOD_MS;
    try {
      await this.ask();
      this.failures = 0;
    } catch (fault) {
      this.failures += 1;
      waitMs = Math.max(Math.min(PERIOD_MS * 2 ** this.failures, LONGEST_MS), (fault.retryAfterS ?? 0) * 1000);
    }
    this.isAsking = false;
    clearTimeout(this.timer);
    this.nextAt = Date.now() + waitMs;
    if (!this.isPaused) this.state = this.watched();
    if (this.state === 'running' || this.state === 'failing') this.timer = setTimeout(() => this.due(), waitMs);
    this.changed();
  }

  due() {
    this.state = this.watched();
    if (this.state === 'hidden' || this.state === 'idle') this.changed();
    else this.now();
  }
}
