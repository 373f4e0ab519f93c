// Keeps each completed scan until the server has confirmed it: keep first, send then, retry for ever.
//
// A scan leaves on 201 or 200 alone. What the server will never take goes to the entries that need
// attention and stays there until a person handles it. Nothing is ever dropped.

import { Hand } from "./hand.js";

export const RETRY_SECONDS = [1, 2, 5, 15, 30];
const MAX_RETRY_AFTER_SECONDS = 300;
// Statuses which the same scan would get again for ever.
const HOPELESS = new Set([400, 409, 413, 422]);

export class Outbox {
  #sending = false;
  #again = false;
  #failures = 0;
  #timer = null;
  #notBefore = 0;
  #after = 0;
  #stored = [];

  /**
   * `send(record)` answers `{status, body, retryAfterSeconds}` (status 0: no answer; body null: not
   * JSON). `on.added(entry)`, `on.confirmed(entry, stored)`, `on.refused(entry)`, `on.kept(entry,
   * answer)`, `on.changed(entries)` and `on.broken(error)` are told. `hand` holds what the store has
   * not taken yet. `clock` is the seam for tests.
   */
  constructor({ store, send, on, hand = new Hand(), clock = systemClock }) {
    Object.assign(this, { store, send, on, hand, clock });
  }

  /** Whether a new scan has to wait: the line is broken, and a retry is due later. */
  get isWaiting() {
    return this.#timer !== null;
  }

  /** Start sending what an earlier page has left behind. */
  async start() {
    await this.#changed();
    return this.#drain();
  }

  /**
   * Keeps a scan: resolves when it is on the disk, rejects when it could not be kept. Until then it
   * is held in the hand, where `again` finds it after a reload – perhaps the disk has it already.
   */
  async keep(record, codes, { again = false } = {}) {
    const held = { record, codes, problem: null };
    this.hand.hold(held);
    this.#tell();
    try {
      const known = again ? await this.store.all() : [];
      const stored = known.find((entry) => entry.record.id === record.id);
      const entry = stored ?? (await this.store.add(held));
      this.hand.release(record.id);
      this.on.added?.(entry);
    } catch (error) {
      this.hand.release(record.id);
      this.#tell();
      throw error;
    }
    await this.#changed();
    // While a retry is due the line is broken; this scan waits with the others for its turn.
    if (!this.isWaiting) this.#drain();
  }

  /** Something says that it may work now (a sign-in, the network is back): don't wait further. */
  nudge() {
    if (this.clock.now() < this.#notBefore) return;
    this.#cancelTimer();
    this.#failures = 0;
    this.#drain();
  }

  /** A person asks to try an entry that needed attention once more. */
  async retry(entry) {
    await this.store.replace({ ...entry, problem: null });
    await this.#changed();
    this.nudge();
  }

  /** A person has dealt with an entry that needed attention. */
  async dismiss(entry) {
    await this.store.remove(entry.seq);
    await this.#changed();
  }

  async #changed() {
    try {
      this.#stored = await this.store.all();
      this.#tell();
    } catch (error) {
      this.on.broken?.(error); // What was kept is kept, though we cannot show it just now.
    }
  }

  /** What the store had when it was last asked, and what it has not taken yet. */
  #tell() {
    const stored = new Set(this.#stored.map(({ record }) => record.id));
    const held = this.hand.entries.filter(({ record }) => !stored.has(record.id));
    this.on.changed?.([...this.#stored, ...held]);
  }

  /** Sends the waiting entries one by one; one loop at a time. */
  async #drain() {
    this.#again = true;
    if (this.#sending) return;
    this.#sending = true;
    try {
      while (this.#again) {
        this.#again = false;
        for (let entry = await this.#next(); entry; entry = await this.#next()) {
          const answer = await this.send(entry.record);
          if (!(await this.#settle(entry, answer))) return;
        }
      }
    } catch (error) {
      // The browser's database failed us. The entry is still in it, or was confirmed already.
      this.on.broken?.(error);
      this.#retryLater(0);
    } finally {
      this.#sending = false;
    }
  }

  /** The oldest waiting entry, or the one behind an entry that the server stumbles over. */
  async #next() {
    const waiting = (await this.store.all()).filter((entry) => !entry.problem);
    return waiting.find((entry) => entry.seq > this.#after) ?? waiting[0];
  }

  /** Does what the answer says; whether sending goes on at once. */
  async #settle(entry, answer) {
    const { status, body } = answer;
    // A proxy's "200, please sign in" is no confirmation: the record itself must come back.
    if ((status === 201 || status === 200) && body?.id === entry.record.id) {
      await this.store.remove(entry.seq);
      this.#failures = 0;
      this.#after = 0;
      this.on.confirmed?.(entry, body);
      await this.#changed();
      return true;
    }
    if (HOPELESS.has(status) && body) {
      const refused = { ...entry, problem: { status, body } };
      await this.store.replace(refused);
      this.#failures = 0;
      this.on.refused?.(refused);
      await this.#changed();
      return true;
    }
    // An internal error may be about this one scan: let it not hold up all the others.
    this.#after = status === 500 ? entry.seq : 0;
    this.on.kept?.(entry, answer);
    this.#retryLater(answer.retryAfterSeconds ?? 0);
    return false;
  }

  #retryLater(retryAfterSeconds) {
    const step = Math.min(this.#failures, RETRY_SECONDS.length - 1);
    const asked = Math.min(retryAfterSeconds, MAX_RETRY_AFTER_SECONDS);
    this.#failures += 1;
    this.#notBefore = this.clock.now() + asked * 1000;
    this.#cancelTimer();
    this.#timer = this.clock.after(Math.max(RETRY_SECONDS[step], asked), () => {
      this.#timer = null;
      this.#drain();
    });
  }

  #cancelTimer() {
    if (this.#timer !== null) this.clock.cancel(this.#timer);
    this.#timer = null;
  }
}

const systemClock = {
  now: () => Date.now(),
  after: (seconds, call) => setTimeout(call, seconds * 1000),
  cancel: (timer) => clearTimeout(timer),
};
