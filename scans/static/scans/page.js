// The station page: connects reader, form, outbox, sound and view.

import { Codes } from "./barcode.js";
import { Sound } from "./feedback.js";
import { Form } from "./form.js";
import { Outbox } from "./outbox.js";
import { Reader } from "./reader.js";
import { makeRecord } from "./record.js";
import { Server } from "./server.js";
import { Store } from "./store.js";
import { View } from "./view.js";
import * as words from "./words.js";

const POLL_SECONDS = 30;
const REMEMBERED_STATION = "quality.station";
const SIGNED_IN = "quality.signed-in";
const FORM = "quality.form";
const APPROVED = "000";

const settings = JSON.parse(document.getElementById("bootstrap").textContent);
const { recordUrl, recentUrl } = document.getElementById("station").dataset;

// Bound to a station once, a browser comes back to it. `?station=` without a name is the way to
// choose another.
const asked = new URLSearchParams(location.search).get("station");
const remembered = localStorage.getItem(REMEMBERED_STATION);
if (settings.station) localStorage.setItem(REMEMBERED_STATION, settings.station);
else if (asked !== null) localStorage.removeItem(REMEMBERED_STATION);
else if (remembered) location.replace(`?station=${encodeURIComponent(remembered)}`);

const codes = new Codes(settings);
const form = new Form(codes);
const view = new View({ codes, operators: settings.operators });
const server = new Server({ recordUrl, recentUrl, csrfCookie: settings.csrfCookie });
const sound = new Sound({ onState: (isHeard) => view.sound(isHeard) });
const note = document.getElementById("note");

let scans = []; // what the server has, the newest first
let waiting = []; // what it has not yet

// ----- The banner: the last result, or what is wrong with the last code

let result = { sort: "ready", ...words.banner.ready() };
let newest = ""; // the id of the scan that the banner speaks of
let isProblemShown = false;

function showResult() {
  isProblemShown = false;
  if (form.needsNote) askForNote();
  else view.banner(result);
}

function showProblem(title, detail) {
  isProblemShown = true;
  view.banner({ sort: "problem", title, detail });
  sound.play("bad");
}

/** News about a scan: shown when it is the newest, but not over a problem that waits to be read. */
function news({ record, codes: { cp, defect } }, sort, detail) {
  if (record.id !== newest) return;
  result = { sort, title: cp, detail: `${defect} ${view.nameOf("defect", defect)} · ${detail}` };
  if (!isProblemShown) showResult();
}

// ----- Codes

const reader = new Reader({
  onCode: (raw) => form.take(raw).forEach(follow),
  onBuffer: (buffer) => view.fields(form, buffer),
  onEscape: () => {
    form.problem = null;
    drawForm();
    showResult();
  },
  isComplete: (raw) => codes.isComplete(raw.toUpperCase()),
});

/** Shows what a code did. */
function follow(outcome) {
  switch (outcome.did) {
    case "refused":
      // A scanner that ends with two Enters ends an empty note, too: no alarm for that.
      if (outcome.problem.kind === "note-empty") break;
      showProblem(words.explain(outcome.problem), words.banner.unchanged());
      break;
    case "completed":
      isProblemShown = false;
      keep(outcome.scan);
      break;
    case "note-needed":
      showResult();
      sound.play("good");
      break;
    case "filled":
      if (outcome.dropped) {
        showProblem(words.banner.dropped(outcome.dropped), words.banner.newPiece());
      } else {
        showResult();
        sound.play("good");
      }
  }
  drawForm();
}

/** The banner must not show the last piece as good while this one waits. */
function askForNote() {
  const { cp, defect } = form.values;
  const name = `${defect.code} ${view.nameOf("defect", defect.code)}`;
  view.banner({ sort: "ready", title: cp.code, detail: `${name} · ${words.banner.noteNeeded()}` });
}

function drawForm() {
  view.fields(form, reader.buffer);
  if (form.needsNote) note.focus({ preventScroll: true });
  else note.blur();
  remember();
}

/** What a reload finds again. */
function remember() {
  sessionStorage.setItem(FORM, JSON.stringify(form.snapshot()));
}

