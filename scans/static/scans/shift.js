// Counts the shift at this station: what the server has, and what is still on its way there.

import { baseOf } from "./barcode.js";

const APPROVED = "000";
const RECENT = 15;

const sumOf = (defect) => (defect === APPROVED ? "approved" : "rejected");
const isScan = ({ kind }) => kind === "scan";

/** `{approved, rejected}` with one scan more, or (`by` −1) less. */
function counted(sums, defect, by = 1) {
  return { ...sums, [sumOf(defect)]: sums[sumOf(defect)] + by };
}

export class Shift {
  scans = []; // what the server has of this station, the newest first
  window = null; // `{name, start, end}` of the shift that runs there
  revision = null;
  #totals = null;
  #order = null;
  #news = []; // what was confirmed since the server was last asked

  /** The server is asked now: what it confirms from here on may be missing in its answer. */
  asking() {
    this.#news = [];
  }

  /** The answer of `GET /scans/recent/`. */
  answered({ scans, totals, order, shift, revision }) {
    Object.assign(this, { scans, window: shift, revision });
    [this.#totals, this.#order] = [totals, order];
    for (const confirm of this.#news) confirm();
  }

  /** A scan was stored. */
  confirmed(scan) {
    this.#news.push(() => this.#store(scan));
    this.#store(scan);
  }

  /** A scan was voided. */
  voided(id) {
    this.#news.push(() => this.#void(id));
    this.#void(id);
  }

  /** The last scans: those that wait here, then those that the server has. */
  rows(entries) {
    const voided = this.#voidedIn(entries);
    const stored = new Set(this.scans.map((scan) => scan.id));
    const here = entries
      .filter((entry) => isScan(entry) && !stored.has(entry.record.id))
      .map((entry) => ({ ...entry.record, ...entry.codes, isHere: true, isKept: "seq" in entry }))
      .reverse();
    return [...here, ...this.scans]
      .slice(0, RECENT)
      .map((scan) => ({ ...scan, voided: scan.voided || voided.has(scan.id) }));
  }

  /** `{approved, rejected}` of the shift, with what waits; null before the server has answered. */
  totals(entries) {
    if (!this.#totals) return null;
    let sums = this.#totals;
    for (const { scan, by } of this.#changes(entries)) {
      if (this.#isInShift(scan)) sums = counted(sums, scan.defect, by);
    }
    return sums;
  }

  /** `{base, approved, rejected}` of the order: its pieces, each by its last valid scan. */
  progress(base, entries) {
    if (this.#order?.base !== base) return null;
    const last = new Map();
    let sums = this.#order;
    for (const scan of [...this.scans].reverse()) if (!scan.voided) last.set(scan.cp, scan.defect);
    for (const { scan, by } of this.#changes(entries)) {
      if (baseOf(scan.cp) !== base) continue;
      const before = last.get(scan.cp);
      if (by > 0 && before) sums = counted(sums, before, -1);
      sums = counted(sums, scan.defect, by);
      if (by > 0) last.set(scan.cp, scan.defect);
      else last.delete(scan.cp);
    }
    return sums;
  }

  /** The newest valid scan of a piece that is known here. */
  lastOf(cp, entries) {
    return this.rows(entries).find((scan) => scan.cp === cp && !scan.voided) ?? null;
  }

  #store(scan) {
    if (this.scans.some(({ id }) => id === scan.id)) return;
    const before = this.scans.find(({ cp, voided }) => cp === scan.cp && !voided);
    this.scans = [scan, ...this.scans];
    if (scan.voided) return;
    if (this.#totals && this.#isInShift(scan)) this.#totals = counted(this.#totals, scan.defect);
    if (this.#order?.base !== baseOf(scan.cp)) return;
    if (before) this.#order = counted(this.#order, before.defect, -1);
    this.#order = counted(this.#order, scan.defect);
  }

  #void(id) {
    const scan = this.scans.find((one) => one.id === id && !one.voided);
    if (!scan) return;
    this.scans = this.scans.map((one) => (one === scan ? { ...one, voided: true } : one));
    if (this.#totals && this.#isInShift(scan)) this.#totals = counted(this.#totals, scan.defect, -1);
    if (this.#order?.base === baseOf(scan.cp)) this.#order = counted(this.#order, scan.defect, -1);
  }

  /** What the entries that wait will change: `{scan: {cp, defect, scanned_at}, by: 1 or -1}`. */
  #changes(entries) {
    const voided = this.#voidedIn(entries);
    const stored = new Map(this.scans.map((scan) => [scan.id, scan]));
    const added = entries
      .filter(({ record }) => !stored.has(record.id) && !voided.has(record.id))
      .filter(isScan)
      .map(({ record, codes }) => ({ scan: { ...record, ...codes }, by: 1 }));
    const removed = [...voided]
      .map((id) => stored.get(id))
      .filter((scan) => scan && !scan.voided)
      .map((scan) => ({ scan, by: -1 }));
    return [...removed, ...added];
  }

  #voidedIn(entries) {
    return new Set(entries.filter(({ kind }) => kind === "void").map(({ record }) => record.scan));
  }

  #isInShift({ scanned_at }) {
    if (!this.window) return true;
    const at = Date.parse(scanned_at);
    return at >= Date.parse(this.window.start) && at < Date.parse(this.window.end);
  }
}
