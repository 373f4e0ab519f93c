// Listens to the fields for notes: words are written there, codes may be scanned into them.

import { isEnter } from "./reader.js";

/** Whether a key ends what stands in a field. A Tab ends a code; a written note it leaves. */
function ends(event, form) {
  if (event.isComposing) return false;
  return isEnter(event) || (event.key === "Tab" && form.isCode(event.target.value ?? ""));
}

/** The note of the piece: `onInput()`, `onEscape()`, `onDone()` are told. */
export function listenToNote(field, form, { onInput, onEscape, onDone }) {
  field.addEventListener("input", () => {
    form.note = field.value;
    onInput();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) onEscape();
    if (!ends(event, form)) return;
    event.preventDefault();
    onDone();
  });
}

/** The notes of refused scans: no Enter sends one, and a code scanned there is a code. */
export function listenToRefused(list, form, onCode) {
  list.addEventListener("keydown", (event) => {
    if (!ends(event, form)) return;
    event.preventDefault();
    const written = event.target.value ?? "";
    if (!form.isCode(written)) return;
    event.target.value = "";
    event.target.blur();
    onCode(written);
  });
}
