// Turns codes into a scan: each code goes where its pattern belongs, the defect completes.

import { MAX_LENGTH, repair } from "./barcode.js";

const PIECE = ["cp", "oc1", "oc2", "defect"];

/**
 * One piece in the making. `take(raw)` answers with what the code did, one or two of:
 *
 *   {did: "filled", field, dropped?}    the code is in its field (and began a new piece in place of
 *                                       an unfinished one)
 *   {did: "note-needed", field}         the defect wants words: `finishNote()` completes
 *   {did: "completed", scan}            the piece is done; the form is ready for the next
 *   {did: "commanded", command}         the sheet's "undo" or "clear"; nothing changed
 *   {did: "echoed", scan}               the defect that has completed the last piece, read twice
 *   {did: "refused", problem}           nothing changed; `problem` is `{kind, field, …}`
 *
 * A badge changes the operator at any time. What is in a sticky field stays for the next piece.
 */
export class Form {
  values = {}; // field → {raw, code}
  note = ""; // as far as it is written
  problem = null;
  #sticky = new Set(["operator"]);
  isBlocked = () => false; // whether a CP was scanned before, where that is forbidden
  echoOf = () => null; // the scan that a defect has just completed
  #repeated = "";

  constructor(codes) {
    this.codes = codes;
  }

  get sticky() {
    return this.#sticky;
  }

  /** What stayed so far and does no longer is no beginning of a piece. */
  set sticky(fields) {
    this.#sticky = fields;
    if (!this.values.cp) this.#drop(PIECE.filter((field) => !fields.has(field)));
  }

  /** The field that waits for a code: the first that is empty; null while the note is written. */
  get active() {
    return this.codes.fields.find((field) => !this.values[field]) ?? null;
  }

  get needsNote() {
    return this.active === null;
  }

  /** Whether a piece is begun that a restart would drop. */
  get isBegun() {
    return PIECE.some((field) => this.values[field] && !this.sticky.has(field));
  }

  /** The codes that are there: `{field: code}`. */
  get codesSoFar() {
    return Object.fromEntries(
      Object.entries(this.values).map(([field, { code }]) => [field, code]),
    );
  }

