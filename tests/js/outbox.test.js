import { Outbox } from "/static/scans/outbox.js";
import { equal, settled, test } from "./harness.js";

class MemoryStore {
  entries = new Map();
  refused = new Map();
  seq = 0;
  async add(entry) {
    this.seq += 1;
    this.entries.set(this.seq, { ...entry, seq: this.seq });
    return this.entries.get(this.seq);
  }
  async next(after) {
    const waiting = this.waiting();
    return waiting.find(({ seq }) => seq > after) ?? waiting[0];
  }
  async remove({ seq }) {
    return this.entries.delete(seq) || this.refused.delete(seq);
  }
  async refuse(entry) {
    this.refused.set(entry.seq, entry);
    return this.entries.delete(entry.seq);
  }
  async readmit(entry) {
    this.entries.set(entry.seq, { ...entry, problem: null });
    return this.refused.delete(entry.seq);
  }
  async summary() {
    const newest = this.waiting();
    return {
      count: newest.length,
      oldest: newest[0] ?? null,
      newest,
      refused: [...this.refused.values()],
    };
  }
  waiting() {
    return [...this.entries.values()].sort((a, b) => a.seq - b.seq);
  }
}

/** An outbox with a clock that stands until it is moved, and a server that answers as told. */
function rig(answer) {
  const world = { now: 0, timer: null, waits: [], sent: [], events: [], store: new MemoryStore() };
  world.state = null;
  world.answer = answer;
  const clock = {
    now: () => world.now,
    after(seconds, call) {
      world.waits.push(seconds);
      world.timer = { at: world.now + seconds * 1000, call };
      return world.timer;
    },
    cancel: () => (world.timer = null),
  };
  const on = Object.fromEntries(
    ["added", "unkept", "confirmed", "refused", "kept"].map((name) => [
      name,
      (entry) => world.events.push(`${name} ${entry.record.id}`),
    ]),
  );
  on.changed = (state) => (world.state = state);
  const send = async ({ record }) => {
    world.sent.push(record.id);
    await settled();
    return world.answer(record);
  };
  world.tabs = { listen: (onNews) => (world.hear = onNews), say: (news) => world.said.push(news.what) };
  world.said = [];
  world.outbox = new Outbox({ store: world.store, send, on, clock, tabs: world.tabs });
  world.keep = (id) => world.outbox.keep({ id }, {});
  world.wake = async () => {
    const { at, call } = world.timer;
    world.now = at;
    call();
    await world.rest();
  };
  world.rest = async () => {
    for (let turn = 0; turn < 20; turn += 1) await settled();
  };
  return world;
}

const stored = (record) => ({ status: 201, body: { id: record.id } });
const away = () => ({ status: 0, body: null });

test("a scan is kept before it is sent, and leaves when it is confirmed", async () => {
  const world = rig(stored);
  await world.keep("a");
  equal(world.events, ["added a"]);
  await world.rest();
  equal(world.events, ["added a", "confirmed a"]);
  equal(world.state.count, 0);
});

test("retries come after 1, 2, 5, 15, 30 seconds, then every 30, for ever", async () => {
  const world = rig(away);
  await world.keep("a");
  await world.rest();
  for (let turn = 0; turn < 7; turn += 1) await world.wake();
  equal(world.waits, [1, 2, 5, 15, 30, 30, 30, 30]);
  equal(world.state.count, 1);
  world.answer = stored;
  await world.wake();
  equal(world.events.at(-1), "confirmed a");
  world.answer = away;
  await world.keep("b");
  await world.rest();
  equal(world.waits.at(-1), 1, "a success starts the delays anew");
});

test("Retry-After is honoured, up to five minutes", async () => {
  for (const [asked, waited] of [[20, 20], [0, 1], [86400, 300]]) {
    const world = rig(() => ({ status: 503, body: {}, retryAfterSeconds: asked }));
    await world.keep("a");
    await world.rest();
    equal(world.waits, [waited]);
    world.outbox.nudge();
    await world.rest();
    equal(world.sent.length, asked ? 1 : 2, "a nudge does not break what the server asked for");
  }
});

test("what is sent too fast is kept, and sent again when the server has said", async () => {
  let answer = () => ({ status: 429, body: { error: "Too much at once." }, retryAfterSeconds: 7 });
  const world = rig((record) => answer(record));
  await world.keep("a");
  await world.rest();
  equal(world.waits, [7]);
  equal(world.state.count, 1);
  equal(world.state.refused.length, 0);
  answer = stored;
  await world.wake();
  equal(world.events.at(-1), "confirmed a");
});

test("one is sent at a time, in order, each once", async () => {
  const world = rig(stored);
  await Promise.all(["a", "b", "c"].map((id) => world.keep(id)));
  world.outbox.nudge();
  await world.rest();
  equal(world.sent, ["a", "b", "c"]);
});

test("what will never be taken waits for a person; the rest goes on", async () => {
  for (const status of [400, 409, 413, 422]) {
    const world = rig((record) => (record.id === "a" ? { status, body: {} } : stored(record)));
    await Promise.all([world.keep("a"), world.keep("b")]);
    await world.rest();
    const [left] = world.state.refused;
    equal([left.record.id, left.problem.status, world.state.count], ["a", status, 0]);
    equal(world.events.includes("confirmed b"), true);
    world.answer = stored;
    await world.outbox.retry(left);
    await world.rest();
    equal(world.state.count, 0);
  }
});

