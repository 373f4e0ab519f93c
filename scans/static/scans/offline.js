// Has the page kept for when the server is away, and notices a newer version of it.

const LOOK_SECONDS = 300;

/** What this page is made of, without what it asks the server for. */
async function files() {
  if (document.readyState !== "complete") {
    await new Promise((resolve) => window.addEventListener("load", resolve, { once: true }));
  }
  return performance
    .getEntriesByType("resource")
    .filter(({ initiatorType }) => initiatorType !== "fetch")
    .map(({ name }) => name)
    .filter((name) => name.startsWith(location.origin));
}

/** Missing on plain http: then the page opens only while the server is there. */
export async function keepPage({ workerUrl, version }, workers = navigator.serviceWorker) {
  if (!workers) return;
  const madeOf = await files();
  try {
    await workers.register(workerUrl);
    const { active } = await workers.ready;
    active.postMessage({ files: madeOf, version });
  } catch (error) {
    console.info("The page is not kept for when the server is away:", error);
  }
}

/**
 * Tells `onNewer()` once the server has another version of this page: its answer for the worker
 * names it. An older page goes on all the same.
 */
export function watchVersion({ workerUrl, version, onNewer }) {
  const look = async () => {
    const answer = await fetch(workerUrl, { cache: "no-store" }).catch(() => null);
    const found = answer?.ok && answer.headers.get("X-Version");
    if (found && found !== version) onNewer();
    else setTimeout(look, LOOK_SECONDS * 1000);
  };
  setTimeout(look, LOOK_SECONDS * 1000);
}
