// What the server tells the page of the floor.

export const settings = {
  patterns: {
    operator: "OP\\d{2,4}",
    cp: "CP\\d{8}-\\d{4}",
    oc1: "OC\\d{2}",
    oc2: "OC\\d{2}",
    defect: "\\d{3}",
  },
  examples: { operator: "OP0001", cp: "CP10045821-0007", oc1: "OC01", oc2: "OC11", defect: "000" },
  commands: { undo: "CMDUNDO", clear: "CMDCLEAR" },
  defects: [
    { code: "000", name: "Approved", noteRequired: false },
    { code: "001", name: "Scratch", noteRequired: false },
    { code: "099", name: "Other", noteRequired: true },
  ],
  operators: { OP0001: "Ana Popescu" },
};

/** What a page remembers, with nothing behind it. */
export class TestMemory {
  #texts = new Map();
  set(name, text) {
    this.#texts.set(name, text);
  }
  remove(name) {
    this.#texts.delete(name);
  }
  read(name, otherwise) {
    return this.#texts.has(name) ? JSON.parse(this.#texts.get(name)) : otherwise;
  }
}
