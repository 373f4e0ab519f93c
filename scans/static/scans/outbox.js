// Keeps each entry until the server has confirmed it: keep first, send then, retry for ever.
//
// An entry is a scan, the void of one, or an incident. It leaves on 201 or 200 alone. What the
// server will never take goes to those that need attention and stays there until a person handles
// it. Nothing is ever dropped.

import { Hand } from "./hand.js";
import { makeIncident, makeVoid } from "./record.js";

export const RETRY_SECONDS = [1, 2, 5, 15, 30];
const MAX_RETRY_AFTER_SECONDS = 300;
// After a write that failed; then whether another tab has left something behind.
const FULL_SECONDS = 2;
const LOOK_SECONDS = 30;
// Statuses which the same entry would get again for ever.
const HOPELESS = new Set([400, 409, 413, 422]);

/** Whether an answer is about this entry: the record itself comes back, or the scan that it voids. */
function isConfirmed({ record }, { status, body }) {
  // A proxy's "200, please sign in" is no confirmation.
  return (status === 201 || status === 200) && body?.id === (record.scan ?? record.id);
}

function isHopeless({ kind }, { status, body }) {
  if (!body) return false; // Ours are always JSON.
  // No such scan: it was never taken. Elsewhere a missing address will be there again. Nor is a scan
  // voided while a second person has to agree: whoever stands here should know.
  return HOPELESS.has(status) || ([202, 404].includes(status) && kind === "void");
}

export class Outbox {
  #isSending = false;
  #again = false;
  #failures = 0;
  #timer = null;
  #notBefore = 0;
  #after = 0;
  #isWriting = false;
  #isFull = false;
  #written = new Map(); // id → whom to tell that it is kept
  #looking = null;
  #isStale = false;
  #summary = { count: 0, oldest: null, newest: [], refused: [] };

  /**
   * `send(entry)` answers `{status, body, retryAfterSeconds}` (status 0: no answer; body null: not
   * JSON). `hand` holds what the store has not taken yet, `turn` lets one tab at a time send,
   * `tabs` tells the others. `clock` is the seam for tests. Told are:
   *
   *   on.added(entry)              it is on the disk
   *   on.unkept(entry, error)      the disk refuses it: it is tried until there is room
   *   on.confirmed(entry, stored)  the server has it, whichever tab has sent it
   *   on.refused(entry)            it needs a person
   *   on.kept(entry, answer)       it waits, as the server did not take it this time
   *   on.changed(state)            `{count, oldest, newest, refused}`: how many wait, the oldest and
   *                                the newest of them, and those that need a person
   *   on.broken(error)             the browser's database does not let us read or strike off
   */
  constructor({ store, send, on, hand = new Hand(), turn = anybodys, tabs = nobody, clock = systemClock }) {
    Object.assign(this, { store, send, on, hand, turn, tabs, clock });
  }

  /** Whether a new entry has to wait: the line is broken, and a retry is due later. */
  get isWaiting() {
    return this.#timer !== null;
  }

  /** Whether a new scan may be begun: not while the disk refuses the last one. */
  get isAccepting() {
    return !this.#isFull;
  }

  /** Start sending what an earlier page has left behind. */
  async start() {
    this.tabs.listen((news) => this.#hear(news));
    this.#write();
    await this.#changed();
    const look = () => {
      // What another tab has kept, and did not live to send.
      this.#changed();
      if (!this.isWaiting) this.#drain();
      this.clock.after(LOOK_SECONDS, look);
    };
    this.clock.after(LOOK_SECONDS, look);
    return this.#drain();
  }

  /**
   * Keeps a scan; resolves when it is on the disk, however long that takes. Until then it is held
   * in the hand, which survives a reload.
   */
  keep(record, codes, kind = "scan") {
    this.hand.hold({ kind, record, codes, problem: null });
    this.#tell();
    return new Promise((resolve) => {
      this.#written.set(record.id, resolve);
      this.#write();
    });
  }

  /** Keeps that a scan is not to count: `scan` is its entry, what the server has of it, or its id. */
  keepVoid(scan, { reason, station }) {
    const { id } = scan.record ?? (scan.id ? scan : { id: scan });
    const { operator, cp, oc1, oc2, defect } = scan.codes ?? scan;
    return this.keep(makeVoid(id, reason, station), { operator, cp, oc1, oc2, defect }, "void");
  }

  /** Keeps that something happened which is no scan: `kind` is "abandoned" or "double_read". */
  keepIncident(kind, codes, { station }) {
    return this.keep(makeIncident(kind, codes, station), codes, "incident");
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
    await this.store.readmit(entry);
    await this.#news({ what: "changed" });
    this.nudge();
  }

  /** A person has dealt with an entry that needed attention. */
  async dismiss(entry) {
    await this.store.remove(entry);
    await this.#news({ what: "changed" });
  }

  // ----- Writing down

  /** Takes what is in the hand to the disk, in order. */
  async #write() {
    if (this.#isWriting) return;
    this.#isWriting = true;
    try {
      while (this.hand.entries.length) await this.#writeFirst(this.hand.entries[0]);
    } finally {
      this.#isWriting = false;
    }
  }

  async #writeFirst(held) {
    let entry;
    try {
      entry = await this.store.add(held);
    } catch (error) {
      if (!this.#isFull) {
        this.#isFull = true;
        this.on.unkept?.(held, error);
      }
      await new Promise((resolve) => this.clock.after(FULL_SECONDS, resolve));
      return;
    }
    this.#isFull = false;
    this.hand.release(held.record.id);
    this.on.added?.(entry ?? held);
    this.#written.get(held.record.id)?.(entry);
    this.#written.delete(held.record.id);
    await this.#news({ what: "changed" });
    // While a retry is due the line is broken; this one waits with the others for its turn.
    if (!this.isWaiting) this.#drain();
  }

