import { behind, hoursOf, most, sum } from "/static/scans/board/counts.js";
import { rowsOf } from "/static/scans/board/fitting.js";
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

test("lines stand side by side while they fit, and a long one takes several rows", () => {
  const rows = (columns, ...counts) => rowsOf(counts.map((count) => ({ stations: Array(count).fill(0) })), columns);
  equal(rows(2, 2, 2), [1, 1]);
  equal(rows(4, 2, 2, 1), [1, 1]);
  equal(rows(3, 2, 2, 1), [1, 1]);
  equal(rows(5, 10, 3, 1), [2, 1]);
  equal(rows(3, 1, 1, 1, 1), [1, 1]);
  equal(rows(3), []);
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
