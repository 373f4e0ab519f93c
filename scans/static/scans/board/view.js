// Puts the board on the screen. What is there stays where it is: only texts, bars and colours change.

import { hoursOf, most, sum } from "./counts.js";
import { fit } from "./fitting.js";
import * as words from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const BAR = 10;
const HEIGHT = 40;

const at = (id) => document.getElementById(id);
const board = at("board");
const icons = document.body.dataset.icons;
const { zone } = board.dataset;
const cards = new Map();
const heads = new Map();
// Which stations stand where: drawn anew when that changes.
let drawnAs = "";
let spoken = new Map();

function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function element(tag, className = "", ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

function icon(name) {
  const made = document.createElementNS(SVG, "svg");
  made.classList.add("icon");
  made.setAttribute("aria-hidden", "true");
  made.append(document.createElementNS(SVG, "use"));
  point(made, name);
  return made;
}

const point = (made, name) => made.firstChild.setAttribute("href", `${icons}#${name}`);

let lines = [];
let asked = 0;
// A window that is drawn larger says so many times, and each time a hundred layouts would be tried.
addEventListener("resize", () => {
  cancelAnimationFrame(asked);
  asked = requestAnimationFrame(() => fit(board, lines));
});

// ----- The whole

export function show(found, now) {
  const stations = found.lines.flatMap((line) => line.stations);
  const plan = JSON.stringify([document.documentElement.lang, found.lines.map((line) => [line.name, line.stations.map(({ code, name }) => [code, name])])]);
  const isNew = plan !== drawnAs;
  if (isNew) {
    lines = found.lines;
    build(lines);
  }
  showShift(found.shift, sum(stations));
  const scale = most(stations);
  for (const line of found.lines) {
    showLine(line);
    for (const station of line.stations) showStation(station, found.shift, scale);
  }
  at("empty").hidden = stations.length > 0;
  tick(found, now);
  speak(stations, now);
  if (isNew) fit(board, lines);
  drawnAs = plan;
  board.removeAttribute("aria-busy");
}

function build(lines) {
  cards.clear();
  heads.clear();
  at("lines").replaceChildren(
    ...lines.map((line) => {
      const head = element("div", "line-head", element("h2", "", words.lineName(line.name)), element("p", "line-counts"));
      head.hidden = lines.length === 1;
      heads.set(line.name, head);
      return element("section", "line", head, element("div", "stations", ...line.stations.map(card)));
    }),
  );
}

function card(station) {
  const labels = words.labels();
  const figure = (name, label, className = "") => element("div", className, element("dt", "", label), element("dd", name, "–"));
  const code = element("h3", "code", station.code || words.noStation());
  const state = element("p", "state", icon("check"), element("span", "state-word"));
  const made = element(
    "article",
    "station",
    element("header", "station-head", code, state),
    element("p", "reason"),
    element(
      "dl",
      "counts",
      figure("approved", labels.approved, "is-good"),
      figure("rejected", labels.rejected, "is-reject"),
      figure("fpy", "FPY"),
    ),
    element("dl", "about", figure("last", labels.last), figure("backlog", labels.backlog)),
    element("div", "spark"),
  );
  if (station.name) code.title = station.name;
  made.ariaLabel = `${station.code} ${station.name}`.trim() || words.noStation();
  cards.set(station.code, made);
  return made;
}

function showShift({ day, name, start, end }, totals) {
  write(at("shift"), words.shiftName(name));
  write(at("hours"), `${words.day(day)}, ${words.time(new Date(start), zone)}–${words.time(new Date(end), zone)}`);
  write(at("total-approved"), words.number(totals.approved));
  write(at("total-rejected"), words.number(totals.rejected));
  write(at("total-share"), words.percent(totals.rejected, totals.approved + totals.rejected));
  write(at("total-fpy"), words.percent(totals.firsts_approved, totals.firsts));
}

function showLine(line) {
  const { approved, rejected, firsts, firsts_approved: good } = sum(line.stations);
  const labels = words.labels();
  const text = `${labels.approved} ${words.number(approved)} · ${labels.rejected} ${words.number(rejected)} · FPY ${words.percent(good, firsts)}`;
  write(heads.get(line.name).lastChild, text);
}

function showStation(station, shift, scale) {
  const made = cards.get(station.code);
  const find = (name) => made.querySelector(`.${name}`);
  made.dataset.state = station.state;
  point(find("state").firstChild, words.ICONS[station.state]);
  write(find("state-word"), words.stateWord(station.state));
  write(find("approved"), words.number(station.approved));
  write(find("rejected"), words.number(station.rejected));
  write(find("fpy"), words.percent(station.firsts_approved, station.firsts));
  drawHours(find("spark"), station, shift, scale);
}

/** A bar for each hour of the shift; those to come are marks on the ground. */
function drawHours(holder, station, shift, scale) {
  const count = Math.max(hoursOf(shift), station.hours.length);
  const text = JSON.stringify([station.hours, count, scale]);
  if (holder.dataset.drawn === text) return;
  holder.dataset.drawn = text;
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", `0 0 ${count * BAR} ${HEIGHT}`);
  picture.setAttribute("preserveAspectRatio", "none");
  for (let hour = 0; hour < count; hour += 1) {
    const { approved = 0, rejected = 0 } = station.hours[hour] ?? {};
    const [good, bad] = [approved, rejected].map((value) => ((HEIGHT - 2) * value) / scale);
    picture.append(
      bar("is-ground", hour, HEIGHT - 1, 1),
      bar("is-good", hour, HEIGHT - 1 - good, good),
      bar("is-reject", hour, HEIGHT - 1 - good - bad, bad),
    );
  }
  holder.role = "img";
  holder.ariaLabel = words.hours(station, new Date(shift.start), zone);
  holder.replaceChildren(picture);
}

function bar(className, hour, y, height) {
  const made = document.createElementNS(SVG, "rect");
  made.classList.add(className);
  const places = { x: hour * BAR + 1, y, width: BAR - 2, height: Math.max(0, height) };
  for (const [name, value] of Object.entries(places)) made.setAttribute(name, value);
  return made;
}

// ----- What changes by the passing of time

export function tick(found, now) {
  write(at("clock"), words.time(now, zone));
  for (const station of found.lines.flatMap((line) => line.stations)) {
    const made = cards.get(station.code);
    write(made.querySelector(".last"), words.lastScan(station, now));
    write(made.querySelector(".backlog"), words.backlog(station, now));
    write(made.querySelector(".reason"), words.reason(station, now));
  }
}

/** A live region speaks at each change, so it is told of changed states alone. */
function speak(stations, now) {
  const states = new Map(stations.map((station) => [station.code, station.state]));
  const changed = stations.filter(({ code, state }) => spoken.size && spoken.get(code) !== state);
  if (changed.length) {
    at("spoken").textContent = changed.map((one) => `${one.code}: ${words.stateWord(one.state)}. ${words.reason(one, now)}`).join(" ");
  }
  spoken = states;
}

export function showAge({ seconds, kind, shownAt, isOld }) {
  board.dataset.age = isOld ? "old" : "fresh";
  write(at("fresh"), words.updated(seconds, isOld));
  const notice = at("failure");
  notice.hidden = !isOld;
  if (!isOld) return;
  // The words change each second; who listens hears of the kind alone.
  notice.ariaLive = notice.dataset.kind === kind ? "off" : "assertive";
  notice.dataset.kind = kind;
  write(notice.querySelector("span"), words.failure(kind, words.time(shownAt, zone, { seconds: true }), seconds));
  showSignIn(notice, kind === "signed-out");
}

function showSignIn(notice, isWanted) {
  const link = notice.querySelector("a");
  if (!isWanted) link?.remove();
  else if (!link) {
    const made = element("a", "button", words.signIn());
    made.href = `${board.dataset.signIn}?next=${encodeURIComponent(location.pathname)}`;
    notice.append(made);
  }
}
