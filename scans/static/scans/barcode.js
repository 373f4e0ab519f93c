// Reads a code as a scanner typed it: repair, recognise by pattern, explain what is wrong.
//
// The same rules as scans/barcode.py; tests/scans/codes.json holds the two together.

const DASH_LOOKALIKES = "'–—‐‑_/?+";
const AIM_PREFIX = /^\][A-Za-z][0-9A-Za-z]/;
const CP_WITH_ANY_DASH = new RegExp(`^(CP[0-9]{8})[${DASH_LOOKALIKES}]([0-9]{4})$`);
const ALPHABET = [..."0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-"];

// No code is longer; what is longer is not a code.
export const MAX_LENGTH = 64;
const CP_BASE_LENGTH = 10;
// More digits in one go than anybody writes into a note.
const DIGITS_OF_A_CODE = 6;

/** The code that was meant: trimmed, upper case, without AIM prefix or control characters. */
export function repair(raw) {
  const printable = raw.replace(/\p{C}/gu, "");
  const code = printable.trim().replace(AIM_PREFIX, "").trim().toUpperCase();
  return code.replace(CP_WITH_ANY_DASH, "$1-$2");
}

/** The order that a piece belongs to. */
export function baseOf(cp) {
  return cp.slice(0, CP_BASE_LENGTH);
}

/** The runs of a code: "CP1004-7" → ["CP", "1004", "-", "7"]. */
function runs(code) {
  return code.match(/[A-Z]+|[0-9]+|[^A-Z0-9]+/g) ?? [];
}

function isDigits(text) {
  return /^[0-9]+$/.test(text);
}

/**
 * How many digits a code has more (or, negative, less) than the example that it resembles; 0 when
 * more than the number of digits differs.
 */
function digitsTooMany(code, example) {
  const [found, wanted] = [runs(code), runs(example)];
  if (found.length !== wanted.length) return 0;
  let difference = 0;
  for (const [index, run] of wanted.entries()) {
    if (isDigits(run) && isDigits(found[index])) difference += found[index].length - run.length;
    else if (run !== found[index]) return 0;
  }
  return difference;
}

/**
 * The codes of a factory: `patterns` and `examples` by field, in the order of the work; `commands`
 * by name, as they stand on the printed sheet.
 */
export class Codes {
  constructor(settings) {
    this.learn(settings);
  }

  /** From now on these count, and no others. */
  learn({ patterns, examples, commands, defects, operators }) {
    this.operators = operators;
    this.commands = new Map(Object.entries(commands).map(([name, code]) => [code, name]));
    this.fields = Object.keys(patterns);
    this.examples = examples;
    this.defects = new Map(defects.map((defect) => [defect.code, defect]));
    this.patterns = new Map(
      Object.entries(patterns).map(([field, pattern]) => [field, new RegExp(`^(?:${pattern})$`)]),
    );
  }

  matches(field, code) {
    return this.patterns.get(field).test(code);
  }

  /** The fields that a repaired code fits, e.g. both OC1 and OC2. */
  fieldsFor(code) {
    return this.fields.filter((field) => this.matches(field, code));
  }

  /** The person or the defect behind a code; "" when it is not known. */
  nameOf(field, code) {
    if (field === "operator") return this.operators[code] ?? "";
    if (field === "defect") return this.defects.get(code)?.name ?? "";
    return "";
  }

  /** The name of the command that a repaired code gives, if any. */
  commandOf(code) {
    return this.commands.get(code) ?? null;
  }

  #isKnown(code) {
    return this.commands.has(code) || this.fieldsFor(code).length > 0;
  }

  /** Whether a text is one whole code. */
  isCode(raw) {
    return raw.length <= MAX_LENGTH && this.#isKnown(repair(raw));
  }

  /**
   * Whether a code is whole and no further character could belong to it: then a scanner without a
   * terminator has finished. OP00 may still become OP0001; OP0001 cannot grow.
   */
  isComplete(code) {
    return this.#isKnown(code) && !ALPHABET.some((char) => this.#isKnown(code + char));
  }

  /**
   * What a text ends with that is no code but was meant as one, and no word: a scanner leaves it
   * behind the last letter, a person types a space.
   */
  misreadIn(text) {
    const beginnings = [...new Set(Object.values(this.examples).map((code) => runs(code)[0]))];
    const letters = beginnings.filter((run) => !isDigits(run)).join("|");
    const glued = new RegExp(`(?<=\\S)(?:${letters})[0-9]{3}\\S*$`, "i").exec(text)?.[0];
    if (glued) return glued;
    if (/\s/.test(text)) return "";
    const isMeant = new RegExp(`^(?:(?:${letters})[0-9]|[^a-z]*$)`, "i").test(repair(text));
    const digits = text.replace(/[^0-9]/g, "").length;
    return (isMeant && digits > 0) || digits >= DIGITS_OF_A_CODE ? text : "";
  }

  /** Why a repaired code fits no field: `{kind, field, …}`; `expected` is the field that waits. */
  explain(code, rawLength, expected) {
    if (rawLength > MAX_LENGTH) return { kind: "too-long", field: expected, length: rawLength };
    const half = code.slice(0, code.length / 2);
    if (half && half + half === code && this.fieldsFor(half).length) {
      return { kind: "read-twice", field: this.#meant(half, expected), code: half };
    }
    const field = this.#meant(code, expected);
    const example = this.examples[field];
    const difference = digitsTooMany(code, example);
    if (difference) {
      const kind = difference < 0 ? "digits-missing" : "digits-too-many";
      return { kind, field, code, example, digits: Math.abs(difference) };
    }
    return { kind: "not-like", field, code, example };
  }

  /** The field whose code this was meant to be, by how it begins; else the one that waits. */
  #meant(code, expected) {
    const fits = this.fieldsFor(code);
    const [beginning] = runs(code);
    const alike = this.fields.filter((field) => {
      const [first] = runs(this.examples[field]);
      return isDigits(first) ? isDigits(code) : first === beginning;
    });
    const candidates = fits.length ? fits : alike;
    return candidates.length && !candidates.includes(expected) ? candidates[0] : expected;
  }
}
