// Lets one tab at a time send.

import { uuid } from "./record.js";

const NAME = "quality.outbox";
// Sending one entry takes less. Whoever holds on for longer is frozen or gone; should he wake up
// and send as well, the server stores it once all the same.
const HOLD_SECONDS = 20;
const LOOK_SECONDS = 0.25;

/** The browser's own locks. */
class Lock {
  constructor(locks) {
    this.locks = locks;
  }

  /** Runs `work` when it is our turn; resolves with what it answers. */
  async take(work) {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), HOLD_SECONDS * 1000);
    try {
      return await this.#request({ signal: patience.signal }, () => {
        clearTimeout(timer);
        return work();
      });
    } catch (error) {
      if (!patience.signal.aborted) throw error;
      return this.#request({ steal: true }, work);
    } finally {
      clearTimeout(timer);
    }
  }

  async #request(options, work) {
    let working = null;
    try {
      await this.locks.request(NAME, options, () => (working = work()));
    } catch (error) {
      if (!working) throw error;
      // Ours was stolen from us, but what we do goes on; or it went wrong, and says so itself.
    }
    return working;
  }
}

/** For plain http, where a browser offers no locks: a note in the database that runs out. */
class Lease {
  #owner = uuid();

  constructor(store) {
    this.store = store;
  }

  async take(work) {
    while (!(await this.#isOurs())) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_SECONDS * 1000));
    }
    try {
      return await work();
    } finally {
      await this.store.release(this.#owner).catch(() => {}); // It runs out.
    }
  }

  /** A full disk must not keep us from sending: that is what makes room. */
  async #isOurs() {
    return this.store.lease(this.#owner, HOLD_SECONDS).catch(() => true);
  }
}

export function turnFor(store, locks = globalThis.navigator?.locks) {
  return locks ? new Lock(locks) : new Lease(store);
}
