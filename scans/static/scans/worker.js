// Opens the station's page while the server is away, from the last good one that this browser saw.
//
// The server decides whenever it answers; nothing is sent or kept for it from here. Only the
// station's page and its files are kept, and they all at once: a page never meets another's files.

const CACHE = "station-"; // and the moment of its making
// Whoever waits longer for the page gets the one that is here.
const PAGE_SECONDS = 5;
const FILES = new Set(["script", "style", "image", "font"]);
const PAGE = new URL("station/", self.registration.scope).pathname;
const LIKE_ANY = { ignoreSearch: true, ignoreVary: true };

const keptPages = new Set(); // clients whose page came from here: their files do, too

self.addEventListener("install", (event) => {
  self.skipWaiting();
  // What is sent or asked by a page need not wait until the browser has started this.
  event.waitUntil(event.addRoutes?.({ condition: { requestDestination: "" }, source: "network" }));
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.mode === "navigate") {
    if (new URL(request.url).pathname === PAGE) event.respondWith(openPage(event));
  } else if (FILES.has(request.destination)) event.respondWith(openFile(event));
});

// A page that has loaded names the files that it is made of.
self.addEventListener("message", (event) => {
  if (Array.isArray(event.data?.files)) event.waitUntil(keep(event.data));
});

/** Keeps the page and its files anew; what was kept stays until all of them are here. */
async function keep({ files, version }) {
  const name = `${CACHE}${Date.now()}`;
  let page, answers;
  try {
    [page, ...answers] = await Promise.all([PAGE, ...files].map(load));
  } catch {
    return; // The next page to load tries again.
  }
  // The server has become another version meanwhile: these are not its page's files.
  if (page.headers.get("X-Version") !== version) return;
  const cache = await caches.open(name);
  await Promise.all(answers.map((answer, at) => cache.put(files[at], answer)));
  await cache.put(PAGE, page); // Last: where it is, all that it is made of is, too.
  const all = await caches.keys();
  const older = all.filter((other) => other.startsWith(CACHE) && other < name);
  await Promise.all(older.map((other) => caches.delete(other)));
}

async function load(url) {
  const answer = await fetch(url);
  // A redirect is the way to a sign-in: nothing to be kept.
  if (!answer.ok || answer.redirected) throw new Error(`${url}: ${answer.status}`);
  return answer;
}

async function openPage({ request, resultingClientId }) {
  const answer = await fromServer(request);
  if (answer && answer.status < 500) return answer;
  const kept = await caches.match(PAGE, LIKE_ANY);
  if (kept) keptPages.add(resultingClientId);
  return kept ?? answer ?? Response.error();
}

/** The server's answer; null when there is none in time. */
async function fromServer(request) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PAGE_SECONDS * 1000);
  try {
    return await fetch(request, { signal: patience.signal });
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

async function openFile({ request, clientId }) {
  const kept = () => caches.match(request, LIKE_ANY);
  if (keptPages.has(clientId)) return (await kept()) ?? fetch(request);
  const answer = await fetch(request).catch(() => null);
  // Gone from a server with a newer version, perhaps: this page is made of the older one.
  if (answer?.ok) return answer;
  return (await kept()) ?? answer ?? Response.error();
}
