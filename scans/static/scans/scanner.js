// The card that tests a scanner: waits for the keys of its code, and says what they tell.

import { Codes } from "./barcode.js";
import { examine } from "./examination.js";
import * as words from "./findings.js";
import { isEnter } from "./reader.js";

// Whoever sends no terminator has finished after this long.
const IDLE_SECONDS = 0.8;
const MAX_KEYS = 400;
const ICONS = { good: "check", warn: "alert", problem: "cross", wait: "scan" };

const settings = JSON.parse(document.getElementById("bootstrap").textContent);
const codes = new Codes({ ...settings, defects: [] });
const find = (selector) => document.querySelector(selector);

let strokes = [];
let capsLock = false;
let timer = 0;
let endedAt = -Infinity;

function keydown(event) {
  if (event.isComposing) return;
  const ends = isEnter(event) ? "Enter" : event.key === "Tab" ? "Tab" : "";
  if (ends && strokes.length) {
    event.preventDefault();
    finish(ends, event.timeStamp);
    return;
  }
  if (ends) {
    // A second one that the scanner sends must not press what happens to be focused.
    if (event.timeStamp - endedAt < IDLE_SECONDS * 1000) event.preventDefault();
    return;
  }
  const isShortcut = event.ctrlKey || event.metaKey || event.altKey;
  if (isShortcut && !event.getModifierState("AltGraph")) return;
  const key = event.key === "Dead" ? "◌" : event.key;
  if ([...key].length !== 1 || (key === " " && !strokes.length)) return;
  event.preventDefault();
  capsLock = event.getModifierState("CapsLock");
  strokes = [...strokes, { key, at: event.timeStamp }].slice(-MAX_KEYS);
  clearTimeout(timer);
  timer = setTimeout(() => finish("none", performance.now()), IDLE_SECONDS * 1000);
}

function finish(end, at) {
  clearTimeout(timer);
  endedAt = at;
  const found = examine(strokes, { known: settings.known, end, capsLock, codes });
  strokes = [];
  draw(words.verdict(found, codes.examples), words.rows(found), found.text);
}

function draw({ sort, title, detail }, rows, text) {
  const verdict = find("#verdict");
  verdict.dataset.sort = sort;
  setIcon(verdict, sort);
  find("#verdict-title").textContent = title;
  find("#verdict-detail").textContent = detail;
  find("#read").textContent = text;
  find("#read-row").hidden = false;
  find("#findings").replaceChildren(...rows.map(row));
}

function row({ sort, what, found, advice }) {
  const element = find("#finding").content.firstElementChild.cloneNode(true);
  element.dataset.sort = sort;
  setIcon(element, sort);
  element.querySelector("dt").append(what);
  element.querySelector(".found").textContent = found;
  element.querySelector(".advice").textContent = advice;
  element.querySelector(".advice").hidden = !advice;
  return element;
}

function setIcon(element, sort) {
  element.querySelector("use").setAttribute("href", `${document.body.dataset.icons}#${ICONS[sort]}`);
}

document.addEventListener("keydown", keydown, true);
