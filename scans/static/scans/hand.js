// Holds the entries that the browser's disk has not confirmed yet, over a reload too.

const HELD = "quality.held";

export class Hand {
  /** `memory` is where a reload finds them; without it they are as safe as the page. */
  constructor(memory = null) {
    this.memory = memory;
    this.entries = (memory?.read(HELD, []) ?? []).map((held) => ({ kind: "scan", ...held }));
  }

  hold(entry) {
    this.#set([...this.entries, entry]);
  }

  release(id) {
    this.#set(this.entries.filter(({ record }) => record.id !== id));
  }

  #set(entries) {
    this.entries = entries;
    this.memory?.set(HELD, JSON.stringify(entries));
  }
}
