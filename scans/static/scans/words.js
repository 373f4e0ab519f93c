// Says in the reader's language what happened. `gettext` and `ngettext` are the page's catalogue.

const { gettext, ngettext, interpolate } = globalThis;

// A refused code may be a whole book; its beginning says enough.
export const SHOWN = 24;

export function shorten(text) {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

function say(format, values) {
  return interpolate(format, values, true);
}

export function fieldName(field) {
  const names = {
    operator: gettext("Operator"),
    cp: "CP",
    oc1: "OC1",
    oc2: "OC2",
    defect: gettext("Defect"),
    note: gettext("Note"),
    station: gettext("Station"),
  };
  return names[field] ?? field;
}

/** What is wrong with a code, and what to do. */
export function explain(problem) {
  const values = { ...problem, code: shorten(problem.code ?? ""), name: fieldName(problem.field) };
  switch (problem.kind) {
    case "too-long":
      return say(gettext("Too long for a code: %(length)s characters."), values);
    case "read-twice":
      return say(gettext("%(code)s was read twice in one go. Scan it once more."), values);
    case "digits-missing":
      return say(
        ngettext(
          "%(code)s: %(digits)s digit is missing. Expected: %(example)s.",
          "%(code)s: %(digits)s digits are missing. Expected: %(example)s.",
          problem.digits,
        ),
        values,
      );
    case "digits-too-many":
      return say(
        ngettext(
          "%(code)s: %(digits)s digit too many. Expected: %(example)s.",
          "%(code)s: %(digits)s digits too many. Expected: %(example)s.",
          problem.digits,
        ),
        values,
      );
    case "unknown-defect":
      return say(gettext("No defect has the code %(code)s."), values);
    case "too-early":
      return say(gettext("%(code)s comes later. Scan %(name)s first."), values);
    case "oc-full":
      return say(gettext("%(code)s: OC1 and OC2 are there already. Scan the defect."), values);
    case "oc-repeated":
      return say(gettext("%(code)s is OC1 already. If OC2 is the same, scan it again."), values);
    case "note-misread":
      return say(gettext("%(code)s was meant as a code, but misread. Scan it again, or write words."), values);
    case "blocked":
      return say(gettext("%(code)s was scanned before: it is not recorded again."), values);
    case "note-empty":
      return gettext("This defect needs a note. Write it, then press Enter.");
    case "empty":
      return gettext("Nothing readable was scanned. Scan it again.");
    default:
      return say(gettext("%(code)s does not look like %(example)s."), values);
  }
}

/** Why the server will not take a scan, from its answer. */
export function reasons({ status, body }) {
  if (body?.errors) {
    return Object.entries(body.errors)
      .map(([field, messages]) => `${fieldName(field)}: ${[messages].flat().join(" ")}`)
      .join(" ");
  }
  if (body?.proposed) return gettext("Quality has to agree: until then the scan counts.");
  return body?.error ?? say(gettext("The server answered %(status)s."), { status });
}

// In place of an answer: none yet, though it is due.
export const SLOW = { status: 0, body: null };

// What our server answers when it is there and knows who we are.
const AT_WORK = new Set([200, 201, 202, 400, 409, 413, 422]);

/** How it stands between page and server: `[text, sort]` for the last answer; null before it. */
export function connection(answer) {
  if (!answer) return [gettext("Connecting…"), "wait"];
  if (answer === SLOW) return [gettext("No answer from the server yet. Scans are kept here."), "warn"];
  // Ours are always JSON: whatever else answers is something in between.
  const status = answer.body ? answer.status : 0;
  if (status === 401) return [gettext("Sign in again. Scans are kept here until then."), "warn"];
  if (status === 403) return [gettext("The server refuses this login. Scans are kept here."), "warn"];
  if (status === 429) return [gettext("Too much at once. Scans are kept here and sent in a moment."), "warn"];
  if (AT_WORK.has(status)) return [gettext("Connected"), "good"];
  return [gettext("The server is away. Scans are kept here and sent later."), "warn"];
}

/** Whether another login would help. */
export function wantsLogin(answer) {
  return Boolean(answer?.body) && [401, 403].includes(answer.status);
}

export function signOutWith(count) {
  return say(
    ngettext(
      "%(count)s scan is still here. It stays in this browser and is sent after the next sign-in.",
      "%(count)s scans are still here. They stay in this browser and are sent after the next sign-in.",
      count,
    ),
    { count },
  );
}

/** 75 → "01:15". An hour is 60 minutes among others. */
function minutes(seconds) {
  const two = (number) => String(Math.trunc(number)).padStart(2, "0");
  return `${two(seconds / 60)}:${two(seconds % 60)}`;
}

export function pending(count, oldestSeconds) {
  const text = say(ngettext("%(count)s pending", "%(count)s pending", count), { count });
  if (!count) return text;
  return say(gettext("%(pending)s, oldest %(age)s"), { pending: text, age: minutes(oldestSeconds) });
}

export function undo(scan) {
  if (!scan) return gettext("Undo the last scan");
  return say(gettext("Undo %(code)s · %(seconds)s s"), {
    code: scan.cp.split("-").at(-1), // The piece: there is no room for its order.
    seconds: Math.ceil(scan.secondsLeft),
  });
}

/** 75 → "01:15", 86400 → "24:00:00". */
function hours(seconds) {
  if (seconds < 3600) return minutes(seconds);
  return `${Math.trunc(seconds / 3600)}:${minutes(seconds % 3600)}`;
}

/** Positive when this clock is ahead. */
export function clockOff(seconds) {
  const values = { age: hours(Math.abs(seconds)) };
  return seconds > 0
    ? say(gettext("This device's clock is %(age)s ahead. Scans are marked: set the clock."), values)
    : say(gettext("This device's clock is %(age)s behind. Scans are marked: set the clock."), values);
}

function shiftName({ name }) {
  const names = {
    morning: gettext("Morning"),
    afternoon: gettext("Afternoon"),
    night: gettext("Night"),
  };
  return names[name] ?? name;
}

export function closing({ shift, here, there }) {
  const values = { shift: shiftName(shift), here, there };
  return here === there
    ? say(
        ngettext(
          "%(shift)s: %(here)s scan of this browser, the server has it.",
          "%(shift)s: %(here)s scans of this browser, the server has all.",
          here,
        ),
        values,
      )
    : say(gettext("%(shift)s: %(here)s scans of this browser, the server has %(there)s."), values);
}

export function progress({ approved, rejected }) {
  return say(gettext("%(approved)s approved, %(rejected)s rejected"), { approved, rejected });
}

export function doubles(count) {
  return say(ngettext("%(count)s double read", "%(count)s double reads", count), { count });
}

/** What is to be said of one of the last scans: `[{icon, text}]`, the weightiest first. */
export function marks(scan) {
  const kept = scan.isKept ? gettext("kept here") : gettext("being kept…");
  return [
    scan.voided && { icon: "undo", text: gettext("undone") },
    scan.reinspection_of && { icon: "repeat", text: gettext("re-inspection") },
    scan.isHere ? { icon: "clock", text: kept } : { icon: "check", text: gettext("saved") },
  ].filter(Boolean);
}

/** What the server has refused: a scan, or what was to be said of one. */
export function kindOf({ kind }, what) {
  if (kind === "void") return say(gettext("Undo of %(what)s"), { what });
  return kind === "incident" ? say(gettext("Note about %(what)s"), { what }) : what;
}

export function attention(count) {
  return say(ngettext("%(count)s needs attention", "%(count)s need attention", count), { count });
}

export const banner = {
  ready: () => ({ title: gettext("Ready"), detail: gettext("Scan your badge or the next piece.") }),
  unfinished: () => gettext("not recorded yet"),
  keeping: () => gettext("being kept…"),
  late: (code) => say(gettext("%(code)s is not kept yet. Don't go on."), { code }),
  wait: () => gettext("This browser's storage does not answer. Wait; leave this page open."),
  kept: () => gettext("kept here, being sent…"),
  waiting: () => gettext("kept here, waits for the server"),
  confirmed: () => gettext("saved"),
  problem: () => gettext("Problem"),
  refused: (reason) => say(gettext("Not accepted. %(reason)s"), { reason }),
  unchanged: () => gettext("Nothing was recorded. Scan again."),
  newPiece: () => gettext("A new piece was begun."),
  dropped: (code) => say(gettext("%(code)s was not finished and is not recorded."), { code }),
  full: () => gettext("This browser's storage is full. Make room on it: the scan is kept then. No other is taken before."),
  denied: () => gettext("This browser does not let the page keep anything. Allow it, or use another browser: the scan is kept then. No other is taken before."),
  storeBroken: () => gettext("This browser cannot keep scans: its storage is full or switched off."),
  pageBroken: () => gettext("Something is wrong with this page. Reload it: what is kept here stays."),
  noCamera: () => gettext("The camera cannot be used"),
  allowCamera: () => gettext("Is there one, and may this page use it? The scanner works all the same."),
  reinspected: () => gettext("saved, a re-inspection"),
  repeated: (name, time) => say(gettext("It was scanned before: %(name)s, %(time)s."), { name, time }),
  doubleRead: () => gettext("read twice, recorded once"),
  undone: () => gettext("undone, does not count"),
  nothingToUndo: () => ({
    title: gettext("Nothing to undo"),
    detail: gettext("The last scan here is too old, or undone already."),
  }),
  unfinishedSoon: (code, seconds) => ({
    title: code
      ? say(gettext("%(code)s is not finished"), { code })
      : gettext("The piece is not finished"),
    detail: say(
      ngettext("Scan on. In %(seconds)s second it is dropped.", "Scan on. In %(seconds)s seconds it is dropped.", seconds),
      { seconds },
    ),
  }),
  noteNeeded: () => gettext("Write a note, then press Enter."),
};

export const unknownBadge = () => gettext("new badge");
export const example = (code) => say(gettext("e.g. %(code)s"), { code });
export const next = (field, code) => say(gettext("Next: %(field)s, e.g. %(code)s"), { field, code });
