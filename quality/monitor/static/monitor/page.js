// Asks for the numbers while somebody can see them, and says loudly when there are none.

import { drawDay, drawRecent } from "./charts.js";
import { manage } from "./manage.js";
import * as view from "./view.js";

const { gettext } = globalThis;

const REFRESH_MS = 3000;
const HISTORY_MS = 60_000;
// The server answers within a second, or not at all.
const PATIENCE_MS = 4000;

const page = document.getElementById("pool");
const { numbers, history, orders, signIn } = page.dataset;
// When the numbers on the screen were got; 0 = never.
let gotAt = 0;
let failure = "";
let mayHaveOrders = true;
let timer = 0;

async function get(address) {
  const response = await fetch(address, {
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (response.status === 401) throw new SignedOut();
  if (!response.ok) throw new Error(`${response.status}`);
  return response.json();
}

class SignedOut extends Error {}

async function refresh() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    const found = await get(numbers);
    gotAt = Date.now();
    failure = "";
    view.show(found);
    drawRecent(found);
    if (mayHaveOrders) await refreshOrders();
  } catch (error) {
    failure = error instanceof SignedOut ? "signed-out" : reasonOf(error);
  }
  view.showAge(ageSeconds(), failure, signIn);
  timer = setTimeout(refresh, REFRESH_MS);
}

function reasonOf(error) {
  if (error.name === "TimeoutError") return gettext("The site does not answer.");
  if (error instanceof TypeError) return gettext("The site cannot be reached.");
  return error.message;
}

const ageSeconds = () => (gotAt ? (Date.now() - gotAt) / 1000 : null);

async function refreshOrders() {
  const found = (await get(orders)).orders;
  view.showOrders(found);
  // Asked again only while one is not done yet.
  mayHaveOrders = found.some((order) => order.done_at === null && !order.is_lost);
}

async function refreshHistory() {
  if (!document.hidden) {
    try {
      drawDay(await get(`${history}?hours=24`));
      // A day's points span five minutes each; those of an hour are as they were written.
      view.showFleet(await get(`${history}?hours=1`));
    } catch {
      view.showFleet(null);
    }
  }
  setTimeout(refreshHistory, HISTORY_MS);
}

document.addEventListener("visibilitychange", refresh);
setInterval(() => view.showAge(ageSeconds(), failure, signIn), 1000);
manage(page, () => {
  mayHaveOrders = true;
  refresh();
});
await refresh();
page.removeAttribute("aria-busy");
refreshHistory();
