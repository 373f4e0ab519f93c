// Asks each 5 s whether anything is new on the board while somebody can see it, and says loudly when it cannot ask.

import { behind } from "./counts.js";
import * as view from "./view.js";

const REFRESH_MS = 5000;
const PATIENCE_MS = 8000;
// The numbers come each 5 s. Older than that and one try more, the picture is called old.
const OLD_SECONDS = 20;

const board = document.getElementById("board");
const { source, now: renderedAt } = board.dataset;

let { tag } = board.dataset;
let found = JSON.parse(document.getElementById("board-data").textContent);
// The clock of a screen on a wall may be off: ages are told by the server's.
let offset = Date.parse(renderedAt) - Date.now();
let gotAt = Date.now();
let failure = "";
let timer = 0;

const now = () => new Date(Date.now() + offset);

async function ask() {
  // Not AbortSignal.timeout: a tablet of some years does not know it.
  const abort = new AbortController();
  const patience = setTimeout(() => abort.abort(), PATIENCE_MS);
  try {
    const response = await fetch(source, {
      cache: "no-store",
      headers: { Accept: "application/json", "If-None-Match": tag },
      signal: abort.signal,
    });
    if (response.status === 200) {
      found = await response.json();
      tag = response.headers.get("ETag");
    }
    if (response.ok || response.status === 304) {
      offset = behind(response.headers.get("Date")) ?? offset;
      gotAt = Date.now();
      return "";
    }
    if (response.status === 401) return "signed-out";
    return response.status === 403 ? "no-right" : "busy";
  } catch {
    return "away";
  } finally {
    clearTimeout(patience);
  }
}

async function refresh() {
  clearTimeout(timer);
  if (document.hidden) return;
  failure = await ask();
  if (!failure) view.show(found, now());
  showAge();
  timer = setTimeout(refresh, REFRESH_MS);
}

function showAge() {
  const seconds = (Date.now() - gotAt) / 1000;
  // Who is signed out learns it at once; one answer that is missing is no news yet.
  const isOld = ["signed-out", "no-right"].includes(failure) || (Boolean(failure) && seconds > REFRESH_MS / 1000) || seconds > OLD_SECONDS;
  view.showAge({ seconds, kind: failure || "away", shownAt: new Date(gotAt + offset), isOld });
}

function tick() {
  if (document.hidden) return;
  view.tick(found, now());
  showAge();
}

// ----- On a wall: the whole screen, and lit

const whole = document.getElementById("whole");
let light = null;

async function stayLit() {
  try {
    if (document.fullscreenElement && !document.hidden) light = await navigator.wakeLock?.request("screen");
    else await light?.release();
  } catch {
    // A battery that runs low comes first.
  }
}

whole.classList.toggle("is-away", !document.fullscreenEnabled);
whole.addEventListener("click", () => board.requestFullscreen());
document.addEventListener("fullscreenchange", stayLit);
document.addEventListener("visibilitychange", () => {
  stayLit();
  refresh();
});

view.show(found, now());
showAge();
setInterval(tick, 1000);
timer = setTimeout(refresh, REFRESH_MS);
