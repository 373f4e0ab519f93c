// Decides what the banner says: what is wrong, the piece in the making, or how the last one fared.

import * as words from "./words.js";

const APPROVED = "000";

export class Banner {
  #result = { sort: "ready", ...words.banner.ready() };
  #newest = null; // the entry that the result speaks of
  #problem = null; // `{title, detail, id}`: shown until the next code; id is that of its scan
  #late = new Map(); // id → {cp, detail}: what the disk has not taken, and what to do

  constructor({ view, form }) {
    Object.assign(this, { view, form });
  }

  /** Shows what matters most just now. */
  show() {
    const [late] = this.#late.values();
    if (late) this.#draw("problem", words.banner.late(late.cp), late.detail);
    else if (this.#problem) this.#draw("problem", this.#problem.title, this.#problem.detail);
    else if (this.form.isBegun) this.#piece();
    else this.view.banner(this.#result);
  }

  /** What was wrong has been read, or no longer matters. */
  calm() {
    this.#problem = null;
    this.show();
  }

  /** A new beginning: the last piece is not to look like this one's result. */
  restart() {
    if (this.#result.sort !== "problem") {
      this.#result = { sort: "ready", ...words.banner.ready() };
      this.#newest = null;
    }
    this.calm();
  }

  problem(title, detail, id = "") {
    this.#problem = { title, detail, id };
    this.show();
  }

  // ----- News of a scan

  /** It is complete; the disk is asked to keep it. From now on it is the newest. */
  keeping(entry) {
    this.#problem = null;
    this.follow(entry);
    this.#news(entry, "ready", words.banner.keeping());
  }

  /** The disk does not answer. */
  late(entry, detail = words.banner.wait()) {
    this.#late.set(entry.record.id, { cp: entry.codes.cp, detail });
    this.show();
  }

  /** The disk refuses it. */
  unkept(entry) {
    this.late(entry, words.banner.full());
  }

  /** It is on the disk. */
  kept(entry, { isWaiting }) {
    this.#late.delete(entry.record.id);
    this.#news(entry, "kept", isWaiting ? words.banner.waiting() : words.banner.kept());
  }

  /** The newest waits for the server, if it is not stored already. */
  waits() {
    if (this.#newest && this.#result.sort === "kept") {
      this.#news(this.#newest, "kept", words.banner.waiting());
    }
  }

  confirmed(entry) {
    if (this.#problem?.id === entry.record.id) this.#problem = null;
    const sort = entry.codes.defect === APPROVED ? "good" : "reject";
    this.#news(entry, sort, words.banner.confirmed());
  }

  refused(entry) {
    this.#failed(entry, entry.codes.cp, words.banner.refused(words.reasons(entry.problem)));
  }

  /** The banner speaks of this scan from now on. */
  follow(entry) {
    this.#newest = entry;
  }

  #news(entry, sort, state) {
    if (entry.record.id === this.#newest?.record.id) {
      const { cp, defect } = entry.codes;
      this.#result = { sort, title: cp, detail: `${this.#defect(defect)} · ${state}` };
    }
    this.show();
  }

  #failed(entry, title, detail) {
    if (entry.record.id === this.#newest?.record.id) {
      this.#result = { sort: "problem", title, detail };
    }
    this.problem(title, detail, entry.record.id);
  }

  /** The last piece must not look good while this one is in the making. */
  #piece() {
    const { cp, defect } = this.form.values;
    if (this.form.needsNote) {
      const asked = `${this.#defect(defect.code)} · ${words.banner.noteNeeded()}`;
      this.#draw("ready", cp.code, asked);
    } else {
      this.#draw("ready", cp?.code ?? words.banner.newPiece(), words.banner.unfinished());
    }
  }

  #defect(code) {
    return `${code} ${this.view.nameOf("defect", code)}`;
  }

  #draw(sort, title, detail) {
    this.view.banner({ sort, title, detail });
  }
}
