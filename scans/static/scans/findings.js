// Says in the reader's language what the test of a scanner found, and what to do about it.

import { through } from "./layouts.js";
import { fieldName } from "./words.js";

const { gettext, ngettext, interpolate } = globalThis;

// What the codes of a station are made of.
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
const SLOW_MS = 60;

function say(format, values) {
  return interpolate(format, values, true);
}

function layoutName(layout) {
  const names = {
    us: gettext("English (United States)"),
    romanian: gettext("Romanian (Standard)"),
    "romanian-legacy": gettext("Romanian (Legacy, QWERTZ)"),
    german: gettext("German (QWERTZ)"),
    "swiss-german": gettext("Swiss German (QWERTZ)"),
    "swiss-french": gettext("Swiss French (QWERTZ)"),
    hungarian: gettext("Hungarian (QWERTZ)"),
    czech: gettext("Czech (QWERTZ)"),
    slovak: gettext("Slovak (QWERTZ)"),
    croatian: gettext("Croatian, Serbian or Slovene (QWERTZ)"),
    french: gettext("French (AZERTY)"),
    belgian: gettext("Belgian (AZERTY)"),
    italian: gettext("Italian"),
    spanish: gettext("Spanish"),
    portuguese: gettext("Portuguese"),
    swedish: gettext("Swedish or Finnish"),
    norwegian: gettext("Norwegian"),
    danish: gettext("Danish"),
    turkish: gettext("Turkish"),
    cyrillic: gettext("Russian or Ukrainian"),
  };
  return names[layout];
}

const setLayout = () =>
  gettext(
    "Set this computer's keyboard to English (United States), or the scanner's keyboard country to that of the computer.",
  );

/** In one sentence: `{sort, title, detail}`. */
export function verdict(found, examples) {
  if (found.sort === "other-code") {
    return {
      sort: "warn",
      title: gettext("That was another code"),
      detail: gettext("Scan the code on this page."),
    };
  }
  if (found.sort === "unknown-layout") {
    return { sort: "problem", title: gettext("The station cannot read this scanner"), detail: setLayout() };
  }
  if (found.isTwice) {
    return {
      sort: "problem",
      title: gettext("The code came twice in one go"),
      detail: gettext("Scan it once more. If it stays so, switch off the scanner's continuous mode."),
    };
  }
  const [field] = found.unread;
  if (field) {
    const code = examples[field];
    const arrives = found.strange ? "" : through(found.layout, code);
    return {
      sort: "problem",
      title: gettext("The station cannot read this scanner"),
      detail: arrives
        ? say(gettext("%(name)s: %(code)s arrives as %(arrives)s."), { name: fieldName(field), code, arrives })
        : gettext("The scanner adds characters to each code."),
    };
  }
  if (rows(found).some(({ sort }) => sort === "warn")) {
    return {
      sort: "warn",
      title: gettext("The station can read this scanner"),
      detail: gettext("Better it were set as below."),
    };
  }
  return {
    sort: "good",
    title: gettext("This scanner is set well"),
    detail: gettext("The station reads all its codes."),
  };
}

/** `{sort, what, found, advice}` of each thing that was looked at. */
export function rows(found) {
  const common = [end(found), pace(found)];
  if (found.sort === "other-code") return [];
  if (found.sort === "unknown-layout") return [unknown(), ...common];
  const rest = [layout(found), letters(found), ...common, aim(found)];
  return found.strange ? [...rest, strange(found)] : rest;
}

function unknown() {
  return {
    sort: "problem",
    what: gettext("Keyboard layout"),
    found: gettext("unknown"),
    advice: setLayout(),
  };
}

function layout(found) {
  const moves = through(found.layout, ALPHABET) !== ALPHABET;
  const isRead = found.strange || found.isTwice || !found.unread.length;
  return {
    sort: !moves ? "good" : isRead ? "warn" : "problem",
    what: gettext("Keyboard layout"),
    found: layoutName(found.layout),
    advice: !moves
      ? gettext("It moves no character of the station's codes.")
      : isRead
        ? `${gettext("The station puts right what it moves.")} ${setLayout()}`
        : setLayout(),
  };
}

function letters({ letters: how, capsLock }) {
  const what = gettext("Caps Lock");
  if (capsLock) {
    const advice = gettext("Codes are read all the same. Switch it off: it turns the letters of notes around.");
    return { sort: "warn", what, found: gettext("on"), advice };
  }
  const found = {
    same: gettext("off"),
    large: gettext("the scanner makes all letters large"),
    small: gettext("the scanner makes all letters small"),
  };
  return { sort: "good", what, found: found[how], advice: "" };
}

function end({ end: key }) {
  const what = gettext("End of a code");
  if (key === "none") {
    return {
      sort: "warn",
      what,
      found: gettext("none"),
      advice: gettext("Set the scanner to send Enter (CR) after each code. Without it codes whose length may vary wait for it."),
    };
  }
  const found = key === "Enter" ? gettext("Enter") : gettext("Tab");
  return { sort: "good", what, found, advice: "" };
}

function pace({ pace: ms }) {
  const isSlow = ms > SLOW_MS;
  return {
    sort: isSlow ? "warn" : "good",
    what: gettext("Speed"),
    found: say(ngettext("%(ms)s ms per key", "%(ms)s ms per key", ms), { ms }),
    advice: isSlow
      ? gettext("Codes are read all the same. Most scanners have a shorter delay between characters to choose.")
      : "",
  };
}

function aim({ aim: prefix }) {
  const what = gettext("Prefix");
  if (!prefix) return { sort: "good", what, found: gettext("none"), advice: "" };
  // Only as it is printed does the station know it for what it is.
  const isKnown = /^\][A-Za-z][0-9A-Za-z]$/.test(prefix);
  return {
    sort: isKnown ? "good" : "problem",
    what,
    found: say(gettext("%(prefix)s (AIM)"), { prefix }),
    advice: isKnown
      ? gettext("The station takes it off.")
      : gettext("Switch off the AIM prefix, or set the keyboard layout: the station knows it only as ]C0."),
  };
}

function strange({ strange: added }) {
  return {
    sort: "problem",
    what: gettext("Added characters"),
    found: added,
    advice: gettext("Take them out of the scanner's prefix and suffix."),
  };
}
