// Gives up a piece that nobody finishes: warns first, then clears it.

export class Abandoning {
  seconds = 30; // 0: never
  warningSeconds = 10; // what the warning leaves to go on
  #timer = null;

  /** `onWarn(secondsLeft)`, `onGiveUp()`; `clock` is the seam for tests. */
  constructor({ onWarn, onGiveUp, clock = systemClock }) {
    Object.assign(this, { onWarn, onGiveUp, clock });
  }

  /** Somebody works on a piece: from now on it is watched anew. */
  touch({ isBegun }) {
    if (this.#timer !== null) this.clock.cancel(this.#timer);
    this.#timer = null;
    if (isBegun && this.seconds > 0) this.#timer = this.clock.after(this.seconds, () => this.#warn());
  }

  #warn() {
    this.#timer = this.clock.after(this.warningSeconds, () => {
      this.#timer = null;
      this.onGiveUp();
    });
    this.onWarn(this.warningSeconds);
  }
}

const systemClock = {
  after: (seconds, call) => setTimeout(call, seconds * 1000),
  cancel: (timer) => clearTimeout(timer),
};
