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
  return body?.error ?? say(gettext("The server answered %(status)s."), { status });
}

// In place of an answer: none yet, though it is due.
export const SLOW = { status: 0, body: null };

// What our server answers when it is there and knows who we are.
const AT_WORK = new Set([200, 201, 400, 409, 413, 422]);

/** How it stands between page and server: `[text, sort]` for the last answer; null before it. */
export function connection(answer) {
  if (!answer) return [gettext("Connecting…"), "wait"];
  if (answer === SLOW) return [gettext("No answer from the server yet. Scans are kept here."), "warn"];
  // Ours are always JSON: whatever else answers is something in between.
  const status = answer.body ? answer.status : 0;
  if (status === 401) return [gettext("Sign in again. Scans are kept here until then."), "warn"];
  if (status === 403) return [gettext("The server refuses this login. Scans are kept here."), "warn"];
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

export function pending(count) {
  return say(ngettext("%(count)s pending", "%(count)s pending", count), { count });
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
  storeBroken: () => gettext("This browser cannot keep scans: its storage is full or switched off."),
  pageBroken: () => gettext("Something is wrong with this page. Reload it: what is kept here stays."),
  noteNeeded: () => gettext("Write a note, then press Enter."),
};

export const unknownBadge = () => gettext("new badge");
export const example = (code) => say(gettext("e.g. %(code)s"), { code });
export const keeping = () => gettext("being kept…");
export const kept = () => gettext("kept here");
export const saved = () => gettext("saved");
export const next = (field, code) => say(gettext("Next: %(field)s, e.g. %(code)s"), { field, code });
