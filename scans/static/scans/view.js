// Draws the piece, the banner and the line of states. Reads nothing back, decides nothing.

import { find, setIcon, setText } from "./drawing.js";
import * as words from "./words.js";

const BANNER_ICONS = {
  ready: "scan",
  kept: "clock",
  good: "check",
  reject: "cross",
  repeat: "repeat",
  undone: "undo",
  problem: "alert",
};
const CONNECTION_ICONS = { good: "check", wait: "clock", warn: "alert" };

export class View {
  constructor({ codes }) {
    this.codes = codes;
  }

  fields(form, buffer) {
    for (const row of document.querySelectorAll("[data-field]")) {
      const field = row.dataset.field;
      const isActive = form.active === field;
      const isTyped = isActive && buffer !== "";
      const code = form.values[field]?.code;
      const problem = form.problem?.field === field ? words.explain(form.problem) : "";
      const isNext = isActive && !row.classList.contains("is-active");
      row.classList.toggle("is-active", isActive);
      if (isNext) row.scrollIntoView({ block: "nearest" });
      row.classList.toggle("is-filled", Boolean(code));
      row.classList.toggle("is-wrong", problem !== "");
      row.setAttribute("aria-current", String(isActive));
      // The end of what is typed is what the eye follows.
      setText(find(".field-value", row), isTyped ? buffer.slice(-words.SHOWN) : (code ?? ""));
      setText(find(".field-hint", row), problem || this.#hint(field, code, isActive));
    }
    this.#note(form);
    const next = form.active
      ? words.next(words.fieldName(form.active), this.codes.examples[form.active])
      : words.banner.noteNeeded();
    setText(find("#next"), next);
  }

  #hint(field, code, isActive) {
    if (!code) return isActive ? words.example(this.codes.examples[field]) : "";
    const name = this.codes.nameOf(field, code);
    return field === "operator" ? name || words.unknownBadge() : name;
  }

  #note(form) {
    const row = find("#note-row");
    const problem = form.problem?.field === "note" ? words.explain(form.problem) : "";
    row.hidden = !form.needsNote;
    setText(find("#note-problem"), problem);
    const input = find("#note");
    if (input.value !== form.note) input.value = form.note;
    input.setAttribute("aria-invalid", String(problem !== ""));
  }

  /** `sort` is one of BANNER_ICONS: the colour, the icon and the words go together. */
  banner({ sort, title, detail }) {
    const banner = find("#banner");
    banner.dataset.sort = sort;
    setIcon(banner, BANNER_ICONS[sort]);
    setText(find("#banner-title"), title);
    setText(find("#banner-detail"), detail);
  }

  connection(answer) {
    const [text, sort] = words.connection(answer);
    const line = find("#connection");
    line.dataset.sort = sort;
    setIcon(line, CONNECTION_ICONS[sort]);
    setText(find("span", line), text);
    find("#sign-in-again").hidden = !words.wantsLogin(answer);
  }

  /** What waits for the server, and since when. */
  pending(count, oldestSeconds) {
    setText(find("#pending"), words.pending(count, oldestSeconds));
    find("#pending").classList.toggle("is-some", count > 0);
  }

  /** The last scan, as far as it can be undone. */
  undo(scan) {
    find("#undo").disabled = scan === null;
    setText(find("#undo span"), words.undo(scan));
  }

  /** How far this clock is off the server's; 0 when it is right. */
  clock(offSeconds) {
    find("#clock-off").hidden = offSeconds === 0;
    if (offSeconds) setText(find("#clock-off"), words.clockOff(offSeconds));
  }

  /** How the last shift was closed. */
  closing(result) {
    const line = find("#closing");
    line.hidden = false;
    line.dataset.sort = result.here === result.there ? "good" : "warn";
    setText(line, words.closing(result));
  }

  /** Asks before a sign-out that leaves scans behind. */
  leaving(count) {
    setText(find("#leaving-count"), words.signOutWith(count));
    find("#leaving").hidden = count === 0;
    // Else a screen reader says nothing of it, and keys are far away.
    find(count ? "#stay" : "#sign-out button").focus();
  }

  /** Whether a newer version of the page is offered. */
  newer(isOffered) {
    find("#newer").hidden = !isOffered;
  }

  /** Whether keys reach the page: those of a scanner go to whatever window is in front. */
  front(isInFront) {
    find("#not-in-front").hidden = isInFront;
  }

  sound(isHeard) {
    find("#sound-off").classList.toggle("is-away", isHeard);
  }
}
