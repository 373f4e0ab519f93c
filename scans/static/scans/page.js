// The station page: connects reader, desk, outbox, watch and views.

import { Attention } from "./attention.js";
import { Banner } from "./banner.js";
import { baseOf, Codes, repair } from "./barcode.js";
import { offerCamera } from "./camera.js";
import { Closing } from "./closing.js";
import { Counts } from "./counts.js";
import { Desk, DOUBLED } from "./desk.js";
import { Sound } from "./feedback.js";
import { Floor } from "./floor.js";
import { Form } from "./form.js";
import { Hand } from "./hand.js";
import { Latest } from "./latest.js";
import { guardSignOut } from "./leaving.js";
import { ofBrowser, ofTab } from "./memory.js";
import { listenToNote, listenToRefused } from "./notes.js";
import { keepPage, watchVersion } from "./offline.js";
import { Outbox } from "./outbox.js";
import { Reader } from "./reader.js";
import { madeAt } from "./record.js";
import { Server } from "./server.js";
import { Shift } from "./shift.js";
import { Store } from "./store.js";
import { Tabs } from "./tabs.js";
import { Tally } from "./tally.js";
import { Tiles } from "./tiles.js";
import { turnFor } from "./turn.js";
import { View } from "./view.js";
import { Waiting } from "./waiting.js";
import { Watch } from "./watch.js";
import * as words from "./words.js";

const SIGNED_IN = "quality.signed-in";
const REMOVED = "removed";
const CONFLICT = 409;

const settings = JSON.parse(document.getElementById("bootstrap").textContent);
const { recordUrl, recentUrl, workerUrl, version } = document.getElementById("station").dataset;
const note = document.getElementById("note");

const server = new Server({ recordUrl, recentUrl, csrfCookie: settings.csrfCookie });
const store = new Store();
const device = store.device().catch(() => null);
const codes = new Codes(settings);
const form = new Form(codes);
const view = new View({ codes });
const counts = new Counts({ codes });
const banner = new Banner({ view, form, codes });
const sound = new Sound({ onState: (isHeard) => view.sound(isHeard) });
const latest = new Latest(ofBrowser);
const tally = new Tally(ofBrowser);
const shift = new Shift();
const waiting = new Waiting();

const tiles = new Tiles({ codes, memory: ofBrowser, onChoose: (code) => desk.take(code) });
const desk = new Desk({
  form,
  view,
  banner,
  tiles,
  sound,
  latest,
  tally,
  note,
  memory: ofTab,
  lastOf: (cp) => shift.lastOf(cp, waiting.entries),
  onPiece: (cp) => watch.orderIs(baseOf(cp)),
});

// ----- Codes

const reader = new Reader({
  onCode: (raw) => desk.take(raw),
  onBuffer: (buffer) => desk.typed(buffer),
  onEscape: () => desk.escape(),
  isComplete: (raw) => codes.isComplete(repair(raw)),
  // Words for a note whose field has lost the focus: the key itself goes there then.
  isTakenElsewhere() {
    if (form.needsNote) note.focus({ preventScroll: true });
    return form.needsNote;
  },
});

listenToNote(note, form, {
  idleSeconds: () => reader.idleSeconds,
  onInput: () => desk.touch(),
  onEscape: () => desk.dropDefect(),
  onDone: () => desk.finishNote(),
});
listenToRefused(document.getElementById("attention-list"), codes, (raw) => desk.take(raw));
document.getElementById("note-done").onclick = () => desk.finishNote();
document.getElementById("note-drop").onclick = () => desk.dropDefect();
document.getElementById("restart").onclick = () => desk.restart();
document.getElementById("undo").onclick = () => desk.undo();

// ----- The outbox

let isStuck = false; // the last scan that was sent found no way

/** How it went, or goes, with the scan that is on its way. */
function sent(answer) {
  isStuck = words.connection(answer)[1] !== "good";
  view.connection(answer);
  if (isStuck) banner.waits();
}

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
      banner.kept(entry, { isWaiting: outbox.isWaiting || isStuck });
      desk.kept(entry);
    },
    unkept(entry, error) {
      console.warn("A scan could not be kept:", error);
      desk.unkept(entry, error);
    },
    kept: () => banner.waits(),
    confirmed(entry, stored) {
      waiting.left(entry);
      watch.stale();
      if (entry.kind === "scan") confirmed(entry, stored);
      if (entry.kind === "void") voided(entry);
    },
    refused(entry) {
      waiting.left(entry);
      latest.forget(entry.record.id);
      banner.refused(entry);
      sound.play("bad");
    },
    changed(state) {
      waiting.told(state);
      state.newest.filter(({ kind }) => kind === "void").forEach((entry) => banner.voided(entry));
      attention.draw(state.refused);
      refused = state.refused.length;
      drawCounts();
      tick();
      // Once for a whole queue: not for each scan of it.
      watch.refreshIfStale();
    },
    broken(error) {
      console.warn("The outbox cannot use the browser's database:", error);
      desk.problem(words.banner.problem(), words.banner.storeBroken());
    },
  },
});
desk.outbox = outbox;
let refused = 0;

