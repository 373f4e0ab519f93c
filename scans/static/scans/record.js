// Makes the record of a completed scan: its id, its time, and what is sent.

/** A random UUID (version 4). `crypto.randomUUID` is missing on plain http, as in a factory. */
export function uuid(source = globalThis.crypto) {
  if (source.randomUUID) return source.randomUUID();
  const bytes = source.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [8, 12, 16, 20].reduceRight((text, at) => `${text.slice(0, at)}-${text.slice(at)}`, hex);
}

/** ISO 8601 by the clock on the wall, with milliseconds and offset: 2026-03-02T14:05:09.120+02:00. */
export function localIso(date) {
  const offset = -date.getTimezoneOffset();
  const wall = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1);
  const two = (number) => String(Math.trunc(number)).padStart(2, "0");
  const minutes = Math.abs(offset);
  return `${wall}${offset < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}

/** What POST /scans/ takes. The codes go as they were typed: the server repairs and keeps both. */
export function makeRecord({ raw, note }, station, now = new Date()) {
  return { id: uuid(), ...raw, note, station, scanned_at: localIso(now) };
}

/** What says that a scan is not to count, under an id of its own. `scan` is the scan's. */
export function makeVoid(scan, reason, station, now = new Date()) {
  return { id: uuid(), scan, reason, station, voided_at: localIso(now) };
}

/** What says that something happened which is no scan. */
export function makeIncident(kind, codes, station, now = new Date()) {
  return { id: uuid(), kind, codes, station, at: localIso(now) };
}

/** When an entry's record was made, by the clock of then. */
export function madeAt({ record }) {
  return new Date(record.scanned_at ?? record.voided_at ?? record.at);
}