test("every other answer keeps the scan", async () => {
  const answers = [0, 301, 302, 401, 403, 404, 405, 408, 429, 500, 502, 503, 504].map((status) => ({
    status,
    body: {},
  }));
  answers.push({ status: 200, body: null }, { status: 201, body: { id: "b" } });
  answers.push({ status: 422, body: null }, { status: 204, body: null });
  for (const answer of answers) {
    const world = rig(() => answer);
    await world.keep("a");
    await world.rest();
    equal(world.events, ["added a", "kept a"], JSON.stringify(answer));
    equal(world.state.count, 1);
  }
});

test("a new scan does not break the pause before a retry", async () => {
  const world = rig(away);
  await world.keep("a");
  await world.rest();
  await world.keep("b");
  await world.rest();
  equal(world.sent, ["a"]);
  world.answer = stored;
  await world.wake();
  equal(world.sent, ["a", "a", "b"]);
});

test("a scan at which the server stumbles lets the others pass", async () => {
  const world = rig((record) => (record.id === "a" ? { status: 500, body: {} } : stored(record)));
  await world.keep("a");
  await world.rest();
  await world.keep("b");
  await world.wake();
  equal(world.sent, ["a", "b", "a"]);
});

test("when the browser's database fails it is told, and tried again", async () => {
  const world = rig(stored);
  let broken = 0;
  world.outbox.on.broken = () => (broken += 1);
  world.store.remove = async () => {
    throw new Error("disk");
  };
  await world.keep("a");
  await world.rest();
  equal([broken, world.waits], [1, [1]]);
  delete world.store.remove;
  await world.wake();
  equal(world.state.count, 0);
});

test("while the disk is full nothing is lost, nothing is accepted, and it goes on by itself", async () => {
  const world = rig(stored);
  let isKept = false;
  world.store.add = async () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  world.keep("a").then(() => (isKept = true));
  world.keep("b");
  await world.rest();
  await world.wake();
  equal([world.events, world.outbox.isAccepting, isKept], [["unkept a"], false, false]);
  equal([world.state.count, world.sent], [2, []], "it is pending, and is not sent before it is kept");
  delete world.store.add;
  await world.wake();
  equal([world.sent, world.outbox.isAccepting, isKept], [["a", "b"], true, true]);
  equal(world.state.count, 0);
});

test("what the hand holds after a reload is kept, in order", async () => {
  const world = rig(stored);
  for (const id of ["a", "b"]) world.outbox.hand.hold({ kind: "scan", record: { id }, codes: {}, problem: null });
  await world.outbox.start();
  await world.rest();
  equal([world.sent, world.state.count], [["a", "b"], 0]);
});

test("a void is confirmed by its scan's id, and refused when there is no such scan or a second person is asked", async () => {
  const answers = [
    { status: 201, body: { id: "scan", voided: true } },
    { status: 202, body: { id: "scan", voided: false, proposed: true } },
    { status: 404, body: { error: "" } },
  ];
  for (const answer of answers) {
    const world = rig(() => answer);
    await world.outbox.keepVoid("scan", { reason: "undone", station: "FG-01" });
    await world.rest();
    equal([world.state.count, world.state.refused.length], [0, answer.status === 201 ? 0 : 1]);
  }
  const world = rig(() => ({ status: 404, body: {} }));
  await world.keep("a");
  await world.rest();
  equal([world.state.count, world.state.refused.length], [1, 0], "a scan only waits for its address");
});

test("a void shows the codes of its scan, from the outbox or from the server", async () => {
  const world = rig(away);
  const codes = { operator: "OP0001", cp: "CP10045821-0007", oc1: "OC01", oc2: "OC11", defect: "000" };
  await world.outbox.keepVoid({ record: { id: "a" }, codes }, { reason: "undone", station: "" });
  await world.outbox.keepVoid({ id: "b", ...codes, approved: true }, { reason: "undone", station: "" });
  equal(world.state.newest.map((entry) => [entry.record.scan, entry.codes]), [["a", codes], ["b", codes]]);
});

test("tabs tell each other what changed and what was confirmed", async () => {
  const [world, other] = [rig(stored), rig(stored)];
  await other.outbox.start();
  world.tabs.say = (news) => other.hear(news);
  await world.keep("a");
  await world.rest();
  equal(other.events, ["confirmed a"], "the tab that shows it learns it, whichever sent it");
});

test("what another tab has sent meanwhile is confirmed once", async () => {
  const world = rig(stored);
  world.store.remove = async () => false;
  world.answer = (record) => {
    world.store.entries.clear();
    return stored(record);
  };
  await world.keep("a");
  await world.rest();
  equal(world.events, ["added a"]);
});

test("a tab looks each 30 seconds for what another one has left behind", async () => {
  const world = rig(stored);
  await world.outbox.start();
  await world.rest();
  await world.store.add({ kind: "scan", record: { id: "orphan" }, codes: {}, problem: null });
  equal(world.waits, [30]);
  await world.wake();
  equal([world.sent, world.waits], [["orphan"], [30, 30]]);
});
