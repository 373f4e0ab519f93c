import { groups, stacked, ticks, top, topOfNamed } from "/static/scans/reports/marks.js";
import { equal, test } from "./harness.js";

test("as many labels stand below a chart as have room, the newest among them", () => {
  equal(ticks(5, 500, 50), [0, 1, 2, 3, 4]);
  equal(ticks(10, 200, 50), [0, 3, 6, 9]);
  equal(ticks(11, 200, 50), [1, 4, 7, 10]);
  for (const [count, width] of [[270, 600], [270, 90], [1, 10], [3, 0]]) {
    const found = ticks(count, width, 84);
    equal(found.at(-1), count - 1);
    equal(found.length <= Math.max(1, width / 84), true, `${count} in ${width}:`);
  }
  equal(ticks(0, 500, 50), []);
});

test("what is stacked is the sum, in front of which its lower part is drawn", () => {
  equal(stacked([10, 0, 3], [1, 2, 0]), [11, 2, 3]);
  equal(stacked([], []), []);
});

test("a scale ends above all that stands in it, and never at its ground", () => {
  equal(top([1, 5], [2, 100]) > 100, true);
  equal(top([0, 0]), 1);
  equal(top([]), 1);
});

test("all others together make no bar flat that has a name", () => {
  const { top: end, isCut } = topOfNamed([6, 5, 4, 99], true);
  equal([end > 6, end < 9, isCut], [true, true, true]);
  // What is little higher is drawn as high as it is.
  equal(topOfNamed([60, 50, 70], true), { top: top([70]), isCut: false });
  equal(topOfNamed([6, 5, 99], false), { top: top([99]), isCut: false });
  equal(topOfNamed([], false), { top: 1, isCut: false });
});

test("neighbours that are chosen are one piece of ground", () => {
  equal(groups([false, true, true, false, true]), [[1, 2], [4, 4]]);
  equal(groups([true, true]), [[0, 1]]);
  equal(groups([false]), []);
});
