// Lists what the server will not take, until a person has dealt with it.

import { clone, find, setText } from "./drawing.js";
import * as words from "./words.js";

export class Attention {
  /** `onRetry(entry)` and `onDismiss(entry)` are told what the person decides. */
  constructor({ codes, onRetry, onDismiss }) {
    Object.assign(this, { codes, onRetry, onDismiss });
  }

  /** What is there stays as it is: somebody may be writing its note. */
  draw(refused) {
    const link = find("#attention-count");
    link.classList.toggle("is-away", refused.length === 0);
    setText(link, words.attention(refused.length));
    find("#attention").hidden = refused.length === 0;
    const list = find("#attention-list");
    const wanted = new Map(refused.map((entry) => [String(entry.seq), entry]));
    for (const item of [...list.children]) {
      if (!wanted.delete(item.dataset.seq)) item.remove();
    }
    for (const entry of wanted.values()) list.append(this.#item(entry));
  }

  #item(entry) {
    const item = clone("#attention-item");
    const { cp, defect } = entry.codes;
    const result = defect && `${defect} ${this.codes.nameOf("defect", defect)}`;
    const what = [cp, result].filter(Boolean).join(" · ");
    setText(find(".attention-code", item), words.kindOf(entry, what));
    setText(find(".attention-reason", item), words.reasons(entry.problem));
    item.dataset.seq = entry.seq;
    const note = find("input", item);
    find("label", item).hidden = !entry.problem.body?.errors?.note;
    note.value = entry.record.note ?? "";
    find("[data-do=retry]", item).onclick = () => this.onRetry(withNote(entry, note.value.trim()));
    const [ask, sure] = [find("[data-do=ask]", item), find(".attention-sure", item)];
    // Two presses: what is removed here is nowhere else.
    ask.onclick = () => ([ask.hidden, sure.hidden] = [true, false]);
    find("[data-do=keep]", item).onclick = () => ([ask.hidden, sure.hidden] = [false, true]);
    find("[data-do=dismiss]", item).onclick = () => this.onDismiss(entry);
    return item;
  }
}

/** Refused as it was, it is stored nowhere: completed, it may keep its id. */
function withNote(entry, note) {
  return "note" in entry.record ? { ...entry, record: { ...entry.record, note } } : entry;
}
