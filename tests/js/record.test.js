import { localIso, makeRecord, uuid } from "/static/scans/record.js";
import { retryAfterSeconds } from "/static/scans/server.js";
import { equal, test } from "./harness.js";

const V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("a UUID is made with and without crypto.randomUUID", () => {
  const onPlainHttp = { getRandomValues: (bytes) => crypto.getRandomValues(bytes) };
  const made = Array.from({ length: 100 }, () => [uuid(), uuid(onPlainHttp)]).flat();
  equal(made.filter((id) => !V4.test(id)), []);
  equal(new Set(made).size, 200);
});

test("the time is the wall clock's, with milliseconds and offset", () => {
  // The browser of these tests lives in Bucharest.
  equal(localIso(new Date("2026-03-02T12:05:09.120Z")), "2026-03-02T14:05:09.120+02:00");
  equal(localIso(new Date("2026-07-31T21:30:00.000Z")), "2026-08-01T00:30:00.000+03:00");
  // The hour that comes twice.
  equal(localIso(new Date("2026-10-25T00:30:00.000Z")), "2026-10-25T03:30:00.000+03:00");
  equal(localIso(new Date("2026-10-25T01:30:00.000Z")), "2026-10-25T03:30:00.000+02:00");
});

test("a record sends the codes as they were typed", () => {
  const record = makeRecord({ raw: { operator: "op01" }, note: "n" }, "FG-01", new Date(0));
  equal([record.operator, record.note, record.station, V4.test(record.id)], ["op01", "n", "FG-01", true]);
});

test("Retry-After is a number or a date", () => {
  const now = Date.parse("2026-11-20T12:00:00Z");
  equal(retryAfterSeconds("7", now), 7);
  equal(retryAfterSeconds("Fri, 20 Nov 2026 12:00:30 GMT", now), 30);
  equal(["-3", "soon", "", null].map((header) => retryAfterSeconds(header, now)), [0, 0, 0, 0]);
});
