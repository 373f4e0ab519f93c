// Finds out how a scanner and a computer are set, from the keys that came for a known code.

import { repair } from "./barcode.js";
import { capital, NAMES, through } from "./layouts.js";

// The scanner's standard way to say what kind of barcode it was: "]C0".
const AIM_LENGTH = 3;

const each = (change) => (text) => [...text].map(change).join("");
const small = (char) => char.toLowerCase();
const swap = (char) => (char === small(char) ? capital(char) : small(char));

// How the letters come, the likeliest first.
const LETTERS = { same: (text) => text, swapped: each(swap), large: each(capital), small: each(small) };

/** Old computers write Romanian with cedillas. */
function withCommas(text) {
  return text.replace(/[şŞţŢ]/g, (char) => ({ ş: "ș", Ş: "Ș", ţ: "ț", Ţ: "Ț" })[char]);
}

/** The time between two keys, in milliseconds; that of most, whatever the slowest took. */
function pace(strokes) {
  const gaps = strokes.slice(1).map(({ at }, index) => at - strokes[index].at);
  gaps.sort((one, other) => one - other);
  return gaps.length ? Math.round(gaps[Math.floor(gaps.length / 2)]) : 0;
}

/** Which layout, and which letters, make of the known text what came, somewhere in it. */
function recognise(text, known) {
  for (const [letters, change] of Object.entries(LETTERS)) {
    for (const layout of NAMES) {
      const made = change(through(layout, known));
      const at = text.indexOf(made);
      if (at < 0) continue;
      const [prefix, rest] = [text.slice(0, at), text.slice(at + made.length)];
      const isTwice = rest.endsWith(made);
      return { layout, letters, prefix, isTwice, suffix: isTwice ? "" : rest };
    }
  }
  return null;
}

/** Whether another barcode was read: it has few of the characters. */
function isOther(text, known) {
  const there = [...small(known)].filter((char) => small(text).includes(char));
  return there.length * 2 < known.length;
}

/**
 * What `strokes` (`{key, at}`, in milliseconds) for the `known` text tell. `codes` are the station's;
 * `unread` in the answer are the fields whose codes it cannot read from this scanner as it is set.
 */
export function examine(strokes, { known, end, capsLock, codes }) {
  const text = strokes.map(({ key }) => key).join("");
  const found = recognise(withCommas(text), known);
  const answer = { text, end, capsLock, pace: pace(strokes) };
  if (!found) {
    return { ...answer, sort: isOther(text, known) ? "other-code" : "unknown-layout" };
  }
  const isAim = found.prefix.length === AIM_LENGTH;
  const unread = codes.fields.filter((field) => {
    const code = LETTERS[found.letters](through(found.layout, codes.examples[field]));
    return !codes.fieldsFor(repair((isAim ? found.prefix : "") + code)).includes(field);
  });
  const strange = (isAim ? "" : found.prefix) + found.suffix;
  return {
    ...answer,
    sort: "recognised",
    layout: found.layout,
    letters: found.letters,
    capsLock: capsLock || found.letters === "swapped",
    aim: isAim ? found.prefix : "",
    strange,
    isTwice: found.isTwice,
    unread: strange || found.isTwice ? codes.fields : unread,
  };
}
