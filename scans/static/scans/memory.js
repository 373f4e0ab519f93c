// Remembers small texts in this browser; where it forbids that, as long as the page lives.

class Memory {
  #here = new Map(); // what the browser's storage has not taken

  /** `find()` answers the browser's storage; asking for it may throw. */
  constructor(find) {
    this.find = find;
  }

  get(name) {
    try {
      return this.#here.get(name) ?? this.find().getItem(name);
    } catch {
      return null; // Denied.
    }
  }

  set(name, text) {
    try {
      this.find().setItem(name, text);
      this.#here.delete(name);
    } catch {
      // Full or denied: the page has it, a reload will not.
      this.#here.set(name, text);
    }
  }

  remove(name) {
    this.#here.delete(name);
    try {
      this.find().removeItem(name);
    } catch {
      // Denied: nothing was there.
    }
  }

  /** What was remembered as JSON; `otherwise` when there is nothing that can be read. */
  read(name, otherwise) {
    try {
      return JSON.parse(this.get(name)) ?? otherwise;
    } catch {
      return otherwise;
    }
  }
}

export const ofBrowser = new Memory(() => localStorage);
export const ofTab = new Memory(() => sessionStorage);