  // ----- What there is

  /** Tells this tab and the others; `news` is `{what, entry, stored}`. */
  #news(news) {
    this.tabs.say(news);
    return this.#hear(news);
  }

  #hear({ what, entry, stored }) {
    if (what !== "changed") this.on[what]?.(entry, stored);
    return this.#changed();
  }

  /** Asks the store what there is. One question at a time: its answers come in order. */
  #changed() {
    this.#isStale = true;
    this.#looking ??= this.#look();
    return this.#looking;
  }

  async #look() {
    while (this.#isStale) {
      this.#isStale = false;
      try {
        this.#summary = await this.store.summary();
        this.#tell();
      } catch (error) {
        this.on.broken?.(error); // What was kept is kept, though we cannot show it just now.
      }
    }
    this.#looking = null;
  }

  /** What the store had when it was last asked, and what it has not taken yet. */
  #tell() {
    const { count, oldest, newest, refused } = this.#summary;
    const stored = new Set(newest.map(({ record }) => record.id));
    const held = this.hand.entries.filter(({ record }) => !stored.has(record.id));
    this.on.changed?.({
      count: count + held.length,
      oldest: oldest ?? held[0] ?? null,
      newest: [...newest, ...held],
      refused,
    });
  }

  // ----- Sending

  /** Sends the waiting entries one by one; one loop at a time. */
  async #drain() {
    this.#again = true;
    if (this.#isSending) return;
    this.#isSending = true;
    try {
      while (this.#again) {
        this.#again = false;
        while (await this.turn.take(() => this.#sendNext()));
      }
    } catch (error) {
      // The browser's database failed us. The entry is still in it, or was confirmed already.
      this.on.broken?.(error);
      this.#retryLater(0);
    } finally {
      this.#isSending = false;
    }
  }

  /** Sends the oldest waiting entry, or the one behind an entry that the server stumbles over;
   *  whether another one may be sent at once. */
  async #sendNext() {
    const entry = await this.store.next(this.#after);
    return entry ? this.#settle(entry, await this.send(entry)) : false;
  }

  /** Does what the answer says; whether sending goes on at once. */
  async #settle(entry, answer) {
    if (isConfirmed(entry, answer)) {
      const isOurs = await this.store.remove(entry);
      this.#failures = 0;
      this.#after = 0;
      if (isOurs) await this.#news({ what: "confirmed", entry, stored: answer.body });
      return true;
    }
    if (isHopeless(entry, answer)) {
      const refused = { ...entry, problem: { status: answer.status, body: answer.body } };
      this.#after = entry.seq; // Should the disk not take this, the others go on.
      const isOurs = await this.store.refuse(refused);
      this.#failures = 0;
      if (isOurs) await this.#news({ what: "refused", entry: refused });
      return true;
    }
    // An internal error may be about this one scan: let it not hold up all the others.
    this.#after = answer.status === 500 ? entry.seq : 0;
    this.on.kept?.(entry, answer);
    this.#retryLater(answer.retryAfterSeconds ?? 0);
    return false;
  }

  #retryLater(retryAfterSeconds) {
    const step = Math.min(this.#failures, RETRY_SECONDS.length - 1);
    const asked = Math.min(retryAfterSeconds, MAX_RETRY_AFTER_SECONDS);
    this.#failures += 1;
    this.#again = false;
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

const anybodys = { take: (work) => work() };
const nobody = { listen() {}, say() {} };
const systemClock = {
  now: () => Date.now(),
  after: (seconds, call) => setTimeout(call, seconds * 1000),
  cancel: (timer) => clearTimeout(timer),
};
