// The station page: connects reader, form, outbox, sound and view.

import { Banner } from "./banner.js";
import { Codes } from "./barcode.js";
import { Sound } from "./feedback.js";
import { Form } from "./form.js";
import { Hand } from "./hand.js";
import { guardSignOut } from "./leaving.js";
import { ofBrowser, ofTab } from "./memory.js";
import { listenToNote, listenToRefused } from "./notes.js";
import { keepPage, watchVersion } from "./offline.js";
import { Outbox } from "./outbox.js";
import { Reader } from "./reader.js";
import { makeRecord } from "./record.js";
import { Server } from "./server.js";
import { Store } from "./store.js";
import { Tabs } from "./tabs.js";
import { turnFor } from "./turn.js";
import { View } from "./view.js";
import * as words from "./words.js";

const POLL_SECONDS = 30;
const SIGNED_IN = "quality.signed-in";
const FORM = "quality.form";
// A disk takes milliseconds. Whoever goes on after this long may lose what he scans.
const LATE_SECONDS = 2;
const APPROVED = "000";

const settings = JSON.parse(document.getElementById("bootstrap").textContent);
const { recordUrl, recentUrl, workerUrl, version } = document.getElementById("station").dataset;

const codes = new Codes(settings);
const form = new Form(codes);
const view = new View({ codes, operators: settings.operators });
const banner = new Banner({ view, form });
const server = new Server({ recordUrl, recentUrl, csrfCookie: settings.csrfCookie });
const sound = new Sound({ onState: (isHeard) => view.sound(isHeard) });
const note = document.getElementById("note");

let scans = []; // what the server has, the newest first
let pending = { count: 0, newest: [] }; // what it has not yet

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
  if (!outbox.isAccepting) {
    // The banner says why.
    sound.play("bad");
    return;
  }
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

let isNewer = false; // the server has a newer version of this page

function drawForm() {
  view.fields(form, reader.buffer);
  if (form.needsNote) note.focus({ preventScroll: true });
  else note.blur();
  // Nobody is to leave the page with half a piece.
  view.newer(isNewer && !form.isBegun);
  remember();
}

/** What a reload finds again. */
function remember() {
  ofTab.set(FORM, JSON.stringify(form.snapshot()));
}

function complete({ codes, raw, note }) {
  keep({ record: makeRecord({ raw, note }, settings.station), codes });
}

function keep({ record, codes }) {
  watch({ record, codes });
  outbox.keep(record, codes);
}

const late = new Map(); // id → the timer of a scan that is not on the disk yet

function watch(entry) {
  banner.keeping(entry);
  const tell = () => {
    banner.late(entry);
    sound.play("bad");
  };
  late.set(entry.record.id, setTimeout(tell, LATE_SECONDS * 1000));
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

const store = new Store();
const outbox = new Outbox({
  store,
  hand: new Hand(ofTab),
  turn: turnFor(store),
  tabs: new Tabs(),
  send: async (entry) => {
    const answer = await server.send(entry, () => sent(words.SLOW));
    sent(answer);
    return answer;
  },
  on: {
    added(entry) {
      clearTimeout(late.get(entry.record.id));
      late.delete(entry.record.id);
      banner.kept(entry, { isWaiting: outbox.isWaiting || isStuck });
      if (entry.kind === "scan") sound.play(entry.codes.defect === APPROVED ? "good" : "bad");
    },
    unkept(entry, error) {
      console.warn("A scan could not be kept:", error);
      clearTimeout(late.get(entry.record.id));
      banner.unkept(entry);
      sound.play("bad");
    },
    kept: () => banner.waits(),
    confirmed(entry, stored) {
      isStale = true;
      if (entry.kind !== "scan") return;
      banner.confirmed(entry);
      scans = [stored, ...scans];
    },
    refused(entry) {
      banner.refused(entry);
      sound.play("bad");
    },
    changed(state) {
      pending = state;
      view.entries(state, sendAgain, (entry) => outbox.dismiss(entry));
      view.recent(scans, state.newest);
      // Once for a whole queue: not for each scan of it.
      if (isStale && !state.count) refresh();
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
  if (status !== 200 || !isStuck || !pending.count) view.connection(answer);
  if (status === 200 && body?.scans) {
    scans = body.scans;
    view.totals(body.totals);
    view.recent(scans, pending.newest);
  }
  if (isStale && !pending.count) refresh();
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
outbox.hand.entries.forEach(watch);
outbox.start();
refresh();
setInterval(refresh, POLL_SECONDS * 1000);

keepPage(workerUrl);
watchVersion({
  workerUrl,
  version,
  onNewer() {
    isNewer = true;
    drawForm();
  },
});

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
  count: () => pending.count,
  show: (count) => view.leaving(count),
  // The next person signs in with a badge of his own.
  forget: () => ofTab.remove(FORM),
});
