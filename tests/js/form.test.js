import { Codes } from "/static/scans/barcode.js";
import { Form } from "/static/scans/form.js";
import { equal, test } from "./harness.js";
import { settings } from "./sample.js";

const CP = "CP10045821-0007";

/** A form that has taken these codes, and what the last of them did. */
function taken(...raws) {
  const form = new Form(new Codes(settings));
  const outcomes = raws.flatMap((raw) => form.take(raw));
  return { form, outcomes, last: outcomes.at(-1) };
}

test("the defect completes the piece, and the operator stays", () => {
  const { form, last } = taken("op0001", CP, "OC01", "OC11", "000");
  equal(last.did, "completed");
  equal(last.scan.codes, { operator: "OP0001", cp: CP, oc1: "OC01", oc2: "OC11", defect: "000" });
  equal(last.scan.raw.operator, "op0001");
  equal([form.active, form.isBegun], ["cp", false]);
});

test("a CP without a badge waits for the badge", () => {
  const { form, last } = taken(CP, "OC01", "OC11", "000");
  equal(last.problem, { kind: "too-early", field: "operator", code: "000" });
  equal(form.active, "operator");
});

test("a refused code leaves the form as it was", () => {
  for (const raw of ["CP1", "999", "", "\u0002", "x".repeat(5000), "OP0001OP0001"]) {
    const { form, last } = taken("OP0001", CP, raw);
    equal([last.did, form.active, form.values.cp.code], ["refused", "oc1", CP], raw);
  }
});

test("the same CP read twice drops nothing; another one says what it dropped", () => {
  equal(taken("OP0001", CP, CP).last.dropped ?? null, null);
  equal(taken("OP0001", CP, "OC01", "CP10045821-0008").last.dropped, CP);
});

test("a third OC code is refused", () => {
  equal(taken("OP0001", CP, "OC01", "OC11", "OC12").last.problem.kind, "oc-full");
});

test("a note is a code only as a whole or glued to the end", () => {
  const write = (note) => {
    const { form } = taken("OP0001", CP, "OC01", "OC11", "099");
    form.note = note;
    return form.finishNote().map((outcome) => [outcome.did, outcome.scan?.note ?? outcome.field ?? ""]);
  };
  equal(write("loose"), [["completed", "loose"]]);
  equal(write("  "), [["refused", ""]]);
  equal(write("as CP10045821-0001"), [["completed", "as CP10045821-0001"]]);
  equal(write("looseCP10045821-0008"), [["completed", "loose"], ["filled", "cp"]]);
  equal(write("looseop0002"), [["completed", "loose"], ["filled", "operator"]]);
  equal(write("op0002"), [["filled", "operator"]]);
  equal(write("001"), [["completed", ""]]);
  equal(write("width 120"), [["completed", "width 120"]]);
});

test("a form comes back after a reload, but not with codes that are none any more", () => {
  const { form } = taken("OP0001", CP, "OC01");
  const again = new Form(new Codes(settings));
  again.restore(JSON.parse(JSON.stringify(form.snapshot())));
  equal(again.active, "oc2");
  const changed = new Form(new Codes({ ...settings, patterns: { ...settings.patterns, cp: "P\\d" } }));
  changed.restore(form.snapshot());
  equal(changed.active, "cp");
});
