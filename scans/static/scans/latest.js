// Remembers what was scanned here just now: what is only read twice, and what can be undone.

const LATEST = "quality.latest";
// What is undone in the last moment would be too late when it is written down.
const MARGIN_SECONDS = 0.5;
// Whatever comes twice within this is read, or tapped, twice: nobody means it so fast.
const ECHO_SECONDS = 2;

export class Latest {
  doubleReadSeconds = 10;
  undoSeconds = 60;
  #undo = { at: Infinity };

  /** `memory` is shared by the browser's tabs, and survives a reload. */
  constructor(memory) {
    this.memory = memory;
  }

  /** A scan was completed: It can be undone when it is kept. */
  add(id, codes, now = Date.now()) {
    const young = this.#scans.filter((scan) => this.#isWithin(scan, this.#longest, now));
    this.#undo = { at: Infinity };
    this.#remember([...young, { ...codes, id, at: now, isKept: false }]);
  }

  kept(id) {
    this.#remember(this.#scans.map((scan) => (scan.id === id ? { ...scan, isKept: true } : scan)));
  }

  /** It was undone, or not stored: to scan it again is no double read. */
  forget(id) {
    this.#remember(this.#scans.filter((scan) => scan.id !== id));
  }

  /** The scan that this one only repeats: the same piece and defect within seconds. */
  twin({ cp, defect }, now = Date.now()) {
    const [last] = this.#scans.filter((scan) => scan.cp === cp).slice(-1);
    const isTwin = last?.defect === defect && this.#isWithin(last, this.doubleReadSeconds, now);
    return isTwin ? last : null;
  }

  /** The scan that this defect has just completed: its last code only, read twice. */
  echo(defect, now = Date.now()) {
    const last = this.#scans.at(-1);
    return last?.defect === defect && this.#isWithin(last, ECHO_SECONDS, now) ? last : null;
  }

  /**
   * The newest scan, if it can be undone: `{id, cp, defect, secondsLeft}`. While it is not on the
   * disk nothing can be: whoever undoes means it, and not the one before.
   */
  undoable(now = Date.now()) {
    const last = this.#scans.at(-1);
    const isYoung = last?.isKept && this.#isWithin(last, this.undoSeconds - MARGIN_SECONDS, now);
    return isYoung ? { ...last, secondsLeft: this.undoSeconds - (now - last.at) / 1000 } : null;
  }

  undone(id, now = Date.now()) {
    this.#undo = { at: now };
    this.forget(id);
  }

  /** Whether something was undone just now. */
  isUndoing(now = Date.now()) {
    return this.#isWithin(this.#undo, ECHO_SECONDS, now);
  }

  get #longest() {
    return Math.max(this.doubleReadSeconds, this.undoSeconds);
  }

  get #scans() {
    return this.memory.read(LATEST, []);
  }

  #remember(scans) {
    this.memory.set(LATEST, JSON.stringify(scans));
  }

  /** A clock that was set back makes a scan of the future: nobody knows how old it is. */
  #isWithin({ at }, seconds, now) {
    return now >= at && now - at < seconds * 1000;
  }
}
