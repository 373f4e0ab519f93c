// Listens to the fields for notes: words are written there, codes may be scanned into them.

import { isEnter } from "./reader.js";

/** Whether a key ends what stands in a field. A Tab ends a code; a written note it leaves. */
function ends(event, codes) {
  if (event.isComposing) return false;
  return isEnter(event) || (event.key === "Tab" && codes.isCode(event.target.value ?? ""));
}

/** The note of the piece: `onInput()`, `onEscape()`, `onDone()` are told. */
export function listenToNote(field, form, { idleSeconds, onInput, onEscape, onDone }) {
  let timer = 0;
  const done = () => {
    clearTimeout(timer);
    onDone();
  };
  field.addEventListener("input", () => {
    form.note = field.value;
    clearTimeout(timer);
    // From a scanner that ends its codes with nothing.
    if (form.noteEndsWithCode) timer = setTimeout(done, idleSeconds() * 1000);
    onInput();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) onEscape();
    if (!ends(event, form.codes)) return;
    event.preventDefault();
    done();
  });
}

/** The notes of refused scans: no Enter sends one, and a code scanned there is a code. */
export function listenToRefused(list, codes, onCode) {
  list.addEventListener("keydown", (event) => {
    if (!ends(event, codes)) return;
    event.preventDefault();
    const written = event.target.value ?? "";
    const scanned = codes.isCode(written) ? written : codes.misreadIn(written);
    if (!scanned) return;
    event.target.value = written.slice(0, written.length - scanned.length);
    event.target.blur();
    onCode(scanned);
  });
}
