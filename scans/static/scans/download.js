// Shows how far a download is. Without this module, and for files too large for a page to keep,
// links marked data-download are plain ones: the browser then shows what it knows itself.

const { document, gettext = (text) => text } = globalThis;

// What a page keeps in memory until it is whole.
export const MOST_ROWS = 300_000;
// An XLSX tells only at its end how many rows it has: until then they are guessed by its size.
const XLSX_BYTES_PER_ROW = 140;
const NEW_LINE = 10;

/** Thrown with words for whoever asked. */
export class Refused extends Error {}

/**
 * All of an answer as a Blob; `onProgress(share)` is told how much is there, from 0 to 1.
 * An answer that breaks off throws.
 */
export async function receive(answer, onProgress) {
  const total = Number(answer.headers.get("X-Total-Rows"));
  const type = answer.headers.get("Content-Type") ?? "";
  const parts = [];
  // The first line has the names of the columns.
  let rows = type.startsWith("text/csv") ? -1 : 0;
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    rows += type.startsWith("text/csv") ? lines(value) : value.length / XLSX_BYTES_PER_ROW;
    // It is not whole before the end has come, whatever was counted or guessed.
    if (total) onProgress(Math.min(0.99, Math.max(0, rows / total)));
  }
  onProgress(1);
  return new Blob(parts, { type });
}

function lines(bytes) {
  let count = 0;
  for (let at = bytes.indexOf(NEW_LINE); at >= 0; at = bytes.indexOf(NEW_LINE, at + 1)) count += 1;
  return count;
}

/** The name that the server gave the file. */
export function nameOf(answer) {
  return /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "";
}

/** Whether the page takes it, rather than the browser alone; what nobody has counted it does not. */
export function isTaken(answer) {
  const total = answer.headers.get("X-Total-Rows");
  return total !== null && Number(total) <= MOST_ROWS;
}

/** Why a server gives no file. */
export async function refusal(answer) {
  const type = answer.headers.get("Content-Type") ?? "";
  const said = type.startsWith("text/plain") ? (await answer.text()).trim() : "";
  return new Refused(said || gettext("The server gave no file. Reload the page and try again."));
}

class Download {
  constructor(link) {
    this.link = link;
    this.progress = document.createElement("progress");
    this.progress.setAttribute("aria-label", gettext("Download"));
    this.text = document.createElement("span");
    this.text.setAttribute("role", "status");
    this.stop = document.createElement("button");
    this.stop.type = "button";
    this.stop.textContent = gettext("Stop");
    this.stop.onclick = () => this.abort?.abort();
    this.box = document.createElement("span");
    this.box.className = "download";
    this.box.append(this.progress, this.text, this.stop);
    link.after(this.box);
    this.show(false);
    link.addEventListener("click", (event) => this.click(event));
  }

  show(isRunning, text = "") {
    this.progress.hidden = this.stop.hidden = !isRunning;
    this.text.textContent = text;
    this.link.toggleAttribute("aria-disabled", isRunning);
  }

  click(event) {
    // Whoever opens it in another tab means the browser's own way.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    if (!this.abort) this.run();
  }

  async run() {
    this.abort = new AbortController();
    this.progress.removeAttribute("value");
    this.show(true, gettext("Preparing the file…"));
    try {
      const answer = await fetch(this.link.href, { signal: this.abort.signal });
      // Signed out: what comes is the page to sign in.
      if (!answer.ok || !nameOf(answer)) throw await refusal(answer);
      if (isTaken(answer)) {
        save(await receive(answer, (share) => (this.progress.value = share)), nameOf(answer));
        this.show(false, gettext("The file is complete."));
      } else {
        this.abort.abort();
        globalThis.location.assign(this.link.href);
        this.show(false, gettext("The browser downloads this large file by itself."));
      }
    } catch (error) {
      if (error.name === "AbortError") this.show(false, gettext("Stopped: no file was kept."));
      else if (error instanceof Refused) this.show(false, error.message);
      else this.show(false, gettext("The download broke off: no file was kept. Try again."));
    } finally {
      this.abort = null;
    }
  }
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // Later: the browser begins to read it after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

for (const link of document?.querySelectorAll("a[data-download]") ?? []) new Download(link);
