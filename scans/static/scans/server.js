// Speaks to the server: sends what was kept, reads the recent scans.

import { localIso } from "./record.js";

const TIMEOUT_SECONDS = 10;
// By then an answer is usually there; whoever waits longer is told so.
const SLOW_SECONDS = 2;

/** The CSRF token of this moment: a sign-in in another tab changes it. */
function cookie(name) {
  const found = document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

/** Seconds from a Retry-After header, which is a number or a date; 0 when there is none. */
export function retryAfterSeconds(header, now = Date.now()) {
  if (!header) return 0;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const moment = Date.parse(header);
  return Number.isNaN(moment) ? 0 : Math.max(0, (moment - now) / 1000);
}

/** `onSlow()` is told when the answer is late. `{status, body, retryAfterSeconds}`; status 0 when no answer came, body null when not JSON. */
async function ask(url, onSlow, options = {}) {
  // Not AbortSignal.timeout: a tablet of some years does not know it.
  const abort = new AbortController();
  const slow = setTimeout(() => onSlow?.(), SLOW_SECONDS * 1000);
  const timeout = setTimeout(() => abort.abort(), TIMEOUT_SECONDS * 1000);
  try {
    const response = await fetch(url, {
      cache: "no-store",
      // A redirect to a sign-in page is no answer.
      redirect: "manual",
      // Covers the body as well: a server that goes silent half-way is no answer either.
      signal: abort.signal,
      ...options,
    });
    const isJson = (response.headers.get("Content-Type") ?? "").includes("json");
    return {
      status: response.status,
      body: isJson ? await response.json() : null,
      retryAfterSeconds: retryAfterSeconds(response.headers.get("Retry-After")),
    };
  } catch {
    return { status: 0, body: null, retryAfterSeconds: 0 };
  } finally {
    clearTimeout(slow);
    clearTimeout(timeout);
  }
}

/** Where an entry goes, and what is said there. */
function letter(recordUrl, { kind, record }) {
  switch (kind) {
    case "void": {
      const { scan, reason, station, voided_at } = record;
      return [`${recordUrl}${scan}/void/`, { reason, station, voided_at }];
    }
    case "incident":
      return [`${recordUrl}incidents/`, record];
    default:
      // Told at each sending, for a clock that is wrong: how late a scan comes is no part of it.
      return [recordUrl, { ...record, sent_at: localIso(new Date()) }];
  }
}

export class Server {
  constructor({ recordUrl, recentUrl, csrfCookie }) {
    Object.assign(this, { recordUrl, recentUrl, csrfCookie });
  }

  async send(entry, onSlow) {
    const [url, content] = letter(this.recordUrl, entry);
    const answer = await this.#post(url, content, onSlow);
    // Perhaps the token is gone: every page of ours brings one. The next try will know.
    if (answer.status === 403) ask(location.pathname);
    return answer;
  }

  /** The counts of a station, and the progress of the order `base`. */
  recent({ station, base }, onSlow) {
    return ask(`${this.recentUrl}?${new URLSearchParams({ station, cp_base: base })}`, onSlow);
  }

  heartbeat(content) {
    return this.#post(`${this.recordUrl}heartbeat/`, content);
  }

  /** What the page knew of the floor when it was loaded, as it is now; null when nobody says. */
  async floor() {
    const { status, body } = await ask(`${this.recordUrl}floor/`);
    return status === 200 ? body : null;
  }

  /** How many scans of this browser the server has; null when it does not say. */
  async tally(window) {
    const { status, body } = await ask(`${this.recordUrl}tally/?${new URLSearchParams(window)}`);
    return status === 200 ? (body?.count ?? null) : null;
  }

  #post(url, content, onSlow) {
    return ask(url, onSlow, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": cookie(this.csrfCookie) },
      body: JSON.stringify(content),
    });
  }
}
