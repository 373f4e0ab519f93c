// Counts for the board: sums, scales, hours, and how far a clock is behind.

const COUNTS = ["approved", "rejected", "firsts", "firsts_approved"];

/** The counts of several stations together. */
export function sum(stations) {
  return Object.fromEntries(COUNTS.map((name) => [name, stations.reduce((total, one) => total + one[name], 0)]));
}

/** The most that any station has scanned in an hour: all sparklines have one scale. */
export function most(stations) {
  return Math.max(1, ...stations.flatMap(({ hours }) => hours.map(({ approved, rejected }) => approved + rejected)));
}

/** How many hours a shift has: 8, or 7 and 9 when the clocks change. */
export function hoursOf({ start, end }) {
  return Math.max(1, Math.ceil((new Date(end) - new Date(start)) / 3_600_000));
}

/** From the answer's Date header: how far this screen's clock is behind the server's, in ms. */
export function behind(header, now = Date.now()) {
  const moment = Date.parse(header ?? "");
  return Number.isNaN(moment) ? null : moment - now;
}
