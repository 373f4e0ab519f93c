import { Codes, repair } from "/static/scans/barcode.js";
import { equal, sample, test } from "./harness.js";
import { settings } from "./sample.js";

const codes = new Codes(settings);
const table = await sample("/tests/scans/codes.json");

for (const { raw, code, fields } of table) {
  test(`${JSON.stringify(raw)} is repaired and recognised as on the server`, () => {
    equal(repair(raw), code);
    equal(codes.fieldsFor(code), fields);
  });
}

test("a code is complete when nothing more can belong to it", () => {
  for (const code of ["OP0001", "CP10045821-0007", "OC01", "000", "CMDUNDO", "CMDCLEAR"]) {
    equal(codes.isComplete(code), true, code);
  }
  for (const code of ["", "OP", "OP00", "OP000", "CP10045821-000", "OC0", "00", "0000", "CMD"]) {
    equal(codes.isComplete(code), false, code);
  }
});

test("what is wrong with a code is said by its kind and its field", () => {
  const explain = (code, expected = "cp") => {
    const { kind, field, digits } = codes.explain(code, code.length, expected);
    return [kind, field, digits ?? null];
  };
  equal(explain("CP1004582-0001"), ["digits-missing", "cp", 1]);
  equal(explain("CP100458-001"), ["digits-missing", "cp", 3]);
  equal(explain("CP10045821-00012"), ["digits-too-many", "cp", 1]);
  equal(explain("CP10045821"), ["not-like", "cp", null]);
  equal(explain("OP0001OP0001"), ["read-twice", "operator", null]);
  equal(explain("OC01OC01", "oc2"), ["read-twice", "oc2", null]);
  equal(explain("000000"), ["read-twice", "defect", null]);
  equal(explain("OP1"), ["digits-missing", "operator", 3]);
  equal(explain("OC1", "oc2"), ["digits-missing", "oc2", 1]);
  equal(explain("00"), ["digits-missing", "defect", 1]);
  equal(explain("HELLO"), ["not-like", "cp", null]);
  equal(codes.explain("X", 65, "oc1").kind, "too-long");
});
