import { Codes } from "/static/scans/barcode.js";
import { examine } from "/static/scans/examination.js";
import { NAMES, through } from "/static/scans/layouts.js";
import { equal, test } from "./harness.js";
import { settings } from "./sample.js";

const KNOWN = "Az-Qw/Ym;09";
const codes = new Codes(settings);

function scanned(text, { every = 10, ...rest } = {}) {
  const strokes = [...text].map((key, number) => ({ key, at: 1000 + number * every }));
  return examine(strokes, { known: KNOWN, end: "Enter", capsLock: false, codes, ...rest });
}

test("what arrives as it was printed is read", () => {
  const { sort, layout, letters, aim, strange, unread, isTwice, pace } = scanned(KNOWN);
  equal([sort, layout, letters, aim, strange, unread, isTwice, pace], ["recognised", "us", "same", "", "", [], false, 10]);
});

test("no two layouts make the same of it", () => {
  equal(new Set(NAMES.map((name) => through(name, KNOWN))).size, NAMES.length);
});

test("every layout is named, with Caps Lock and without", () => {
  for (const name of NAMES) {
    const made = through(name, KNOWN);
    equal(scanned(made).layout, name, name);
    const found = scanned(made.replace(/\p{L}/gu, (char) => {
      const large = char.toUpperCase();
      return char === char.toLowerCase() && large.length === 1 ? large : char.toLowerCase();
    }));
    equal([found.layout, found.capsLock], [name, true], name);
  }
});

test("it says whose codes cannot be read", () => {
  const unread = (name) => scanned(through(name, KNOWN)).unread;
  equal(unread("romanian"), []);
  equal(unread("romanian-legacy"), []); // CP10045821+0007 is put right.
  equal(unread("german"), ["cp"]);
  equal(unread("french"), ["operator", "cp", "oc1", "oc2", "defect"]);
  equal(unread("czech"), ["operator", "cp", "oc1", "oc2", "defect"]);
});

test("Romanian with cedillas is Romanian", () => {
  equal(scanned("Ay+Qw-Zmş09").layout, "romanian-legacy");
});

test("prefixes and what else the scanner adds are told apart", () => {
  equal(scanned(`]C0${KNOWN}`).aim, "]C0");
  equal(scanned(`îC0${through("romanian", KNOWN)}`).aim, "îC0");
  const { aim, strange, unread } = scanned(`*${KNOWN}#`);
  equal([aim, strange, unread.length], ["", "*#", 5]);
});

test("two reads in one go are noticed", () => {
  equal(scanned(KNOWN + KNOWN).isTwice, true);
});

test("letters that are all large or all small are no Caps Lock", () => {
  equal([scanned(KNOWN.toUpperCase()).letters, scanned(KNOWN.toUpperCase()).capsLock], ["large", false]);
  equal(scanned(KNOWN.toLowerCase()).letters, "small");
});

test("another barcode is told from an unknown layout", () => {
  equal(scanned("CP10045821-0007").sort, "other-code");
  equal(scanned("Az¤Qw/Ym;09").sort, "unknown-layout");
});

test("the pace is that of most keys", () => {
  const at = [0, 5, 10, 15, 500, 505, 510];
  const strokes = at.map((time) => ({ key: "A", at: time }));
  equal(examine(strokes, { known: KNOWN, end: "Tab", codes }).pace, 5);
});
