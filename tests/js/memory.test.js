import { ofBrowser } from "/static/scans/memory.js";
import { equal, test } from "./harness.js";

/** A storage that is full after the first text. */
function fullStorage() {
  const texts = new Map();
  return {
    getItem: (name) => texts.get(name) ?? null,
    setItem(name, text) {
      if (texts.size) throw new Error("QuotaExceededError");
      texts.set(name, text);
    },
    removeItem: (name) => texts.delete(name),
  };
}

test("what a full storage does not take counts all the same, not what it took before", () => {
  const storage = fullStorage();
  const memory = new ofBrowser.constructor(() => storage);
  memory.set("scans", "[1]");
  memory.set("scans", "[1, 2]");
  equal(memory.read("scans", []), [1, 2]);
  memory.remove("scans");
  equal(memory.read("scans", []), []);
});

test("what another tab writes is read", () => {
  const storage = fullStorage();
  const [one, other] = [1, 2].map(() => new ofBrowser.constructor(() => storage));
  one.set("scans", "[1]");
  other.remove("scans");
  other.set("scans", "[2]");
  equal(one.read("scans", []), [2]);
});
