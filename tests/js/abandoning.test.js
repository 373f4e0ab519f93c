import { Abandoning } from "/static/scans/abandoning.js";
import { equal, test } from "./harness.js";

function rig() {
  const world = { said: [], timer: null };
  world.abandoning = new Abandoning({
    onWarn: (seconds) => world.said.push(`warned ${seconds}`),
    onGiveUp: () => world.said.push("gave up"),
    clock: {
      after: (seconds, call) => (world.timer = { seconds, call }),
      cancel: () => (world.timer = null),
    },
  });
  world.ring = () => {
    const { call } = world.timer;
    world.timer = null;
    call();
  };
  return world;
}

test("a piece that nobody finishes is given up after a warning", () => {
  const world = rig();
  world.abandoning.touch({ isBegun: true });
  equal(world.timer.seconds, 30);
  world.ring();
  equal([world.said, world.timer.seconds], [["warned 10"], 10]);
  world.ring();
  equal([world.said, world.timer], [["warned 10", "gave up"], null]);
});

test("whoever goes on after the warning has all the time again", () => {
  const world = rig();
  world.abandoning.touch({ isBegun: true });
  world.ring();
  world.abandoning.touch({ isBegun: true });
  equal([world.said, world.timer.seconds], [["warned 10"], 30]);
});

test("nothing is watched when no piece is begun, or the office wants it so", () => {
  const world = rig();
  world.abandoning.touch({ isBegun: true });
  world.abandoning.touch({ isBegun: false });
  equal(world.timer, null);
  world.abandoning.seconds = 0;
  world.abandoning.touch({ isBegun: true });
  equal(world.timer, null);
});
