import { behind, columns, hoursOf, most, sum } from "/static/scans/board/counts.js";
import { equal, test } from "./harness.js";

const station = (approved, rejected, firsts, good, hours = []) => ({
  approved,
  rejected,
  firsts,
  firsts_approved: good,
  hours: hours.map(([yes, no]) => ({ approved: yes, rejected: no })),
});

test("a line counts what its stations count", () => {
  const found = sum([station(10, 2, 11, 9), station(5, 0, 5, 5)]);
  equal(found, { approved: 15, rejected: 2, firsts: 16, firsts_approved: 14 });
  equal(sum([]), { approved: 0, rejected: 0, firsts: 0, firsts_approved: 0 });
});

test("the hours of all stations have one scale", () => {
  equal(most([station(0, 0, 0, 0, [[5, 1], [9, 0]]), station(0, 0, 0, 0, [[7, 3]])]), 10);
  equal(most([station(0, 0, 0, 0)]), 1);
  equal(most([]), 1);
});

test("tiles are as wide as their number lets them be", () => {
  equal([1, 2, 4, 5, 9, 10, 16, 17, 40].map(columns), [1, 2, 2, 3, 3, 4, 4, 5, 5]);
});

test("a night has 8 hours, and 9 or 7 when the clocks change", () => {
  const night = (start, end) => hoursOf({ start, end });
  equal(night("2026-11-20T22:00:00+02:00", "2026-11-21T06:00:00+02:00"), 8);
  equal(night("2026-10-24T22:00:00+03:00", "2026-10-25T06:00:00+02:00"), 9);
  equal(night("2027-03-27T22:00:00+02:00", "2027-03-28T06:00:00+03:00"), 7);
});

test("ages are told by the server's clock", () => {
  const now = Date.parse("2026-11-20T10:00:00Z");
  equal(behind("Fri, 20 Nov 2026 10:00:05 GMT", now), 5000);
  equal(behind("Fri, 20 Nov 2026 09:00:00 GMT", now), -3_600_000);
  equal(behind(null, now), null);
  equal(behind("soon", now), null);
});
