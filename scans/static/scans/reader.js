// Turns key strokes on the document into codes.
//
// A scanner types like a keyboard, at any speed, wherever the focus happens to be. The terminator
// (Enter or Tab) ends a code; time is asked only when a code is complete without one.

const IDLE_SECONDS = 0.3;
// Longer is not a code. Kept short so that a book on the space bar costs no memory.
const MAX_KEPT = 4096;
const PRESSABLE = "button, a[href], summary, [role=button]";
const TYPING = "input, textarea, select, [contenteditable]";

export class Reader {
  #buffer = "";
  #timer = 0;

  /**
   * `onCode(raw)` gets each code, `onBuffer(text)` what is typed so far, `onEscape()` an Escape
   * with nothing typed; `isComplete(raw)` says whether a code needs no terminator any more.
   */
  constructor({ onCode, onBuffer, onEscape, isComplete, idleSeconds = IDLE_SECONDS }) {
    Object.assign(this, { onCode, onBuffer, onEscape, isComplete, idleSeconds });
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
    if (event.isComposing || this.#isShortcut(event)) return;
    if (event.target?.matches?.(TYPING)) return; // A note is typed: that is the field's business.
    const pressable = event.target?.closest?.(PRESSABLE);
    switch (event.key) {
      case "Enter":
        // Always: an Enter may come from a scanner, so it never presses what happens to be focused.
        event.preventDefault();
        this.#end();
        break;
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
        if (!this.#buffer && pressable) {
          // The space bar presses buttons; here also links, since Enter does not.
          if (pressable.matches("a[href]")) {
            event.preventDefault();
            pressable.click();
          }
          return;
        }
        event.preventDefault();
        this.#set(this.#buffer + " ");
        break;
      default:
        if ([...event.key].length !== 1) return; // Shift, F5, arrows …
        event.preventDefault(); // No quick find, no other shortcut of one letter.
        this.#set(this.#buffer + event.key);
    }
  }

  keyup(event) {
    if (event.key === " " && this.#buffer && event.target?.closest?.(PRESSABLE)) {
      event.preventDefault();
    }
  }

  #isShortcut(event) {
    if (event.getModifierState?.("AltGraph")) return false; // Types a character on many layouts.
    return event.ctrlKey || event.metaKey || event.altKey;
  }

  #set(text) {
    this.#buffer = text.slice(0, MAX_KEPT);
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
