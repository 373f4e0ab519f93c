// Runs the tests of a module in the page that imports it, where tests/e2e/test_modules.py reads the
// result; or hands them to Node.

const node = globalThis.process?.versions?.node ? await import("node:test") : null;
const tests = [];

export function test(name, body) {
  if (node) node.test(name, body);
  else tests.push({ name, body });
}

export function equal(found, expected, about = "") {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${about} found ${left}, expected ${right}`);
}

/** What stands in a JSON file beside the tests, by its path in the project. */
export async function sample(path) {
  if (!node) return (await fetch(path)).json();
  const { readFile } = await import("node:fs/promises");
  return JSON.parse(await readFile(new URL(`../..${path}`, import.meta.url), "utf8"));
}

/** Lets everything go on that only waits for promises. (A time-out would be held back to 4 ms.) */
export function settled() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve(port1.close());
    port2.postMessage(null);
  });
}

/** `[{name, error}]` of all tests, one after the other; error is null when it passed. */
export async function run() {
  const results = [];
  for (const { name, body } of tests) {
    let error = null;
    try {
      await body();
    } catch (caught) {
      error = String(caught);
    }
    results.push({ name, error });
  }
  return results;
}
