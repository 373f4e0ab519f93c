// Draws a table of people, and asks each 30 s whether something has changed.

const { gettext, interpolate, ngettext } = globalThis;

const REFRESH_MS = 30_000;
const PATIENCE_MS = 10_000;

const table = document.getElementById("people");
const body = table.tBodies[0];
const columns = [...table.tHead.rows[0].cells].map(({ dataset, className }) => ({ ...dataset, className }));
const search = document.getElementById("search");
const age = document.getElementById("age");
const count = document.getElementById("count");

// English as in Europe: the day comes before the month.
const language = { en: "en-GB" }[document.documentElement.lang] ?? document.documentElement.lang;
// The factory's clock, as on all other pages, wherever somebody looks from.
const timeZone = table.dataset.zone;
const moments = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "short", timeZone });
const times = new Intl.DateTimeFormat(language, { timeStyle: "medium", timeZone });
const agos = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });

let { rows } = JSON.parse(document.getElementById("rows").textContent);
let { tag } = table.dataset;
let askedAt = new Date();
let timer = 0;
// By the row's id: its element, and what it was drawn from.
const drawn = new Map();

// ----- Cells

const CELLS = {
  account: (row) => {
    const link = document.createElement("a");
    link.href = table.dataset.account.replace("/0/", `/${row.user_id ?? row.id}/`);
    link.append(...breakable(row.name));
    const fullName = document.createElement("span");
    fullName.className = "full-name";
    fullName.textContent = row.full_name;
    // A space for ears, and for whoever copies both.
    return row.full_name ? [link, " ", fullName] : [link];
  },
  roles: (row) => [[...(row.is_superuser ? [gettext("superuser")] : []), ...row.roles].join(", ")],
  state: (row) => states(row).map(([sort, words]) => badge(sort, words)),
  text: (row, { field }) => breakable(row[field] || "–"),
  number: (row, { field }) => [String(row[field])],
  moment: (row, { field }) => [row[field] ? moments.format(new Date(row[field])) : "–"],
  ago: (row, { field }) => [row[field] ? ago(new Date(row[field])) : "–"],
};

/** A long login, or an address, is broken between its parts, not within a name or a number. */
function breakable(text) {
  const parts = text.match(/[^-._@+:]+[-._@+:]*|[-._@+:]+/g) ?? [];
  return parts.flatMap((part, at) => (at ? [document.createElement("wbr"), part] : [part]));
}

function states(row) {
  const found = [];
  if (!row.is_active) found.push(["off", gettext("deactivated")]);
  if (row.locked_until) {
    const until = times.format(new Date(row.locked_until));
    found.push(["warn", interpolate(gettext("locked until %s"), [until])]);
  }
  if (row.must_change_password) found.push(["", gettext("must choose a password")]);
  if (row.has_second_factor) found.push(["good", gettext("second factor")]);
  return found;
}

function badge(sort, words) {
  const one = document.createElement("span");
  one.className = "badge";
  one.dataset.sort = sort;
  one.textContent = words;
  return one;
}

function ago(moment) {
  const minutes = Math.round((moment - Date.now()) / 60_000);
  if (minutes > -60) return agos.format(Math.min(0, minutes), "minute");
  return agos.format(Math.round(minutes / 60), "hour");
}

// ----- Rows

/** Leaves alone what is as it was: nothing is lost that somebody has marked or focused. */
function draw() {
  const wanted = search.value.trim().toLocaleLowerCase();
  const shown = rows.filter((row) => !wanted || words(row).includes(wanted));
  const seen = new Set();
  shown.forEach((row, index) => {
    seen.add(row.id);
    const element = elementOf(row);
    if (body.rows[index] !== element) body.insertBefore(element, body.rows[index] ?? null);
  });
  for (const [id, { element }] of drawn) {
    if (seen.has(id)) continue;
    element.remove();
    drawn.delete(id);
  }
  count.textContent = interpolate(ngettext("%s row", "%s rows", shown.length), [shown.length]);
}

function elementOf(row) {
  const text = JSON.stringify(row);
  const held = drawn.get(row.id);
  if (held?.text === text) {
    refreshAgo(held.element, row);
    return held.element;
  }
  const element = held?.element ?? document.createElement("tr");
  element.replaceChildren(...columns.map((column) => cell(row, column)));
  drawn.set(row.id, { element, text });
  return element;
}

function cell(row, column) {
  const one = document.createElement("td");
  one.className = column.className;
  one.replaceChildren(...CELLS[column.cell](row, column));
  return one;
}

/** Time passes without news. */
function refreshAgo(element, row) {
  columns.forEach((column, index) => {
    if (column.cell === "ago") element.cells[index].replaceChildren(...CELLS.ago(row, column));
  });
}

function words(row) {
  return [row.name, row.full_name, row.station, row.address, ...(row.roles ?? [])]
    .join(" ")
    .toLocaleLowerCase();
}

// ----- Asking

async function refresh() {
  clearTimeout(timer);
  if (document.hidden) return;
  let failure = "";
  try {
    const response = await fetch(table.dataset.source, {
      cache: "no-store",
      headers: { Accept: "application/json", "If-None-Match": tag },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (response.status === 200) {
      ({ rows } = await response.json());
      tag = response.headers.get("ETag");
    }
    if (response.ok || response.status === 304) askedAt = new Date();
    else failure = response.status === 401 ? gettext("Sign in again.") : gettext("No news from the site.");
  } catch {
    failure = gettext("The site cannot be reached.");
  }
  draw();
  showAge(failure);
  timer = setTimeout(refresh, REFRESH_MS);
}

function showAge(failure = "") {
  const asOf = interpolate(gettext("As of %s"), [times.format(askedAt)]);
  age.textContent = failure ? `${failure} ${asOf}` : asOf;
  age.classList.toggle("is-old", Boolean(failure));
}

search.addEventListener("input", draw);
document.addEventListener("visibilitychange", refresh);
draw();
showAge();
timer = setTimeout(refresh, REFRESH_MS);
