// Decides what the banner says: what is wrong, the piece in the making, or how the last one fared.

import * as words from "./words.js";

const APPROVED = "000";

export class Banner {
  #result = { sort: "ready", ...words.banner.ready() };
  #newest = null; // the entry that the result speaks of
  #problem = null; // `{sort, title, detail, id}`: shown until the next code; id is that of its scan
  #late = new Map(); // id → {cp, detail}: what the disk has not taken, and what to do

  constructor({ view, form, codes }) {
    Object.assign(this, { view, form, codes });
  }

  /** Shows what matters most just now. */
  show() {
    const [late] = this.#late.values();
    if (late) this.#draw("problem", words.banner.late(late.cp), late.detail);
    else if (this.#problem) this.view.banner(this.#problem);
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
    this.#problem = { sort: "problem", title, detail, id };
    this.show();
  }

  /** The piece that is begun was scanned before. */
  repeated({ cp, defect, scanned_at }) {
    const detail = words.banner.repeated(this.#defect(defect), scanned_at.slice(11, 19));
    this.#problem = { sort: "repeat", title: cp, detail, id: "" };
    this.show();
  }

  /** The same scan once more, which is not recorded; what comes of the first is no news now. */
  doubled({ cp, defect }) {
    this.#closed("repeat", cp, `${this.#defect(defect)} · ${words.banner.doubleRead()}`);
  }

  undone({ cp, defect }) {
    this.#closed("undone", cp, `${this.#defect(defect)} · ${words.banner.undone()}`);
  }

  /** A void was kept or stored, by another tab perhaps: what it undoes is not to look good here. */
  voided({ record, codes }) {
    if (record.scan === this.#newest?.record.id) this.undone(codes);
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

  /** The disk refuses it: it is full, or the browser lets us have none. */
  unkept(entry, { name }) {
    const isFull = name === "QuotaExceededError";
    this.late(entry, isFull ? words.banner.full() : words.banner.denied());
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

  /** The server has it: for the first time, or (`isWarned`: as it should not be) once more. */
  confirmed(entry, { isRepeated, isWarned }) {
    if (this.#problem?.id === entry.record.id) this.#problem = null;
    const sort = entry.codes.defect === APPROVED ? "good" : "reject";
    const text = isRepeated ? words.banner.reinspected() : words.banner.confirmed();
    this.#news(entry, isWarned ? "repeat" : sort, text);
  }

  refused(entry) {
    this.#failed(entry, words.kindOf(entry, entry.codes.cp ?? ""), words.banner.refused(words.reasons(entry.problem)));
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

  #closed(sort, title, detail) {
    this.#problem = null;
    this.#newest = null;
    this.#result = { sort, title, detail };
    // Over a piece in the making it is said as well, until the next code.
    if (this.form.isBegun) this.#problem = { ...this.#result, id: "" };
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
    return `${code} ${this.codes.nameOf("defect", code)}`;
  }

  #draw(sort, title, detail) {
    this.view.banner({ sort, title, detail });
  }
}
