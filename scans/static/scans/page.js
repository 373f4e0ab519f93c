// The station page: connects reader, form, outbox, sound and view.

import { Banner } from "./banner.js";
import { Codes } from "./barcode.js";
import { Sound } from "./feedback.js";
import { Form } from "./form.js";
import { Hand } from "./hand.js";
import { guardSignOut } from "./leaving.js";
import { ofBrowser, ofTab } from "./memory.js";
import { listenToNote, listenToRefused } from "./notes.js";
import { Outbox } from "./outbox.js";
import { Reader } from "./reader.js";
import { makeRecord } from "./record.js";
import { Server } from "./server.js";
import { Store } from "./store.js";
import { View } from "./view.js";
import * as words from "./words.js";

const POLL_SECONDS = 30;
const SIGNED_IN = "quality.signed-in";
const FORM = "quality.form";
// A disk takes milliseconds. Whoever goes on after this long may lose what he scans.
const LATE_SECONDS = 2;
const APPROVED = "000";

const settings = JSON.parse(document.getElementById("bootstrap").textContent);
const { recordUrl, recentUrl } = document.getElementById("station").dataset;

const codes = new Codes(settings);
const form = new Form(codes);
const view = new View({ codes, operators: settings.operators });
const banner = new Banner({ view, form });
const server = new Server({ recordUrl, recentUrl, csrfCookie: settings.csrfCookie });
const sound = new Sound({ onState: (isHeard) => view.sound(isHeard) });
const note = document.getElementById("note");

let scans = []; // what the server has, the newest first
let waiting = []; // what it has not yet

function showProblem(title, detail) {
  banner.problem(title, detail);
  sound.play("bad");
}

// ----- Codes

const reader = new Reader({
  onCode: takeCode,
  onBuffer: (buffer) => view.fields(form, buffer),
  onEscape: () => {
    form.problem = null;
    drawForm();
    banner.calm();
  },
  isComplete: (raw) => codes.isComplete(raw.toUpperCase()),
  // Words for a note whose field has lost the focus: the key itself goes there then.
  isTakenElsewhere() {
    if (form.needsNote) note.focus({ preventScroll: true });
    return form.needsNote;
  },
});

function takeCode(raw) {
  form.take(raw).forEach(follow);
}

/** Shows what a code did. */
function follow(outcome) {
  switch (outcome.did) {
    case "refused":
      // A scanner that ends with two Enters ends an empty note, too: no alarm for that.
      if (outcome.problem.kind === "note-empty") break;
      showProblem(words.explain(outcome.problem), words.banner.unchanged());
      break;
    case "completed":
      complete(outcome.scan);
      break;
    case "note-needed":
      banner.calm();
      sound.play("good");
      break;
    case "filled":
      if (outcome.dropped) {
        showProblem(words.banner.dropped(outcome.dropped), words.banner.newPiece());
      } else {
        banner.calm();
        sound.play("good");
      }
  }
  drawForm();
}

function drawForm() {
  view.fields(form, reader.buffer);
  if (form.needsNote) note.focus({ preventScroll: true });
  else note.blur();
  remember();
}

/** What a reload finds again. */
function remember() {
  ofTab.set(FORM, JSON.stringify(form.snapshot()));
}

function complete({ codes, raw, note }) {
  keep({ record: makeRecord({ raw, note }, settings.station), codes });
}

async function keep(entry, options) {
  banner.keeping(entry);
  const late = setTimeout(() => {
    banner.late(entry);
    sound.play("bad");
  }, LATE_SECONDS * 1000);
  try {
    await outbox.keep(entry.record, entry.codes, options);
    sound.play(entry.codes.defect === APPROVED ? "good" : "bad");
  } catch (error) {
    console.warn("A scan could not be kept:", error);
    banner.notKept(entry);
    sound.play("bad");
  } finally {
    clearTimeout(late);
  }
}

const finishNote = () => form.finishNote().forEach(follow);
listenToNote(note, form, { onInput: remember, onEscape: dropDefect, onDone: finishNote });
document.getElementById("note-done").onclick = finishNote;
document.getElementById("note-drop").onclick = dropDefect;
document.getElementById("restart").onclick = () => {
  form.clear();
  drawForm();
  banner.restart();
};

function dropDefect() {
  form.dropDefect();
  drawForm();
  banner.calm();
}

// ----- The outbox

let isStuck = false; // the last scan that was sent found no way

/** How it went, or goes, with the scan that is on its way. */
function sent(answer) {
  isStuck = words.connection(answer)[1] !== "good";
  view.connection(answer);
  if (isStuck) banner.waits();
}

const outbox = new Outbox({
  store: new Store(),
  hand: new Hand(ofTab),
  send: async (record) => {
    const answer = await server.send(record, () => sent(words.SLOW));
    sent(answer);
    return answer;
  },
  on: {
    added: (entry) => banner.kept(entry, { isWaiting: outbox.isWaiting || isStuck }),
    kept: () => banner.waits(),
    confirmed(entry, stored) {
      banner.confirmed(entry);
      scans = [stored, ...scans];
      isStale = true;
    },
    refused(entry) {
      banner.refused(entry);
      sound.play("bad");
    },
    changed(all) {
      const refused = all.filter((entry) => entry.problem);
      waiting = all.filter((entry) => !entry.problem);
      view.entries(waiting, refused, sendAgain, (entry) => outbox.dismiss(entry));
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

listenToRefused(document.getElementById("attention-list"), form, takeCode);

function sendAgain(entry) {
  banner.follow(entry);
  outbox.retry(entry);
}

// ----- What the server has

let isStale = true;
let isAsking = false;

async function refresh() {
  if (isAsking) return; // Whoever made it stale again asks again below.
  isAsking = true;
  isStale = false;
  const answer = await server.recent(settings.station, () => view.connection(words.SLOW));
  const { status, body } = answer;
  isAsking = false;
  // That it can be read from does not help a scan which finds no way.
  if (status !== 200 || !isStuck || !waiting.length) view.connection(answer);
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
form.restore(ofTab.read(FORM, {}));
drawForm();
banner.calm();
view.connection(null);
for (const entry of outbox.hand.entries) keep(entry, { again: true });
outbox.start();
refresh();
setInterval(refresh, POLL_SECONDS * 1000);

// Ask that the browser does not clear away what we keep. Missing on plain http.
navigator.storage?.persist?.();

// Signed in, perhaps in another tab than the one that waits for it: tell it.
ofBrowser.set(SIGNED_IN, String(Date.now()));
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

guardSignOut({
  count: () => waiting.length,
  show: (count) => view.leaving(count),
  // The next person signs in with a badge of his own.
  forget: () => ofTab.remove(FORM),
});
