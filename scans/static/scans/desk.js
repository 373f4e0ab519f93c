// Does what is scanned: fills the form, keeps the scan, undoes it, gives up what nobody finishes.

import { Abandoning } from "./abandoning.js";
import { makeRecord } from "./record.js";
import * as words from "./words.js";

const APPROVED = "000";
const FORM = "quality.form";
// A disk takes milliseconds. Whoever goes on after this long may lose what he scans.
const LATE_SECONDS = 2;
// Read by the quality department, whatever the operator's language.
const UNDONE = "undone at the station";
export const DOUBLED = "doubled";

export class Desk {
  outbox = null; // which tells us what becomes of a scan
  buffer = "";
  station = "";
  repeatPolicy = "reinspection";
  #isNewer = false;
  #late = new Map(); // id → the timer of a scan that is not on the disk yet

  /**
   * `lastOf(cp)` answers the newest valid scan of a piece that is known here, or null; `onPiece(cp)`
   * is told that a piece begins; `memory` is the tab's.
   */
  constructor({ form, view, banner, tiles, sound, latest, tally, note, memory, lastOf, onPiece }) {
    Object.assign(this, { form, view, banner, tiles, sound, latest, tally, note, memory });
    Object.assign(this, { lastOf, onPiece });
    form.isBlocked = (cp) => this.#isBlocked(cp);
    form.echoOf = (defect) => latest.echo(defect);
    this.abandoning = new Abandoning({
      onWarn: (seconds) => this.#warn(seconds),
      onGiveUp: () => this.#giveUp(),
    });
  }

  // ----- Codes

  take(raw) {
    this.#follow(() => this.form.take(raw));
  }

  typed(buffer) {
    this.buffer = buffer;
    this.view.fields(this.form, buffer);
    this.touch();
  }

  finishNote() {
    this.#follow(() => this.form.finishNote());
  }

  escape() {
    this.form.problem = null;
    this.draw();
    this.banner.calm();
  }

  dropDefect() {
    this.form.dropDefect();
    this.draw();
    this.banner.calm();
  }

  restart() {
    this.form.restart();
    this.draw();
    this.banner.restart();
  }

  draw() {
    const { form } = this;
    this.view.fields(form, this.buffer);
    this.tiles.draw(form.active === "defect");
    if (form.needsNote) this.note.focus({ preventScroll: true });
    else this.note.blur();
    // Nobody is to leave the page with half a piece.
    this.view.newer(this.#isNewer && !form.isBegun);
    this.touch();
  }

  /** The server has a newer version of this page. */
  offerNewer() {
    this.#isNewer = true;
    this.draw();
  }

  /** Somebody is at work: what is there is remembered, and not given up soon. */
  touch() {
    this.memory.set(FORM, JSON.stringify(this.form.snapshot()));
    this.abandoning.touch({ isBegun: this.form.isBegun });
  }

  /** What a reload finds again. */
  restore() {
    this.form.restore(this.memory.read(FORM, {}));
  }

  /** The next person has a badge of his own. */
  forget() {
    this.memory.remove(FORM);
  }

  problem(title, detail) {
    this.banner.problem(title, detail);
    this.sound.play("bad");
  }

  #follow(act) {
    if (!this.outbox.isAccepting) {
      this.sound.play("bad"); // The banner says why.
      return;
    }
    for (const outcome of act()) this.#show(outcome);
    this.draw();
  }

  /** Shows what a code did. */
  #show(outcome) {
    switch (outcome.did) {
      case "refused":
        // A scanner that ends with two Enters ends an empty note, too: no alarm for that.
        if (outcome.problem.kind === "note-empty") break;
        this.problem(words.explain(outcome.problem), words.banner.unchanged());
        break;
      case "commanded":
        if (outcome.command === "undo") this.undo();
        else this.restart();
        break;
      case "completed":
        this.#complete(outcome.scan);
        break;
      case "echoed":
        this.#doubled(outcome.scan);
        break;
      case "note-needed":
        this.banner.calm();
        this.sound.play("good");
        break;
      case "filled":
        this.#filled(outcome);
    }
  }

  #filled({ field, dropped }) {
    const cp = field === "cp" ? this.form.values.cp.code : null;
    if (cp) this.onPiece(cp);
    const before = cp && this.lastOf(cp);
    if (dropped) {
      this.problem(words.banner.dropped(dropped), words.banner.newPiece());
    } else if (before && this.repeatPolicy === "warn") {
      this.banner.repeated(before);
      this.sound.play("repeat");
    } else {
      this.banner.calm();
      this.sound.play("good");
    }
  }

  /** Blocked as soon as its CP is scanned; but what is only read twice is no offence. */
  #isBlocked(cp) {
    if (this.repeatPolicy !== "block") return false;
    const before = this.lastOf(cp);
    return before !== null && !this.latest.twin(before);
  }

  // ----- Scans

  #complete({ codes, raw, note }) {
    if (this.latest.twin(codes)) {
      this.#doubled(codes);
    } else if (this.repeatPolicy === "block" && this.lastOf(codes.cp)) {
      const problem = { kind: "blocked", field: "cp", code: codes.cp };
      this.problem(words.explain(problem), words.banner.unchanged());
    } else {
      const record = makeRecord({ raw, note }, this.station);
      this.latest.add(record.id, codes);
      this.tiles.used(codes.defect);
      this.watch({ record, codes });
      this.outbox.keep(record, codes);
    }
  }

  /** The outbox is asked to keep a scan; whoever goes on before it has may lose it. */
  watch(entry) {
    this.banner.keeping(entry);
    const tell = () => {
      this.banner.late(entry);
      this.sound.play("bad");
    };
    this.#late.set(entry.record.id, setTimeout(tell, LATE_SECONDS * 1000));
  }

  /** It is on the disk. */
  kept({ kind, record, codes }) {
    this.#onTime(record.id);
    if (kind !== "scan") return;
    this.latest.kept(record.id);
    this.sound.play(codes.defect === APPROVED ? "good" : "bad");
  }

  /** The disk refuses it. */
  unkept(entry, error) {
    this.#onTime(entry.record.id);
    this.banner.unkept(entry, error);
    this.sound.play("bad");
  }

  #onTime(id) {
    clearTimeout(this.#late.get(id));
    this.#late.delete(id);
  }

  #doubled({ operator, cp, oc1, oc2, defect }) {
    const codes = { operator, cp, oc1, oc2, defect };
    this.banner.doubled(codes);
    this.sound.play("repeat");
    this.tally.count(DOUBLED, Date.now());
    this.outbox.keepIncident("double_read", codes, { station: this.station });
  }

  /** Voids the last scan that was made here, if it is young enough. */
  undo() {
    if (this.latest.isUndoing()) {
      this.sound.play("repeat"); // What the banner says is true already.
      return;
    }
    const scan = this.latest.undoable();
    if (!scan) {
      const { title, detail } = words.banner.nothingToUndo();
      this.problem(title, detail);
      return;
    }
    this.latest.undone(scan.id);
    this.outbox.keepVoid(scan, { reason: UNDONE, station: this.station });
    this.banner.undone(scan);
    this.sound.play("good");
  }

  // ----- What nobody finishes

  #warn(seconds) {
    const { title, detail } = words.banner.unfinishedSoon(this.form.values.cp?.code, seconds);
    this.problem(title, detail);
  }

  #giveUp() {
    const codes = this.form.codesSoFar;
    this.outbox.keepIncident("abandoned", codes, { station: this.station });
    this.form.clear();
    this.draw();
    this.problem(words.banner.dropped(codes.cp ?? ""), words.banner.ready().detail);
  }
}
