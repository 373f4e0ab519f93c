// Draws what the station knows into the page. Reads nothing back, decides nothing.

import * as words from "./words.js";

const RECENT = 15;
const BANNER_ICONS = { ready: "scan", kept: "clock", good: "check", reject: "cross", problem: "alert" };
const CONNECTION_ICONS = { good: "check", wait: "clock", warn: "alert" };

const find = (selector, root = document) => root.querySelector(selector);

function setText(element, text) {
  // Unchanged text is left alone: a screen reader would say it again.
  if (element.textContent !== text) element.textContent = text;
}

export class View {
  constructor({ codes, operators }) {
    this.codes = codes;
    this.operators = operators;
    this.icons = document.body.dataset.icons;
    this.language = document.documentElement.lang;
    this.percent = new Intl.NumberFormat(this.language, {
      style: "percent",
      minimumFractionDigits: 1,
      maximumFractionDigits: 1,
    });
  }

  /** The person or the defect behind a code. */
  nameOf(field, code) {
    if (field === "operator") return this.operators[code] ?? words.unknownBadge();
    if (field === "defect") return this.codes.defects.get(code)?.name ?? "";
    return "";
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
      const hint = code
        ? this.nameOf(field, code)
        : isActive
          ? words.example(this.codes.examples[field])
          : "";
      setText(find(".field-hint", row), problem || hint);
    }
    this.#note(form);
    const next = form.active
      ? words.next(words.fieldName(form.active), this.codes.examples[form.active])
      : words.banner.noteNeeded();
    setText(find("#next"), next);
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
    this.#icon(banner, BANNER_ICONS[sort]);
    setText(find("#banner-title"), title);
    setText(find("#banner-detail"), detail);
  }

  connection(answer) {
    const [text, sort] = words.connection(answer);
    const line = find("#connection");
    line.dataset.sort = sort;
    this.#icon(line, CONNECTION_ICONS[sort]);
    setText(find("span", line), text);
    find("#sign-in-again").hidden = !words.wantsLogin(answer);
  }

  /** Asks before a sign-out that leaves scans behind. */
  leaving(count) {
    setText(find("#leaving-count"), words.signOutWith(count));
    find("#leaving").hidden = count === 0;
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

  /** The numbers of what waits, and the list of what needs a person. */
  entries({ count, refused }, onRetry, onDismiss) {
    setText(find("#pending"), words.pending(count));
    find("#pending").classList.toggle("is-some", count > 0);
    const link = find("#attention-count");
    link.classList.toggle("is-away", refused.length === 0);
    setText(link, words.attention(refused.length));
    find("#attention").hidden = refused.length === 0;
    this.#attention(refused, onRetry, onDismiss);
  }

  /** What is there stays as it is: somebody may be writing its note. */
  #attention(refused, onRetry, onDismiss) {
    const list = find("#attention-list");
    const wanted = new Map(refused.map((entry) => [String(entry.seq), entry]));
    for (const item of [...list.children]) {
      if (!wanted.delete(item.dataset.seq)) item.remove();
    }
    for (const entry of wanted.values()) list.append(this.#refused(entry, onRetry, onDismiss));
  }

  #refused(entry, onRetry, onDismiss) {
    const item = this.#clone("#attention-item");
    const { cp, defect } = entry.codes;
    setText(find(".attention-code", item), `${cp} · ${defect} ${this.nameOf("defect", defect)}`);
    setText(find(".attention-reason", item), words.reasons(entry.problem));
    item.dataset.seq = entry.seq;
    const note = find("input", item);
    find("label", item).hidden = !entry.problem.body?.errors?.note;
    note.value = entry.record.note;
    // Refused as it was, it is stored nowhere: completed, it may keep its id.
    find("[data-do=retry]", item).onclick = () =>
      onRetry({ ...entry, record: { ...entry.record, note: note.value.trim() } });
    const [ask, sure] = [find("[data-do=ask]", item), find(".attention-sure", item)];
    // Two presses: what is removed here is nowhere else.
    ask.onclick = () => ([ask.hidden, sure.hidden] = [true, false]);
    find("[data-do=keep]", item).onclick = () => ([ask.hidden, sure.hidden] = [false, true]);
    find("[data-do=dismiss]", item).onclick = () => onDismiss(entry);
    return item;
  }

  totals({ approved, rejected }) {
    const all = approved + rejected;
    const number = new Intl.NumberFormat(this.language);
    setText(find("#approved"), number.format(approved));
    setText(find("#rejected"), number.format(rejected));
    setText(find("#reject-percent"), all ? this.percent.format(rejected / all) : "–");
  }

  /** The newest scans: those that wait here, then those that the server has. */
  recent(scans, waiting) {
    const here = waiting
      .filter(({ kind }) => kind === "scan")
      .map((entry) => ({ ...entry.record, ...entry.codes, isHere: true, isKept: "seq" in entry }))
      .reverse();
    const stored = new Set(scans.map((scan) => scan.id));
    const shown = [...here.filter((scan) => !stored.has(scan.id)), ...scans].slice(0, RECENT);
    find("#recent").replaceChildren(...shown.map((scan) => this.#scan(scan)));
    find("#recent-empty").hidden = shown.length > 0;
  }

  #scan(scan) {
    const row = this.#clone("#recent-row");
    const cell = (name) => find(`.${name}`, row);
    row.classList.toggle("is-here", Boolean(scan.isHere));
    row.classList.toggle("is-reject", scan.defect !== "000");
    setText(cell("time"), scan.scanned_at.slice(11, 19)); // By the station's wall clock.
    setText(cell("cp"), scan.cp);
    setText(cell("operator"), scan.operator);
    setText(cell("defect"), `${scan.defect} ${this.nameOf("defect", scan.defect)}`);
    if (scan.note) cell("defect").title = scan.note;
    this.#icon(cell("state"), scan.isHere ? "clock" : "check");
    const here = scan.isKept ? words.kept() : words.keeping();
    setText(find("span", cell("state")), scan.isHere ? here : words.saved());
    return row;
  }

  #clone(selector) {
    return find(selector).content.firstElementChild.cloneNode(true);
  }

  #icon(element, name) {
    find("use", element).setAttribute("href", `${this.icons}#${name}`);
  }
}
