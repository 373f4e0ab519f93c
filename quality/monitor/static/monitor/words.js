// Says numbers and states in the reader's language.

const { gettext, ngettext, interpolate } = globalThis;

// The factory's clock has 24 hours, whatever "en" says.
const LANGUAGE = document.documentElement.lang === "ro" ? "ro" : "en-GB";
const exact = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const rough = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit" });
const plain = new Intl.NumberFormat(LANGUAGE);

export const say = (format, values) => interpolate(format, values, true);
export const number = (value) => plain.format(value);
export const time = (at) => exact.format(new Date(at * 1000));
export const minute = (at) => rough.format(new Date(at * 1000));

/** A duration with as many digits as matter; a line never ends within it. */
export const duration = (seconds) => lasting(seconds).replaceAll(" ", "\u00a0");

function lasting(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const digits = (value, most) => new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: most }).format(value);
  if (seconds < 0.0005) return "< 1 ms";
  if (seconds < 0.9995) return `${digits(seconds * 1000, seconds < 0.01 ? 1 : 0)} ms`;
  if (seconds < 60) return `${digits(seconds, seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

export const STATES = {
  healthy: { shape: "check_circle", word: () => gettext("Healthy") },
  warning: { shape: "warning", word: () => gettext("Warning") },
  critical: { shape: "dangerous", word: () => gettext("Critical") },
  away: { shape: "cloud_off", word: () => gettext("Database down") },
  unknown: { shape: "sync_problem", word: () => gettext("No fresh numbers") },
};

/** The state that the banner shows, and why, in a sentence. */
export function verdict(numbers) {
  const { total, alerts } = numbers;
  if (numbers.server_error) {
    // The error itself stands where the server's numbers stand.
    const since = numbers.recent.findLast((sample) => sample.server && !sample.server_error);
    return {
      state: "away",
      reason: since
        ? say(gettext("Its server has not answered since %(time)s. Scans are kept at their stations."), { time: time(since.at) })
        : gettext("Its server does not answer. Scans are kept at their stations."),
    };
  }
  const serving = numbers.workers.filter((worker) => worker.kind === "web worker");
  const fullest = (serving.length ? serving : numbers.workers).toSorted(
    (one, other) => pressure(other) - pressure(one),
  )[0];
  let state = numbers.status;
  if (state !== "critical" && alerts.some((alert) => alert.severity === "critical")) state = "critical";
  else if (state === "healthy" && alerts.length) state = "warning";
  return { state, reason: why(numbers.status, fullest, total, alerts) };
}

const pressure = (worker) => (worker.in_use + worker.waiting) / (worker.limit || 1);

function why(status, fullest, total, alerts) {
  if (!fullest) return gettext("No web worker runs on this host.");
  if (fullest.waiting) {
    return say(
      ngettext(
        "%(count)s request waits for a connection: worker %(pid)s has all %(limit)s in use.",
        "%(count)s requests wait for a connection: worker %(pid)s has all %(limit)s in use.",
        total.waiting,
      ),
      { count: number(total.waiting), pid: fullest.pid, limit: number(fullest.limit) },
    );
  }
  if (status !== "healthy") {
    return say(gettext("Worker %(pid)s uses %(used)s of its %(limit)s connections."), {
      pid: fullest.pid,
      used: number(fullest.in_use),
      limit: number(fullest.limit),
    });
  }
  if (alerts.length) return alerts[0].summary;
  return gettext("Every request gets its connection at once.");
}

/** What a process of the ledger is called. */
export function kind(name) {
  return name === "web worker" ? gettext("Web worker") : name;
}

export function reason(name) {
  const names = {
    lifetime: gettext("lifetime over"),
    idle: gettext("idle too long"),
    dead: gettext("dead"),
    "reset failed": gettext("reset failed"),
    discarded: gettext("discarded"),
    "pool closed": gettext("closed by order"),
    shrunk: gettext("pool shrunk"),
    leaked: gettext("leaked"),
    "host cap": gettext("needed by another process"),
    fork: gettext("fork"),
    unclean: gettext("unclean"),
    other: gettext("other"),
  };
  return names[name] ?? name;
}

export function verb(name) {
  return name === "drain" ? gettext("Drain") : gettext("Close idle");
}
