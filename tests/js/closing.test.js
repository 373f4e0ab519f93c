import { Closing } from "/static/scans/closing.js";
import { Tally } from "/static/scans/tally.js";
import { equal, test } from "./harness.js";
import { TestMemory } from "./sample.js";

const MORNING = { name: "morning", start: "2026-03-02T06:00:00+02:00", end: "2026-03-02T14:00:00+02:00" };
const AFTERNOON = { name: "afternoon", start: MORNING.end, end: "2026-03-02T22:00:00+02:00" };

function rig({ here, there, memory = new TestMemory() }) {
  const world = { here, there, asked: [], said: [] };
  world.closing = new Closing({
    memory,
    here: async () => world.here,
    there: async (window) => {
      world.asked.push(window.name);
      return world.there;
    },
    onResult: (result) => world.said.push([result.shift.name, result.here, result.there]),
  });
  return world;
}

test("a shift that has ended is compared until nothing is missing", async () => {
  const world = rig({ here: 412, there: 409 });
  await world.closing.running(MORNING);
  equal(world.asked, []);
  await world.closing.running(AFTERNOON);
  world.there = 412;
  await world.closing.running(AFTERNOON);
  await world.closing.running(AFTERNOON);
  equal(world.asked, ["morning", "morning"]);
  equal(world.said, [["morning", 412, 409], ["morning", 412, 412]]);
});

test("while the server says nothing, nothing is said of it", async () => {
  const world = rig({ here: 412, there: null });
  await world.closing.running(MORNING);
  await world.closing.running(AFTERNOON);
  equal(world.said, []);
});

test("a shift that ended while the page was shut is compared when it opens", async () => {
  const memory = new TestMemory();
  await rig({ here: 3, there: 3, memory }).closing.running(MORNING);
  const later = rig({ here: 3, there: 3, memory });
  await later.closing.running(AFTERNOON);
  equal(later.said, [["morning", 3, 3]]);
});

test("a shift in which nobody worked here is not spoken of", async () => {
  const world = rig({ here: 0, there: 0 });
  await world.closing.running(MORNING);
  await world.closing.running(AFTERNOON);
  equal(world.said, []);
});

test("what happens is counted in its shift", () => {
  const tally = new Tally(new TestMemory());
  for (const at of ["2026-03-02T13:59:59+02:00", "2026-03-02T14:00:00+02:00", "2026-03-02T14:20:00+02:00"]) {
    tally.count("doubled", at);
  }
  equal(tally.between("doubled", MORNING.start, MORNING.end), 1);
  equal(tally.between("doubled", AFTERNOON.start), 2);
  equal(tally.between("removed", MORNING.start), 0);
  // Two days later it is forgotten.
  tally.count("removed", "2026-03-05T14:00:00+02:00");
  equal(tally.between("doubled", 0), 0);
});
