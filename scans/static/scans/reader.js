// Turns key strokes on the document into codes.
//
// A scanner types like a keyboard, at any speed, wherever the focus happens to be. The terminator
// (Enter or Tab) ends a code; time is asked only when a code is complete without one.

// Longer is not a code. Kept short so that a book on the space bar costs no memory.
const MAX_KEPT = 4096;
// After a space this long without another key, it was a press and not the beginning of a code.
const PRESS_SECONDS = 0.15;
const PRESSABLE = "button, a[href], summary, [role=button]";
const TYPING = "input, textarea, select, [contenteditable]";

/** Whether a key ends a code. A scanner sends CR and LF as Ctrl+M and Ctrl+J, too. */
export function isEnter({ key, ctrlKey, altKey, metaKey }) {
  return key === "Enter" || (ctrlKey && !altKey && !metaKey && /^[jm]$/i.test(key));
}

export class Reader {
  idleSeconds = 0.3; // how long a complete code waits for its end
  #buffer = "";
  #timer = 0;
  #press = 0; // the timer of a space that may be a press

  /**
   * `onCode(raw)` gets each code, `onBuffer(text)` what is typed so far, `onEscape()` an Escape
   * with nothing typed; `isComplete(raw)` says whether a code needs no terminator any more;
   * `isTakenElsewhere()` whether a character belongs to a field, which has the focus then.
   */
  constructor({ onCode, onBuffer, onEscape, isComplete, isTakenElsewhere = () => false }) {
    Object.assign(this, { onCode, onBuffer, onEscape, isComplete, isTakenElsewhere });
  }

  listen(target) {
    // Capturing: nothing on the page sees a key before we do.
    target.addEventListener("keydown", (event) => this.keydown(event), true);
    // A button is pressed by the *release* of the space bar, so that has to be held back as well.
    target.addEventListener("keyup", (event) => this.keyup(event), true);
  }

  get buffer() {
    return this.#buffer;
  }

  keydown(event) {
    if (event.isComposing) return;
    if (event.target?.matches?.(TYPING)) return; // A note is typed: that is the field's business.
    if (isEnter(event)) {
      // Always: an Enter may come from a scanner, so it never presses what happens to be focused.
      event.preventDefault();
      this.#end();
      return;
    }
    if (this.#isShortcut(event)) return;
    const pressable = event.target?.closest?.(PRESSABLE);
    switch (event.key) {
      case "Tab":
        if (!this.#buffer) return; // Moves the focus, as ever.
        event.preventDefault();
        this.#end();
        break;
      case "Escape":
        if (this.#buffer) this.#set("");
        else this.onEscape?.();
        break;
      case "Backspace":
        event.preventDefault();
        this.#set(this.#buffer.slice(0, -1));
        break;
      case " ":
        if (!this.#buffer && pressable && !this.#press) {
          // The space bar presses buttons; here also links, since Enter does not.
          event.preventDefault();
          if (!event.repeat) this.#pressSoon(pressable);
          return;
        }
        event.preventDefault();
        this.#set(this.#buffer + " ");
        break;
      default:
        if ([...event.key].length !== 1) return; // Shift, F5, arrows …
        if (!this.#buffer && this.isTakenElsewhere()) return;
        event.preventDefault(); // No quick find, no other shortcut of one letter.
        this.#set(this.#buffer + event.key);
    }
  }

  keyup(event) {
    if (event.key === " " && event.target?.closest?.(PRESSABLE)) event.preventDefault();
  }

  #pressSoon(pressable) {
    this.#press = setTimeout(() => {
      this.#press = 0;
      pressable.click();
    }, PRESS_SECONDS * 1000);
  }

  #isShortcut(event) {
    if (event.getModifierState?.("AltGraph")) return false; // Types a character on many layouts.
    return event.ctrlKey || event.metaKey || event.altKey;
  }

  #set(text) {
    // Another key so soon: the space that came before it began a code.
    const space = this.#press ? " " : "";
    clearTimeout(this.#press);
    this.#press = 0;
    this.#buffer = (space + text).slice(0, MAX_KEPT);
    clearTimeout(this.#timer);
    if (this.isComplete(this.#buffer)) {
      this.#timer = setTimeout(() => this.#end(), this.idleSeconds * 1000);
    }
    this.onBuffer(this.#buffer);
  }

  #end() {
    clearTimeout(this.#timer);
    const code = this.#buffer;
    this.#buffer = "";
    this.onBuffer("");
    if (code) this.onCode(code);
  }
}
