import { Store } from "/static/scans/store.js";
import { turnFor } from "/static/scans/turn.js";
import { equal, test } from "./harness.js";

const NOON = "2026-11-20T12:00:00.000+02:00";
const scan = (id, scanned_at = NOON) => ({ kind: "scan", record: { id, scanned_at }, codes: {}, problem: null });
const voidOf = (id) => ({ kind: "void", record: { id: `void ${id}`, scan: id }, codes: {}, problem: null });
const ids = (entries) => entries.map(({ record }) => record.id);

function wipe() {
  return new Promise((resolve) => (indexedDB.deleteDatabase("quality").onsuccess = resolve));
}

function openRaw(version, upgrade) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("quality", version);
    request.onupgradeneeded = () => upgrade(request);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** A store with nothing in it. */
async function fresh() {
  await wipe();
  return new Store();
}

test("each scan gets this browser's id and a number without gaps; nothing else gets a number", async () => {
  const store = await fresh();
  const device = await store.device();
  await store.add(scan("a"));
  const other = await store.add(voidOf("a"));
  // Another tab, at the same moment.
  const two = await Promise.all([store.add(scan("b")), new Store().add(scan("c"))]);
  equal(two.map(({ record }) => [record.device, record.sequence]), [[device, 2], [device, 3]]);
  equal([other.record.device, other.record.sequence ?? null], [device, null]);
});

test("what could not be kept uses up no number", async () => {
  const store = await fresh();
  await store.add(scan("a"));
  const error = await store.add({ ...scan("b"), codes: () => {} }).catch((caught) => caught.name);
  equal(error, "DataCloneError");
  equal((await store.add(scan("c"))).record.sequence, 2);
  equal(ids((await store.summary()).newest), ["a", "c"]);
});

test("a scan is kept once, also when it has left meanwhile", async () => {
  const store = await fresh();
  const entry = await store.add(scan("a"));
  equal((await store.add(scan("a"))).seq, entry.seq);
  await store.refuse({ ...entry, problem: { status: 422 } });
  equal((await store.add(scan("a"))).problem.status, 422);
  await store.remove(entry);
  equal(await store.add(scan("a")), null);
  equal((await store.summary()).count, 0);
});

test("the oldest is next, then the one behind a given one, and around again", async () => {
  const store = await fresh();
  equal((await store.next()) ?? null, null);
  for (const id of ["a", "b"]) await store.add(scan(id));
  const first = await store.next();
  const second = await store.next(first.seq);
  equal(ids([first, second, await store.next(second.seq)]), ["a", "b", "a"]);
});

test("a void waits until its scan has left", async () => {
  const store = await fresh();
  const entry = await store.add(scan("a"));
  await store.add(voidOf("a"));
  await store.add(scan("b"));
  equal(ids([await store.next(), await store.next(entry.seq)]), ["a", "b"]);
  await store.remove(entry);
  equal(ids([await store.next()]), ["void a"]);
});

test("what is refused waits for a person, and comes back to its place", async () => {
  const store = await fresh();
  const entry = await store.add(scan("a"));
  await store.add(scan("b"));
  const refused = { ...entry, problem: { status: 422 } };
  equal([await store.refuse(refused), await store.refuse(refused)], [true, false], "once");
  let { count, refused: problems } = await store.summary();
  equal([count, ids(problems)], [1, ["a"]]);
  await store.readmit(refused);
  ({ count, refused: problems } = await store.summary());
  equal([count, problems, ids([await store.next()])], [2, [], ["a"]]);
  equal([await store.remove(entry), await store.remove(entry)], [true, false], "once");
});

test("a summary of thousands tells how many, the oldest and the newest", async () => {
  const store = await fresh();
  for (let number = 1; number <= 120; number += 1) await store.add(scan(String(number)));
  const { count, oldest, newest } = await store.summary();
  equal([count, oldest.record.id, newest.length], [120, "1", 50]);
  equal([newest[0].record.id, newest.at(-1).record.id], ["71", "120"]);
});

test("its own count is by the time of the scan, and goes back two days", async () => {
  const store = await fresh();
  await store.add(scan("old", "2026-11-17T12:00:00+02:00"));
  await store.add(scan("night", "2026-11-20T05:59:59.999+02:00"));
  await store.add(scan("first", "2026-11-20T06:00:00+02:00"));
  await store.remove(await store.next());
  await store.add(scan("next", "2026-11-20T14:00:00+02:00"));
  await store.add(voidOf("first"));
  const count = (...times) => store.tally(...times.map((time) => new Date(time)));
  equal(await count("2026-11-20T06:00:00+02:00", "2026-11-20T14:00:00+02:00"), 1);
  equal(await count("2000-01-01", "2100-01-01"), 3);
});

test("what an older page has kept is taken over", async () => {
  await wipe();
  const old = await openRaw(1, ({ result }) =>
    result.createObjectStore("outbox", { keyPath: "seq", autoIncrement: true }),
  );
  const entries = old.transaction("outbox", "readwrite").objectStore("outbox");
  entries.add({ record: { id: "waits" }, codes: {}, problem: null });
  entries.add({ record: { id: "refused" }, codes: {}, problem: { status: 409, body: {} } });
  old.onversionchange = () => old.close();
  const store = new Store();
  const { count, oldest, refused } = await store.summary();
  equal([count, oldest.kind, oldest.record.id], [1, "scan", "waits"]);
  equal([refused[0].kind, ids(refused)], ["scan", ["refused"]]);
  equal((await store.add(scan("new"))).seq, 3);
});

test("an older page goes on beside a newer one, whatever that has added", async () => {
  const store = await fresh();
  await store.add(scan("a"));
  const newer = await openRaw(99, ({ result }) => result.createObjectStore("more"));
  newer.onversionchange = () => newer.close();
  await store.add(scan("b"));
  newer.close();
  equal(ids((await new Store().summary()).newest), ["a", "b"]);
});

for (const [name, locks] of [["locks", navigator.locks], ["plain http", null]]) {
  test(`tabs take turns: ${name}`, async () => {
    const store = await fresh();
    let busy = 0;
    const tell = [];
    const work = (tab) => async () => {
      busy += 1;
      tell.push(busy);
      await store.add(scan(`${tab}`));
      busy -= 1;
      return tab;
    };
    const tabs = [1, 2, 3].map((tab) => turnFor(store, locks).take(work(tab)));
    equal(await Promise.all(tabs), [1, 2, 3]);
    equal(tell, [1, 1, 1], "never two at once");
    const failed = turnFor(store, locks).take(() => Promise.reject(new Error("no")));
    equal(await failed.catch((error) => error.message), "no");
    equal(await turnFor(store, locks).take(async () => "next"), "next");
  });
}

test("a turn that nobody gives back ends by itself, also when the clock was set back", async () => {
  const store = await fresh();
  equal(await store.lease("frozen", 20, 1000), true);
  equal(await store.lease("other", 20, 20_999), false);
  equal(await store.lease("other", 20, 21_001), true);
  equal(await store.lease("third", 20, 500), true, "the lease of a clock that was ahead");
});
