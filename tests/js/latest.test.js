import { Latest } from "/static/scans/latest.js";
import { equal, test } from "./harness.js";
import { TestMemory } from "./sample.js";

const codes = { cp: "CP10045821-0007", defect: "001" };

function made() {
  const latest = new Latest(new TestMemory());
  latest.add("a", codes, 0);
  latest.kept("a");
  return latest;
}

test("the same piece and defect within ten seconds is the same scan", () => {
  const latest = made();
  equal(latest.twin(codes, 9_999).id, "a");
  equal(latest.twin(codes, 10_000), null);
  equal(latest.twin({ ...codes, defect: "002" }, 1), null);
  equal(latest.twin({ ...codes, cp: "CP10045821-0008" }, 1), null);
});

test("another defect in between makes it another scan", () => {
  const latest = made();
  latest.add("b", { ...codes, defect: "000" }, 1000);
  equal(latest.twin(codes, 2000), null);
});

test("a double read does not prolong the time", () => {
  const latest = made();
  latest.twin(codes, 9000);
  equal(latest.twin(codes, 11_000), null);
});

test("the newest can be undone for a minute, then the one before", () => {
  const latest = made();
  latest.add("b", { ...codes, cp: "CP10045821-0008" }, 30_000);
  equal(latest.undoable(31_000), null, "b is not on the disk yet, and a is not meant");
  latest.kept("b");
  equal([latest.undoable(31_000).id, latest.undoable(31_000).secondsLeft], ["b", 59]);
  latest.forget("b");
  equal(latest.undoable(31_000).id, "a");
  equal(latest.undoable(60_000), null);
});

test("the last code once more within two seconds is its echo", () => {
  const latest = made();
  equal([latest.echo("001", 1999).id, latest.echo("001", 2000)], ["a", null]);
  equal(latest.echo("000", 1), null);
});

test("to undo once more within two seconds is the same wish", () => {
  const latest = made();
  equal(latest.isUndoing(1), false);
  latest.undone("a", 1);
  equal([latest.isUndoing(2000), latest.isUndoing(2001)], [true, false]);
  equal(latest.isUndoing(0), false, "by a clock that was set back");
});

test("what was undone is no twin", () => {
  const latest = made();
  latest.forget("a");
  equal([latest.twin(codes, 1), latest.undoable(1)], [null, null]);
});

test("a clock that was set back finds nothing", () => {
  const latest = made();
  equal([latest.twin(codes, -1), latest.undoable(-1)], [null, null]);
});

test("an office that allows no double reads and no undo gets none", () => {
  const latest = made();
  Object.assign(latest, { doubleReadSeconds: 0, undoSeconds: 0 });
  equal([latest.twin(codes, 0), latest.undoable(0)], [null, null]);
});
