import { Floor } from "/static/scans/floor.js";
import { equal, test } from "./harness.js";

function rig() {
  const world = { asked: 0, applied: [], isBusy: false, news: { revision: 8, station: "FG-01" } };
  world.floor = new Floor(
    { revision: 7, station: "FG-01" },
    {
      ask: async () => {
        world.asked += 1;
        return world.news;
      },
      isBusy: () => world.isBusy,
      apply: ({ revision }) => world.applied.push(revision),
    },
  );
  return world;
}

test("a new revision is asked for and applied once", async () => {
  const world = rig();
  await world.floor.heard(7);
  equal(world.asked, 0);
  await Promise.all([world.floor.heard(8), world.floor.heard(8)]);
  await world.floor.heard(8);
  equal([world.asked, world.applied], [1, [8]]);
});

test("a browser that stands at another station asks, too", async () => {
  const world = rig();
  await world.floor.heard(7, "FG-01");
  equal(world.asked, 0);
  await world.floor.heard(7, "FG-02");
  equal(world.asked, 1);
});

test("nothing changes under a piece in the making", async () => {
  const world = rig();
  world.isBusy = true;
  await world.floor.heard(8);
  equal([world.asked, world.applied], [0, []]);
  world.isBusy = false;
  await world.floor.heard(8);
  equal(world.applied, [8]);
});

test("when the server does not say, it is asked again", async () => {
  const world = rig();
  world.news = null;
  await world.floor.heard(8);
  world.news = { revision: 8 };
  await world.floor.heard(8);
  equal([world.asked, world.applied], [2, [8]]);
});
