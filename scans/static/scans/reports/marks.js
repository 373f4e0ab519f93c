// The arithmetic of charts whose marks stand side by side, one for each shift, hour or defect.

/** At which marks a label stands, so that each has at least `room` of the `width`; the last one has one too. */
export function ticks(count, width, room) {
  const most = Math.max(1, Math.floor(width / room));
  const step = Math.ceil(count / most);
  const found = [];
  for (let at = count - 1; at >= 0; at -= step) found.unshift(at);
  return found;
}

/** One on top of the other: what is drawn first is the sum, so that the second covers its foot. */
export function stacked(below, above) {
  return below.map((value, at) => value + above[at]);
}

/** Where the scale ends: above all values, and above zero. */
export function top(...columns) {
  const most = Math.max(0, ...columns.flat());
  return most ? most * 1.12 : 1;
}

// A bar that is so much higher than all others would make them flat.
const FLATTENING = 1.5;

/** Of bars, the last of which may be all others together: where the scale ends, and whether that bar goes on above it. */
export function topOfNamed(counts, hasOthers) {
  const named = top(counts.slice(0, hasOthers ? -1 : undefined));
  const isCut = hasOthers && counts.at(-1) > FLATTENING * named;
  return { top: isCut ? named : top(counts), isCut };
}

/** Neighbours that are true, as `[first, last]` of each group. */
export function groups(flags) {
  const found = [];
  flags.forEach((flag, at) => {
    if (!flag) return;
    if (at && flags[at - 1]) found.at(-1)[1] = at;
    else found.push([at, at]);
  });
  return found;
}
