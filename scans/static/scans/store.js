// Keeps entries in the browser's database until the server has them.
//
// An entry is `{seq, kind, record, codes, problem}`; one with a problem waits for a person. Every
// answer comes from the database, by key, never from a copy in memory: tabs share it.

import { ATTENTION, BOOK, Database, FACTS, found, OUTBOX } from "./database.js";
import { uuid } from "./record.js";

// As many of those that wait are shown; there may be thousands.
const SHOWN = 50;
const BOOK_DAYS = 2;
const DAY = 24 * 60 * 60 * 1000;

/** Pages before there were kinds have kept scans alone. */
const withKind = (entry) => entry && { kind: "scan", ...entry };

async function deviceIn(facts) {
  const known = await found(facts.get("device"));
  return known ?? { name: "device", id: uuid(), sequence: 0 };
}

export class Store {
  #database = new Database();

  /**
   * Keeps an entry; resolves with it when it is safe on the disk. A scan gets its number here: one
   * more than the last that this browser has kept. A scan that was kept before is not kept again:
   * resolves with what is there, or with null when it has been dealt with.
   */
  add(entry) {
    return this.#database.change([OUTBOX, ATTENTION, BOOK, FACTS], async (store) => {
      const device = await deviceIn(store(FACTS));
      const record = { ...entry.record, device: device.id };
      if (entry.kind === "scan") {
        if (await found(store(BOOK).index("id").getKey(record.id))) {
          return withKind(await this.#known(store, record.id));
        }
        device.sequence += 1;
        record.sequence = device.sequence;
        const at = Date.parse(record.scanned_at);
        store(BOOK).put({ at, id: record.id });
        store(BOOK).delete(IDBKeyRange.upperBound([at - BOOK_DAYS * DAY]));
      }
      store(FACTS).put(device);
      const seq = await found(store(OUTBOX).add({ ...entry, record }));
      return { ...entry, record, seq };
    });
  }

  async #known(store, id) {
    const waiting = await found(store(OUTBOX).index("id").get(id));
    if (waiting) return waiting;
    const refused = await found(store(ATTENTION).getAll());
    return refused.find(({ record }) => record.id === id) ?? null;
  }

  /** The oldest that waits behind `after`, or the oldest of all; undefined when none waits. */
  next(after = 0) {
    return this.#database.read(OUTBOX, async (store) => {
      const outbox = store(OUTBOX);
      const behind = await this.#sendable(outbox, IDBKeyRange.lowerBound(after, true));
      return withKind(behind ?? (after ? await this.#sendable(outbox, null) : undefined));
    });
  }

  /** The first of a range whose scan, if it voids one, is not still here itself. */
  async #sendable(outbox, range) {
    const request = outbox.openCursor(range);
    for (let cursor = await found(request); cursor; ) {
      const entry = cursor.value;
      const scan = entry.record.scan;
      const isEarly = scan && (await found(outbox.index("id").getKey(scan))) !== undefined;
      if (!isEarly) return entry;
      cursor.continue();
      cursor = await found(request);
    }
    return undefined;
  }

  /** Strikes an entry off; whether it was still there. */
  remove({ seq }) {
    return this.#database.change([OUTBOX, ATTENTION], async (store) => {
      const isThere = (await found(store(OUTBOX).getKey(seq))) !== undefined;
      store(OUTBOX).delete(seq);
      store(ATTENTION).delete(seq);
      return isThere;
    });
  }

  /** The server will never take it: it waits for a person now. */
  refuse(entry) {
    return this.#move(entry, OUTBOX, ATTENTION);
  }

  /** A person wants it to be sent once more. */
  readmit(entry) {
    return this.#move({ ...entry, problem: null }, ATTENTION, OUTBOX);
  }

  /** Resolves with whether it was still there. */
  #move(entry, from, to) {
    return this.#database.change([from, to], async (store) => {
      if ((await found(store(from).getKey(entry.seq))) === undefined) return false;
      store(from).delete(entry.seq);
      store(to).put(entry);
      return true;
    });
  }

  /**
   * What there is at this moment: how many wait, the oldest and the newest of them (the oldest
   * first), and all that need a person.
   */
  summary() {
    return this.#database.read([OUTBOX, ATTENTION], async (store) => {
      const outbox = store(OUTBOX);
      const counting = found(outbox.count());
      const first = found(outbox.getAll(null, 1));
      const refused = found(store(ATTENTION).getAll());
      const last = await found(outbox.openKeyCursor(null, "prev"));
      const newest = last
        ? await found(outbox.getAll(IDBKeyRange.lowerBound(last.key - SHOWN, true)))
        : [];
      const [oldest] = await first;
      return {
        count: await counting,
        oldest: withKind(oldest) ?? null,
        newest: newest.map(withKind),
        refused: await refused,
      };
    });
  }

  /** This browser's id. */
  async device() {
    const known = await this.#database.read(FACTS, (store) => found(store(FACTS).get("device")));
    if (known) return known.id;
    return this.#database.change(FACTS, async (store) => {
      const device = await deviceIn(store(FACTS));
      store(FACTS).put(device);
      return device.id;
    });
  }

  /** How many scans of `since` ≤ scanned_at < `until` were kept here, in the last two days. */
  tally(since, until) {
    const range = IDBKeyRange.bound([since.getTime()], [until.getTime()], false, true);
    return this.#database.read(BOOK, (store) => found(store(BOOK).count(range)));
  }

  /** Takes the turn to send for so long, if no other tab has it; whether it was taken. */
  lease(owner, seconds, now = Date.now()) {
    const take = async (store) => {
      const turn = await found(store(FACTS).get("turn"));
      // One that ends later than any could was taken before the clock was set back.
      const isTaken = turn && turn.owner !== owner && turn.until > now;
      if (isTaken && turn.until <= now + seconds * 1000) return false;
      store(FACTS).put({ name: "turn", owner, until: now + seconds * 1000 });
      return true;
    };
    return this.#database.change(FACTS, take, { durability: "relaxed" });
  }

  /** Gives the turn back. */
  release(owner) {
    const give = async (store) => {
      const turn = await found(store(FACTS).get("turn"));
      if (turn?.owner === owner) store(FACTS).delete("turn");
    };
    return this.#database.change(FACTS, give, { durability: "relaxed" });
  }
}
