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

test("what was meant as a code and misread is no note", () => {
  const write = (note) => {
    const { form } = taken("OP0001", CP, "OC01", "OC11", "099");
    form.note = note;
    const [outcome] = form.finishNote();
    return [outcome.problem?.kind ?? outcome.did, outcome.problem?.code ?? "", form.note];
  };
  for (const code of ["CP1004582-0001", "cp10045821", "P10045821-0001", "00", "OC1", "OP0001OP0001"]) {
    equal(write(code), ["note-misread", code, ""]);
  }
  // The words before it stay.
  equal(write("loose threadCP1004582-0008"), ["note-misread", "CP1004582-0008", "loose thread"]);
  for (const words of ["loose", "width 120", "see CP1004582", "M6", "10mm", "?", "stop"]) {
    equal(write(words), ["completed", "", ""], words);
  }
});

test("a command is one wherever it is scanned, and changes no field by itself", () => {
  equal(taken("OP0001", CP, "cmdundo").last, { did: "commanded", command: "undo" });
  equal(taken("OP0001", CP, "CMDUNDO").form.active, "oc1");
  const { form } = taken("OP0001", CP, "OC01", "OC11", "099");
  form.note = "looseCMDCLEAR";
  equal(form.finishNote(), [{ did: "commanded", command: "clear" }]);
  equal(form.note, "loose");
});

test("a piece or a command behind the words needs no Enter, a badge and a word do", () => {
  const { form } = taken("OP0001", CP, "OC01", "OC11", "099");
  const ends = (note) => {
    form.note = note;
    return form.noteEndsWithCode;
  };
  equal(["looseCP10045821-0008", CP, "looseCMDUNDO"].map(ends), [true, true, true]);
  equal(["stop12", "loose", "see OP0001", ""].map(ends), [false, false, false, false]);
});

test("sticky fields stay for the next piece, until a new pair is scanned", () => {
  const form = new Form(new Codes(settings));
  form.sticky = new Set(["operator", "oc1", "oc2"]);
  const take = (...raws) => raws.flatMap((raw) => form.take(raw)).at(-1);
  take("OP0001", CP, "OC01", "OC11", "000");
  equal([form.active, form.isBegun, form.values.oc2.code], ["cp", false, "OC11"]);
  equal(take("CP10045821-0008", "000").scan.codes.oc2, "OC11");
  // Read twice, the last of the pair begins no new one.
  equal(take("OC11").problem.kind, "oc-full");
  take("OC02");
  equal([form.values.oc1.code, form.values.oc2 ?? null], ["OC02", null]);
  take("OC12");
  equal(take("CP10045821-0009", "000").scan.codes, {
    operator: "OP0001",
    cp: "CP10045821-0009",
    oc1: "OC02",
    oc2: "OC12",
    defect: "000",
  });
  take("CP10045821-0010");
  form.clear();
  equal([form.active, form.values.oc1.code], ["cp", "OC02"]);
  form.restart();
  equal([form.values.operator.code, form.values.oc1 ?? null], ["OP0001", null]);
});

test("what does not stay any more is no piece in the making", () => {
  const form = new Form(new Codes(settings));
  form.sticky = new Set(["operator", "oc1", "oc2"]);
  ["OP0001", CP, "OC01", "OC11", "000"].forEach((raw) => form.take(raw));
  form.sticky = new Set(["operator"]);
  equal([form.isBegun, form.active, form.values.operator.code], [false, "cp", "OP0001"]);
  [CP, "OC01"].forEach((raw) => form.take(raw));
  form.sticky = new Set(["operator", "oc1", "oc2"]);
  equal([form.isBegun, form.values.oc1.code], [true, "OC01"]);
});

test("without sticky fields each piece wants its badge", () => {
  const form = new Form(new Codes(settings));
  form.sticky = new Set();
  ["OP0001", CP, "OC01", "OC11", "000"].forEach((raw) => form.take(raw));
  equal(form.active, "operator");
});

test("a blocked CP changes nothing", () => {
  const form = new Form(new Codes(settings));
  form.isBlocked = (cp) => cp === CP;
  form.take("OP0001");
  equal(form.take(CP), [{ did: "refused", problem: { kind: "blocked", field: "cp", code: CP } }]);
  equal(form.active, "cp");
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