async function keep({ codes, raw, note }) {
  const record = makeRecord({ raw, note }, settings.station);
  newest = record.id;
  try {
    await outbox.keep(record, codes);
    sound.play(codes.defect === APPROVED ? "good" : "bad");
  } catch (error) {
    console.warn("A scan could not be kept:", error);
    result = {
      sort: "problem",
      title: words.banner.notKept(codes.cp),
      detail: words.banner.storeBroken(),
    };
    showResult();
    sound.play("bad");
  }
}

note.addEventListener("input", () => {
  form.note = note.value;
  remember();
});
note.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "Escape") dropDefect();
  // A Tab ends a code that was scanned into the note; a written note it leaves, as ever.
  const ends = event.key === "Enter" || (event.key === "Tab" && form.isCode(note.value));
  if (!ends) return;
  event.preventDefault();
  form.finishNote().forEach(follow);
});
document.getElementById("note-done").onclick = () => form.finishNote().forEach(follow);
document.getElementById("note-drop").onclick = dropDefect;
document.getElementById("restart").onclick = () => {
  form.clear();
  drawForm();
  showResult();
};

function dropDefect() {
  form.dropDefect();
  drawForm();
  showResult();
}

// ----- The outbox

const outbox = new Outbox({
  store: new Store(),
  send: async (record) => {
    const answer = await server.send(record);
    view.connection(answer);
    return answer;
  },
  on: {
    added: (entry) => news(entry, "kept", words.banner.kept()),
    kept: (entry) => news(entry, "kept", words.banner.waiting()),
    confirmed(entry, stored) {
      const sort = entry.codes.defect === APPROVED ? "good" : "reject";
      news(entry, sort, words.banner.confirmed());
      scans = [stored, ...scans];
      isStale = true;
    },
    refused(entry) {
      showProblem(entry.codes.cp, words.banner.refused(words.reasons(entry.problem)));
    },
    changed(all) {
      const refused = all.filter((entry) => entry.problem);
      waiting = all.filter((entry) => !entry.problem);
      view.entries(waiting, refused, (e) => outbox.retry(e), (e) => outbox.dismiss(e));
      view.recent(scans, waiting);
      // Once for a whole queue: not for each scan of it.
      if (isStale && !waiting.length) refresh();
    },
    broken(error) {
      console.warn("The outbox cannot use the browser's database:", error);
      showProblem(words.banner.problem(), words.banner.storeBroken());
    },
  },
});

// ----- What the server has

let isStale = true;
let isAsking = false;

async function refresh() {
  if (isAsking) return; // Whoever made it stale again asks again below.
  isAsking = true;
  isStale = false;
  const answer = await server.recent(settings.station);
  const { status, body } = answer;
  isAsking = false;
  view.connection(answer);
  if (status === 200 && body?.scans) {
    scans = body.scans;
    view.totals(body.totals);
    view.recent(scans, waiting);
  }
  if (isStale && !waiting.length) refresh();
}

// ----- Start

// A mistake of ours must not look like a page that works.
for (const mishap of ["error", "unhandledrejection"]) {
  window.addEventListener(mishap, () => {
    showProblem(words.banner.problem(), words.banner.pageBroken());
  });
}
for (const moved of ["focus", "blur"]) {
  window.addEventListener(moved, () => view.front(document.hasFocus()));
}
view.front(document.hasFocus());

reader.listen(document);
sound.listen(document);
form.restore(JSON.parse(sessionStorage.getItem(FORM) ?? "{}"));
drawForm();
showResult();
view.connection(null);
outbox.start();
refresh();
setInterval(refresh, POLL_SECONDS * 1000);

// Ask that the browser does not clear away what we keep. Missing on plain http.
navigator.storage?.persist?.();

// Signed in, perhaps in another tab than the one that waits for it: tell it.
localStorage.setItem(SIGNED_IN, String(Date.now()));
window.addEventListener("storage", ({ key }) => {
  if (key === SIGNED_IN) tryNow();
});
window.addEventListener("online", tryNow);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) tryNow();
});

function tryNow() {
  outbox.nudge();
  refresh();
}

// The next person signs in with a badge of his own.
document.getElementById("sign-out")?.addEventListener("submit", () => {
  sessionStorage.removeItem(FORM);
});
