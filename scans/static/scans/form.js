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
 *   {did: "refused", problem}           nothing changed; `problem` is `{kind, field, …}`
 *
 * A badge changes the operator at any time; the operator stays for the next piece.
 */
export class Form {
  values = {}; // field → {raw, code}
  note = ""; // as far as it is written
  problem = null;
  #repeated = "";

  constructor(codes) {
    this.codes = codes;
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
    return PIECE.some((field) => this.values[field]);
  }

  take(raw) {
    const code = repair(raw);
    this.problem = null;
    if (!code) return [this.#refuse({ kind: "empty", field: this.#here })];
    const [field] = raw.length <= MAX_LENGTH ? this.codes.fieldsFor(code) : [];
    if (!field) return [this.#refuse(this.codes.explain(code, raw.length, this.#here))];
    if (field === "operator") return [this.#fill(field, raw, code)];
    if (field === "defect") return [this.#takeDefect(raw, code)];
    if (field !== "cp") return [this.#takeOc(raw, code)];
    // The next piece begins. If only the note was missing and it is written, nothing is lost.
    const done = this.needsNote && this.note.trim() ? [this.#complete(this.note.trim())] : [];
    return [...done, this.#startPiece(raw, code)];
  }

  /** Whether a text is one whole code. */
  isCode(text) {
    return text.length <= MAX_LENGTH && this.codes.fieldsFor(repair(text)).length > 0;
  }

  /**
   * The note is written. A text that is a code was scanned, not written: it is taken as one. So is
   * a CP or badge glued to the end of the text, as a scanner leaves it; a person types a space.
   */
  finishNote() {
    const text = this.note.trim();
    if (this.isCode(text)) {
      this.note = "";
      return this.take(text);
    }
    const tail = this.#gluedTail(text, "cp") ?? this.#gluedTail(text, "operator") ?? "";
    const note = text.slice(0, text.length - tail.length);
    if (!note) return [this.#refuse({ kind: "note-empty", field: "note" })];
    const done = this.#complete(note);
    return tail ? [done, ...this.take(tail)] : [done];
  }

  /** Back to the defect: it was not this one. */
  dropDefect() {
    delete this.values.defect;
    this.note = "";
    this.problem = null;
  }

  /** Forget the piece, keep the operator. */
  clear() {
    for (const field of PIECE) delete this.values[field];
    this.note = "";
    this.problem = null;
    this.#repeated = "";
  }

  /** What a reload must not lose. */
  snapshot() {
    return { values: this.values, note: this.note };
  }

  /** Takes a snapshot back, as far as its codes still have the patterns of today. */
  restore({ values, note }) {
    for (const field of this.codes.fields) {
      const value = values?.[field];
      if (value && this.codes.matches(field, value.code)) this.values[field] = value;
    }
    this.note = this.needsNote ? (note ?? "") : "";
  }

  get #here() {
    return this.active ?? "defect";
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
    this.clear();
    const filled = this.#fill("cp", raw, code);
    return dropped && dropped !== code ? { ...filled, dropped } : filled;
  }

  #takeOc(raw, code) {
    if (!this.values.cp) return this.#refuse({ kind: "too-early", field: "cp", code });
    if (!this.values.oc1) return this.#fill("oc1", raw, code);
    if (this.values.oc2) return this.#refuse({ kind: "oc-full", field: "oc2", code });
    if (this.values.oc1.code === code && this.#repeated !== code) {
      // Most likely the scanner read it twice. Who means it scans it once more.
      this.#repeated = code;
      return this.#refuse({ kind: "oc-repeated", field: "oc2", code });
    }
    return this.#fill("oc2", raw, code);
  }

  #takeDefect(raw, code) {
    const defect = this.codes.defects.get(code);
    if (!defect) return this.#refuse({ kind: "unknown-defect", field: "defect", code });
    const missing = this.codes.fields.find((field) => field !== "defect" && !this.values[field]);
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

  #gluedTail(text, field) {
    const pattern = this.codes.patterns.get(field).source.replace("^", "");
    return new RegExp(`(?<=\\S)${pattern}`, "i").exec(text)?.[0];
  }
}
