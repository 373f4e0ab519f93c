// Counts what happened in this browser and is no scan, by the quarter of an hour.

const TALLY = "quality.tally";
// Every shift begins on such a minute.
const SLOT_SECONDS = 900;
const REMEMBERED_SECONDS = 2 * 24 * 3600;

export class Tally {
  /** `memory` is shared by the browser's tabs, and survives a reload. */
  constructor(memory) {
    this.memory = memory;
  }

  count(what, moment) {
    const at = slotOf(moment);
    const oldest = at - REMEMBERED_SECONDS / SLOT_SECONDS;
    const slots = this.#slots.filter((slot) => slot.at >= oldest);
    const same = (slot) => slot.what === what && slot.at === at;
    const times = (slots.find(same)?.times ?? 0) + 1;
    const others = slots.filter((slot) => !same(slot));
    this.memory.set(TALLY, JSON.stringify([...others, { what, at, times }]));
  }

  /** How often it happened since then, and before `until`. */
  between(what, since, until = Infinity) {
    return this.#slots
      .filter((slot) => slot.what === what && slot.at >= slotOf(since))
      .filter((slot) => until === Infinity || slot.at < slotOf(until))
      .reduce((sum, { times }) => sum + times, 0);
  }

  get #slots() {
    return this.memory.read(TALLY, []);
  }
}

function slotOf(moment) {
  return Math.floor(new Date(moment).getTime() / 1000 / SLOT_SECONDS);
}
