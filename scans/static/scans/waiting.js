// Knows all that waits for the server, though the outbox shows the newest alone.

export class Waiting {
  count = 0;
  oldest = null;
  #entries = new Map(); // id → entry, the oldest first

  /** What the outbox says of itself. */
  told({ count, oldest, newest }) {
    Object.assign(this, { count, oldest });
    if (count <= newest.length) this.#entries.clear();
    for (const entry of newest) this.#entries.set(entry.record.id, entry);
  }

  /** It is confirmed or refused. */
  left({ record }) {
    this.#entries.delete(record.id);
  }

  get entries() {
    return [...this.#entries.values()];
  }
}
