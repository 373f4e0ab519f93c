// Draws the curves. Where nobody looked there is a gap, not a line.

import uPlot from "../vendor/uplot.js";
import { duration, minute, number, say } from "./words.js";

const { gettext } = globalThis;

const GAP_INTERVALS = 2.5;
const HEIGHT = 180;
const RECENT_SECONDS = 16 * 60;
const HOST_COLOURS = ["--accent", "--good", "--reject", "--calm"];
// There is no half connection.
const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
const charts = new Map();

const colour = (name) => getComputedStyle(document.getElementById("pool")).getPropertyValue(name).trim();

/** The last minutes, from the samples of this host. */
export function drawRecent({ at, recent, interval_seconds: interval }) {
  const from = at - RECENT_SECONDS;
  const points = withGaps(recent, GAP_INTERVALS * interval);
  const column = (name) => points.map((point) => point[name] ?? null);
  const last = recent.at(-1);
  draw(
    "recent-use",
    [from, at],
    [column("at"), column("limit"), column("open"), column("in_use"), column("waiting")],
    [
      { label: gettext("limit"), stroke: "--soft", dash: [6, 4] },
      { label: gettext("open"), stroke: "--calm" },
      { label: gettext("in use"), stroke: "--accent", fill: "--accent-fill", width: 2 },
      { label: gettext("waiting"), stroke: "--problem", fill: "--problem-fill", width: 2 },
    ],
    number,
    last ? say(gettext("In use %(used)s of %(limit)s, waiting %(waiting)s; at most %(most)s in use in this time."), { used: last.in_use, limit: last.limit, waiting: last.waiting, most: Math.max(...recent.map((one) => one.in_use)) }) : "",
  );
  draw(
    "recent-waits",
    [from, at],
    [column("at"), column("wait_p50"), column("wait_p95"), column("wait_p99")],
    [
      { label: "p50", stroke: "--calm" },
      { label: "p95", stroke: "--accent", width: 2 },
      { label: "p99", stroke: "--reject", width: 2 },
    ],
    duration,
    last ? say(gettext("99 of 100 waited less than %(wait)s"), { wait: duration(last.wait_p99) }) : "",
  );
}

/** The last day, each host's own curve. */
export function drawDay({ at, hours, hosts }) {
  const tables = Object.values(hosts).map((columns) => [columns.at, columns.in_use, columns.waiting]);
  const series = Object.keys(hosts).flatMap((host, place) => [
    { label: say(gettext("%(host)s in use"), { host }), stroke: HOST_COLOURS[place % HOST_COLOURS.length], width: 1.5, fill: place ? null : "--accent-fill" },
    { label: say(gettext("%(host)s waiting"), { host }), stroke: "--problem", width: 1.5 },
  ]);
  const data = tables.length ? uPlot.join(tables, tables.map((table) => table.map(() => 2))) : [[]];
  draw("day", [at - 3600 * hours, at], data, series, number, Object.keys(hosts).join(", "));
}

/** A point without values where samples are too far apart. */
function withGaps(samples, longest) {
  const points = [];
  for (const sample of samples) {
    const before = points.at(-1);
    if (before && sample.at - before.at > longest) points.push({ at: (before.at + sample.at) / 2 });
    points.push(sample);
  }
  return points;
}

function draw(id, span, data, series, format, summary) {
  const holder = document.getElementById(id);
  holder.role = "img";
  const heading = holder.parentElement.querySelector("h2").textContent;
  holder.ariaLabel = summary ? `${heading}: ${summary}` : heading;
  const labels = series.map((one) => one.label).join();
  const known = charts.get(id);
  if (known?.labels === labels) {
    Object.assign(known, { span, data });
    known.plot.setData(data);
    showNewest(known.plot);
    return;
  }
  known?.plot.destroy();
  const chart = { labels, span, data, series, format };
  chart.plot = plot(holder, chart);
  charts.set(id, chart);
}

/** The legend tells the newest values until somebody points at others. */
function showNewest(plot) {
  const isPointedAt = plot.cursor.idx !== null && plot.cursor.idx !== undefined;
  if (!isPointedAt && plot.data[0].length) plot.setLegend({ idx: plot.data[0].length - 1 });
}

function plot(holder, chart) {
  const { data, series, format } = chart;
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  return new uPlot(
    {
      width: holder.clientWidth || 400,
      height: HEIGHT,
      cursor: { drag: { x: false, y: false }, points: { size: 6 } },
      legend: { live: true },
      hooks: { ready: [showNewest] },
      // The whole span, also where nobody looked: a gap at its beginning is one too.
      scales: { x: { range: () => chart.span }, y: { range: (_plot, _least, most) => [0, niceTop(most)] } },
      axes: [
        { ...axis, space: 80, values: (_plot, times) => times.map(minute) },
        { ...axis, size: 64, incrs: format === number ? WHOLE : undefined, values: (_plot, values) => values.map((value) => format(value)) },
      ],
      series: [
        { label: gettext("Time"), value: (_plot, at) => (at ? minute(at) : "–") },
        ...series.map((one) => ({
          ...one,
          stroke: colour(one.stroke),
          fill: one.fill ? colour(one.fill) : undefined,
          points: { show: false },
          value: (_plot, value) => (value === null || value === undefined ? "–" : format(value)),
        })),
      ],
    },
    data,
    holder,
  );
}

const niceTop = (most) => (most ? most * 1.08 : 1);

function redrawAll() {
  for (const [id, chart] of charts) {
    chart.plot.destroy();
    chart.plot = plot(document.getElementById(id), chart);
  }
}

// Colours are painted, not styled: another theme needs another painting.
new MutationObserver(redrawAll).observe(document.documentElement, { attributeFilter: ["class"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
new ResizeObserver(() => {
  for (const [id, { plot }] of charts) {
    const width = document.getElementById(id).clientWidth;
    if (width && width !== plot.width) plot.setSize({ width, height: HEIGHT });
  }
}).observe(document.getElementById("pool"));
