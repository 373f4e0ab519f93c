import { Shift } from "/static/scans/shift.js";
import { Waiting } from "/static/scans/waiting.js";
import { equal, test } from "./harness.js";

const BASE = "CP10045821";
const AT = "2026-03-02T14:05:09.120+02:00";
const WINDOW = {
  name: "afternoon",
  start: "2026-03-02T14:00:00+02:00",
  end: "2026-03-02T22:00:00+02:00",
};

const scan = (id, defect = "000", piece = id) => ({
  id,
  cp: `${BASE}-${piece}`,
  defect,
  scanned_at: AT,
});
const entry = (id, defect = "000", piece = id) => ({
  kind: "scan",
  seq: 1,
  record: { id, scanned_at: AT },
  codes: { cp: `${BASE}-${piece}`, defect },
});
const undoing = (id) => ({ kind: "void", record: { id: `v${id}`, scan: id }, codes: {} });

/** A shift of which the server has told: two scans of that order, of many. */
function told(scans = [scan("2", "001"), scan("1")]) {
  const shift = new Shift();
  shift.asking();
  shift.answered({
    scans,
    totals: { approved: 10, rejected: 5 },
    order: { base: BASE, approved: 3, rejected: 2 },
    shift: WINDOW,
    revision: 7,
  });
  return shift;
}

const look = (shift, entries = []) => {
  const { approved, rejected } = shift.totals(entries);
  const order = shift.progress(BASE, entries);
  return [approved, rejected, order.approved, order.rejected];
};

test("what waits counts, and counts once when it is stored", () => {
  const shift = told();
  equal(look(shift, [entry("3"), entry("4", "001")]), [11, 6, 4, 3]);
  shift.confirmed(scan("3"));
  equal(look(shift, [entry("3"), entry("4", "001")]), [11, 6, 4, 3]);
  equal(shift.rows([entry("3"), entry("4", "001")]).map(({ id }) => id), ["4", "3", "2", "1"]);
});

test("an undo counts at once: of a scan that is stored, and of one that waits", () => {
  const shift = told();
  equal(look(shift, [undoing("2")]), [10, 4, 3, 1]);
  shift.voided("2");
  equal(look(shift, [undoing("2")]), [10, 4, 3, 1]);
  equal(look(shift, [entry("3"), undoing("3")]), [10, 4, 3, 1]);
  const marks = shift.rows([entry("3"), undoing("3")]).map(({ id, voided }) => [id, voided]);
  equal(marks, [["3", true], ["2", true], ["1", false]]);
});

test("a piece counts in its order by its last valid scan", () => {
  const shift = told();
  equal(look(shift, [entry("3", "000", "2")]), [11, 5, 4, 1]);
  shift.confirmed(scan("3", "000", "2"));
  equal(look(shift), [11, 5, 4, 1]);
});

test("what is confirmed while the server makes up its answer is not lost from the counts", () => {
  const shift = told();
  shift.asking();
  shift.confirmed(scan("3"));
  shift.answered({
    scans: [scan("2", "001"), scan("1")],
    totals: { approved: 10, rejected: 5 },
    order: { base: BASE, approved: 3, rejected: 2 },
    shift: WINDOW,
    revision: 7,
  });
  equal(look(shift), [11, 5, 4, 2]);
  equal(told([scan("3"), scan("2", "001")]).rows([entry("3")]).length, 2);
});

test("a scan of another shift is shown, but not counted in this one", () => {
  const shift = told();
  const late = entry("3");
  late.record.scanned_at = "2026-03-02T13:59:59.999+02:00";
  equal(look(shift, [late]).slice(0, 2), [10, 5]);
  equal(shift.rows([late]).length, 3);
});

test("before the server has answered nothing is known", () => {
  const shift = new Shift();
  equal([shift.totals([entry("1")]), shift.progress(BASE, [])], [null, null]);
  equal(shift.rows([entry("1")]).length, 1);
  equal(told().progress("CP99999999", []), null);
});

test("the last valid scan of a piece is known, here or there", () => {
  const shift = told();
  equal(shift.lastOf(`${BASE}-2`, []).defect, "001");
  equal(shift.lastOf(`${BASE}-2`, [entry("3", "000", "2")]).defect, "000");
  equal(shift.lastOf(`${BASE}-2`, [undoing("2")]), null);
});

test("all that waits is known, though the outbox tells of the newest alone", () => {
  const waiting = new Waiting();
  const entries = ["1", "2", "3"].map((id) => entry(id));
  waiting.told({ count: 2, oldest: entries[0], newest: entries.slice(0, 2) });
  waiting.told({ count: 3, oldest: entries[0], newest: entries.slice(2) });
  equal(waiting.entries.map(({ record }) => record.id), ["1", "2", "3"]);
  waiting.left(entries[0]);
  equal(waiting.entries.map(({ record }) => record.id), ["2", "3"]);
  // Sent by another tab while this one slept.
  waiting.told({ count: 0, oldest: null, newest: [] });
  equal(waiting.entries, []);
});
