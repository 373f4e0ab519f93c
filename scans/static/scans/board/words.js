// Says in the reader's language how it stands at a station.

const { gettext, ngettext, interpolate } = globalThis;

// English as in Europe: the factory's clock has 24 hours.
const language = () => (document.documentElement.lang === "ro" ? "ro" : "en-GB");
const say = (format, values) => interpolate(format, values, true);

export const number = (value) => new Intl.NumberFormat(language()).format(value);

/** Of 0…1; "–" where there is nothing to divide by. */
export function percent(part, whole) {
  if (!whole) return "–";
  return new Intl.NumberFormat(language(), { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(part / whole);
}

export function time(moment, timeZone, { seconds = false } = {}) {
  const form = { hour: "2-digit", minute: "2-digit", ...(seconds && { second: "2-digit" }), timeZone };
  return new Intl.DateTimeFormat(language(), form).format(moment);
}

export const day = (date) => new Intl.DateTimeFormat(language(), { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" }).format(new Date(`${date}T12:00:00Z`));

/** How long ago: "5 s", "12 min", "3 h 05", "2 d". A clock that is a moment ahead is no future. */
export function age(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")}`;
  return say(ngettext("%(days)s day", "%(days)s days", Math.floor(whole / 86_400)), { days: Math.floor(whole / 86_400) });
}

export function shiftName(name) {
  const names = { morning: gettext("Morning"), afternoon: gettext("Afternoon"), night: gettext("Night") };
  return names[name] ?? name;
}

/** Stations of no line, and the scans of none, stand under a heading as well. */
export function lineName(name) {
  return name || gettext("No line");
}

export const ICONS = { good: "check", amber: "clock", red: "alert" };

export function stateWord(state) {
  const words = { good: gettext("Running"), amber: gettext("Silent"), red: gettext("Not delivered") };
  return words[state] ?? state;
}

/** Why a station has its state: what is worst, in words with its numbers. */
export function reason(station, now) {
  const since = (moment) => age((now - new Date(moment)) / 1000);
  switch (station.why[0]) {
    case "pending":
      return say(ngettext("%(count)s scan waits there", "%(count)s scans wait there", station.pending), { count: number(station.pending) });
    case "old_pending":
      return say(gettext("The oldest scan has waited there for %(age)s"), { age: since(station.oldest_pending_at) });
    case "silent":
      return station.last_scan_at ? say(gettext("No scan for %(age)s"), { age: since(station.last_scan_at) }) : gettext("Nothing was ever scanned here");
    default:
      if (station.pending) return gettext("Scans come in, a few are on their way");
      return station.browsers_are_here ? gettext("Scans come in, all are delivered") : gettext("Scans come in");
  }
}

/** What its browsers have not delivered. */
export function backlog(station, now) {
  if (station.pending) {
    const oldest = station.oldest_pending_at ? age((now - new Date(station.oldest_pending_at)) / 1000) : "–";
    return say(gettext("%(count)s wait, oldest %(age)s"), { count: number(station.pending), age: oldest });
  }
  if (station.browsers_are_here) return gettext("nothing waits");
  if (!station.browsers_seen_at) return gettext("no page is open");
  return say(gettext("page last seen %(age)s ago"), { age: age((now - new Date(station.browsers_seen_at)) / 1000) });
}

export const lastScan = (station, now) => (station.last_scan_at ? say(gettext("%(age)s ago"), { age: age((now - new Date(station.last_scan_at)) / 1000) }) : "–");

export const updated = (seconds, isOld) => (seconds < 10 && !isOld ? gettext("Up to date") : say(gettext("Updated %(age)s ago"), { age: age(seconds) }));

/** Why the picture is old, loudly. */
export function failure(kind, shownAt, seconds) {
  const values = { time: shownAt, age: age(seconds) };
  if (kind === "signed-out") return say(gettext("Signed out: this picture is of %(time)s and stays as it is."), values);
  if (kind === "no-right") return say(gettext("This account may not see the board any more. This picture is of %(time)s."), values);
  if (kind === "busy") return say(gettext("The site has no numbers just now. This picture is of %(time)s, %(age)s old."), values);
  return say(gettext("The site cannot be reached. This picture is of %(time)s, %(age)s old."), values);
}

export const signIn = () => gettext("Sign in again");

/** For who cannot see the bars. */
export function hours(station, start, timeZone) {
  return station.hours
    .map(({ approved, rejected }, at) => {
      const from = time(new Date(start.getTime() + at * 3_600_000), timeZone);
      return say(gettext("%(from)s: %(approved)s approved, %(rejected)s rejected"), { from, approved, rejected });
    })
    .join("; ");
}

export const noStation = () => gettext("No station");
export const labels = () => ({ approved: gettext("Approved"), rejected: gettext("Rejected"), last: gettext("Last scan"), backlog: gettext("Undelivered") });
