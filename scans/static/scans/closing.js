// Closes a shift: compares what this browser has kept with what the server has of it.

const CLOSING = "quality.closing";

export class Closing {
  /**
   * `here(window)` and `there(window)` answer how many scans were made in this browser in that time,
   * and how many of them the server has; null when nobody can say. `memory` is the browser's: a
   * shift that ended while the page was shut is closed when it opens again.
   */
  constructor({ here, there, memory, onResult }) {
    Object.assign(this, { here, there, memory, onResult });
  }

  /** The shift that runs, by the server's clock: when it is another one, the last has ended. */
  async running(window) {
    const { current, ended } = this.#shifts;
    if (current?.start !== window.start) this.#remember({ current: window, ended: current ?? ended });
    await this.#compare();
  }

  /** Again and again, until nothing is missing any more. */
  async #compare() {
    const { ended } = this.#shifts;
    if (!ended) return;
    const [here, there] = [await this.here(ended), await this.there(ended)];
    if (here === null || there === null) return;
    if (here === there) this.#remember({ ...this.#shifts, ended: undefined });
    // Nobody worked here then: nothing to say.
    if (here || there) this.onResult({ shift: ended, here, there });
  }

  get #shifts() {
    return this.memory.read(CLOSING, {});
  }

  #remember(shifts) {
    this.memory.set(CLOSING, JSON.stringify(shifts));
  }
}