  take(raw) {
    const code = repair(raw);
    this.problem = null;
    if (!code) return [this.#refuse({ kind: "empty", field: this.#here })];
    if (raw.length > MAX_LENGTH || !this.codes.isCode(raw)) {
      return [this.#refuse(this.codes.explain(code, raw.length, this.#here))];
    }
    const command = this.codes.commandOf(code);
    if (command) return [{ did: "commanded", command }];
    const [field] = this.codes.fieldsFor(code);
    if (field === "operator") return [this.#fill(field, raw, code)];
    if (field === "defect") return [this.#takeDefect(raw, code)];
    if (field !== "cp") return [this.#takeOc(raw, code)];
    if (this.isBlocked(code)) return [this.#refuse({ kind: "blocked", field, code })];
    // The next piece begins. If only the note was missing and it is written, nothing is lost.
    const done = this.needsNote && this.note.trim() ? [this.#complete(this.note.trim())] : [];
    return [...done, this.#startPiece(raw, code)];
  }

  /**
   * The note is written. A text that is a code was scanned, not written: it is taken as one. So is
   * a CP, badge or command glued to the end of the text, as a scanner leaves it; a person types a
   * space. What was meant as a code and misread is no note either.
   */
  finishNote() {
    const text = this.note.trim();
    if (this.codes.isCode(text)) {
      this.note = "";
      return this.take(text);
    }
    const tail = this.#scannedTail(text);
    const note = text.slice(0, text.length - tail.length);
    if (tail && this.codes.commandOf(repair(tail))) {
      this.note = note;
      return this.take(tail);
    }
    const misread = this.#misreadIn(text, note);
    if (misread) {
      this.note = text.slice(0, text.length - misread.length);
      return [this.#refuse({ kind: "note-misread", field: "note", code: misread })];
    }
    if (!note) return [this.#refuse({ kind: "note-empty", field: "note" })];
    const done = this.#complete(note);
    return tail ? [done, ...this.take(tail)] : [done];
  }

  /** Whether the next piece, or a command, was scanned into the note: nobody writes one. */
  get noteEndsWithCode() {
    // As a whole or behind the words: something always stands before it then.
    return this.#scannedTail(`.${this.note}`, ["cp"]) !== "";
  }

  /** Back to the defect: it was not this one. */
  dropDefect() {
    delete this.values.defect;
    this.note = "";
    this.problem = null;
  }

  /** Forget the piece, keep what stays for the next. */
  clear() {
    this.#drop(this.codes.fields.filter((field) => !this.sticky.has(field)));
  }

  /** Begin anew with the operator alone. */
  restart() {
    this.#drop(PIECE);
  }

  /** What a reload must not lose. */
  snapshot() {
    return { values: this.values, note: this.note };
  }

  /** Takes a snapshot back, as far as its codes still have the patterns of today. */
  restore({ values, note }) {
    this.values = {};
    for (const field of this.codes.fields) {
      const value = values?.[field];
      if (value && this.codes.matches(field, value.code)) this.values[field] = value;
    }
    this.note = this.needsNote ? (note ?? "") : "";
  }

  get #here() {
    return this.active ?? "defect";
  }

  #drop(fields) {
    for (const field of fields) delete this.values[field];
    this.note = "";
    this.problem = null;
    this.#repeated = "";
  }

  #refuse(problem) {
    this.problem = problem;
    return { did: "refused", problem };
  }

  #fill(field, raw, code) {
    this.values[field] = { raw, code };
    return { did: "filled", field };
  }

  #startPiece(raw, code) {
    const dropped = this.values.cp?.code;
    this.#drop(PIECE.filter((field) => !this.sticky.has(field)));
    const filled = this.#fill("cp", raw, code);
    return dropped && dropped !== code ? { ...filled, dropped } : filled;
  }

  #takeOc(raw, code) {
    const { cp, oc1, oc2 } = this.values;
    const bothStay = this.sticky.has("oc1") && this.sticky.has("oc2");
    const field = !oc1 ? "oc1" : !oc2 ? "oc2" : "oc1";
    if (!cp && !this.sticky.has(field)) return this.#refuse({ kind: "too-early", field: "cp", code });
    // A pair that stays is changed by scanning the next one; its last code was read twice, rather.
    if (oc1 && oc2 && (!bothStay || this.#isFirst(code, oc2))) {
      return this.#refuse({ kind: "oc-full", field: "oc2", code });
    }
    if (oc1 && !oc2 && this.#isFirst(code, oc1)) {
      // Most likely the scanner read it twice. Who means it scans it once more.
      return this.#refuse({ kind: "oc-repeated", field: "oc2", code });
    }
    if (oc1 && oc2) delete this.values.oc2;
    return this.#fill(field, raw, code);
  }

  /** Whether a code equals the one before for the first time. */
  #isFirst(code, before) {
    if (before.code !== code || this.#repeated === code) return false;
    this.#repeated = code;
    return true;
  }

  #takeDefect(raw, code) {
    const defect = this.codes.defects.get(code);
    if (!defect) return this.#refuse({ kind: "unknown-defect", field: "defect", code });
    const missing = this.codes.fields.find((field) => field !== "defect" && !this.values[field]);
    const echo = missing && !this.isBegun ? this.echoOf(code) : null;
    if (echo) return { did: "echoed", scan: echo };
    if (missing) return this.#refuse({ kind: "too-early", field: missing, code });
    this.#fill("defect", raw, code);
    if (defect.noteRequired) return { did: "note-needed", field: "defect" };
    return this.#complete("");
  }

  #complete(note) {
    const scan = { codes: {}, raw: {}, note };
    for (const field of this.codes.fields) {
      scan.codes[field] = this.values[field].code;
      scan.raw[field] = this.values[field].raw;
    }
    this.clear();
    return { did: "completed", scan };
  }

  #misreadIn(text, note) {
    if (this.codes.isCode(note)) return text; // Two codes in one go.
    return note === text ? this.codes.misreadIn(text) : "";
  }

  /** What a scanner has left at the end of a text, behind its last letter. */
  #scannedTail(text, fields = ["cp", "operator"]) {
    const sources = fields.map((field) => this.codes.patterns.get(field).source.slice(1, -1));
    const wanted = [...sources, ...this.codes.commands.keys()].map(
      (source) => new RegExp(`(?<=\\S)(?:${source})$`, "i"),
    );
    return wanted.map((pattern) => pattern.exec(text)?.[0]).find(Boolean) ?? "";
  }
}