function confirmed(entry, stored) {
  shift.confirmed(stored);
  const isRepeated = Boolean(stored.reinspection_of);
  const isWarned = isRepeated && desk.repeatPolicy === "warn";
  banner.confirmed(entry, { isRepeated, isWarned });
  if (isWarned) sound.play("repeat");
}

function voided(entry) {
  shift.voided(entry.record.scan);
  banner.voided(entry);
}

const attention = new Attention({
  codes,
  onRetry(entry) {
    banner.follow(entry);
    outbox.retry(entry);
  },
  onDismiss(entry) {
    // A conflict is no scan that the server lacks: it has one under that id.
    const isMissing = entry.kind === "scan" && entry.problem.status !== CONFLICT;
    if (isMissing) tally.count(REMOVED, entry.record.scanned_at);
    outbox.dismiss(entry);
  },
});

// ----- What the server has

/** The order that is worked on: of this piece, or of the last one. */
function orderNow() {
  const cp = form.values.cp?.code ?? shift.rows(waiting.entries)[0]?.cp;
  return cp ? baseOf(cp) : "";
}

function drawCounts() {
  const { entries } = waiting;
  const base = orderNow();
  counts.draw({
    rows: shift.rows(entries),
    totals: shift.totals(entries),
    base,
    order: shift.progress(base, entries),
    doubles: tally.between(DOUBLED, shift.window?.start ?? Date.now()),
  });
}

/** What changes by itself, as time goes by. */
function tick() {
  view.pending(waiting.count, oldestSeconds());
  view.undo(latest.undoable());
}

function oldestSeconds() {
  return waiting.oldest ? Math.max(0, (Date.now() - madeAt(waiting.oldest)) / 1000) : 0;
}

const closing = new Closing({
  memory: ofBrowser,
  here: ({ start, end }) =>
    store.tally(new Date(start), new Date(end)).then(
      (kept) => kept - tally.between(REMOVED, start, end),
      () => null,
    ),
  there: async ({ start, end }) => server.tally({ device: await device, since: start, until: end }),
  onResult: (result) => view.closing(result),
});

const floor = new Floor(settings, {
  ask: () => server.floor(),
  isBusy: () => form.isBegun || reader.buffer !== "",
  apply(news) {
    // Bound to another station: its name stands in more places than we know.
    if (news.station !== desk.station) location.reload();
    else furnish(news);
  },
});

const watch = new Watch({
  server,
  state: () => ({
    station: desk.station,
    base: orderNow(),
    pending: waiting.count,
    oldestSeconds: Math.round(oldestSeconds()),
    attention: refused,
    isBusy: waiting.count > 0,
  }),
  device,
  on: {
    asking: () => shift.asking(),
    slow: () => view.connection(words.SLOW),
    answered(answer) {
      // That it can be read from does not help a scan which finds no way.
      if (answer.status !== 200 || !isStuck || !waiting.count) view.connection(answer);
    },
    counted(body) {
      shift.answered(body);
      drawCounts();
    },
    clock: (offSeconds) => view.clock(offSeconds),
    floor: (revision, station) => floor.heard(revision, station),
    shift: (window) => closing.running(window),
  },
});

/** Everything as the office wants it now. */
function furnish({ station, profile, clockOffSeconds, warningSeconds, volume, ...rest }) {
  codes.learn(rest);
  watch.clockOffSeconds = clockOffSeconds;
  sound.volume = volume;
  form.sticky = new Set(profile.sticky);
  reader.idleSeconds = profile.idleFlushSeconds;
  sound.isOn = profile.soundIsOn;
  latest.doubleReadSeconds = profile.doubleReadSeconds;
  latest.undoSeconds = profile.undoSeconds;
  desk.station = station;
  desk.repeatPolicy = profile.repeatPolicy;
  desk.abandoning.seconds = profile.clearAfterSeconds;
  desk.abandoning.warningSeconds = warningSeconds;
  desk.draw();
}

// ----- Start

// A mistake of ours must not look like a page that works.
for (const mishap of ["error", "unhandledrejection"]) {
  window.addEventListener(mishap, () => {
    desk.problem(words.banner.problem(), words.banner.pageBroken());
  });
}
for (const moved of ["focus", "blur"]) {
  window.addEventListener(moved, () => view.front(document.hasFocus()));
}
view.front(document.hasFocus());

reader.listen(document);
offerCamera({
  button: document.getElementById("camera"),
  panel: document.getElementById("camera-panel"),
  onCode: (raw) => desk.take(raw),
  onProblem: () => desk.problem(words.banner.noCamera(), words.banner.allowCamera()),
});
sound.listen(document);
desk.restore();
furnish(settings);
banner.calm();
view.connection(null);
outbox.hand.entries.filter(({ kind }) => kind === "scan").forEach((entry) => desk.watch(entry));
outbox.start();
watch.start();
setInterval(tick, 1000);

keepPage({ workerUrl, version });
watchVersion({ workerUrl, version, onNewer: () => desk.offerNewer() });

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
  watch.refresh();
}

guardSignOut({
  count: () => waiting.count,
  show: (count) => view.leaving(count),
  forget: () => desk.forget(),
});
