// Adds up what stations have counted, and says which lines share a row of tiles.

const COUNTS = ["approved", "rejected", "firsts", "firsts_approved"];

/** The counts of several stations together. */
export function sum(stations) {
  return Object.fromEntries(COUNTS.map((name) => [name, stations.reduce((total, one) => total + one[name], 0)]));
}

/** The most that any station has scanned in an hour: all sparklines have one scale. */
export function most(stations) {
  return Math.max(1, ...stations.flatMap(({ hours }) => hours.map(({ approved, rejected }) => approved + rejected)));
}

/** What stands in each row of tiles: lines one after the other, several while they fit; how many tiles one above the other. */
export function rowsOf(lines, columns) {
  const rows = [];
  let free = 0;
  for (const { stations } of lines) {
    const width = Math.min(stations.length, columns);
    if (width > free) {
      rows.push(1);
      free = columns;
    }
    free -= width;
    rows.push(Math.max(rows.pop(), Math.ceil(stations.length / columns)));
  }
  return rows;
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
