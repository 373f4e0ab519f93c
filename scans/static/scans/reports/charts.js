// Draws the report's charts. All that they say stands in tables beside them, too.

import uPlot from "../../vendor/uplot.js";
import { groups, stacked, ticks, top, topOfNamed } from "./marks.js";

const { gettext } = globalThis;

const LANGUAGE = document.documentElement.lang === "ro" ? "ro" : "en-GB";
const plain = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 0 });
const scale = new Intl.NumberFormat(LANGUAGE, { style: "percent", maximumFractionDigits: 1 });
// As the tables have it.
const share = new Intl.NumberFormat(LANGUAGE, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const FONT = "12px system-ui, sans-serif";
// As much as an A4 page has beside its margins.
const PAPER_PX = 690;
// There is no half scan.
const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000];
const MARK_PX = 7;
const BAR_SHARE = 0.72;
const MOST_BAR_PX = 64;

const drawn = new Map();

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const number = (value) => plain.format(value);
const percent = (value) => share.format(value);
const roundPercent = (value) => scale.format(value);
const bars = (size) => uPlot.paths.bars({ size: [size, MOST_BAR_PX], gap: 1 });

// ----- What each chart shows

const CHARTS = {
  pareto: (data) => ({
    columns: [data.counts, data.cumulative],
    labels: data.labels.map((label, at) => `${label} ${data.names[at]}`.trim()),
    short: data.labels,
    links: data.links,
    room: 44,
    heading: gettext("Defect"),
    format: number,
    whole: true,
    ...topOfNamed(data.counts, data.has_others),
    right: roundPercent,
    series: [
      { label: gettext("Count"), fill: "--reject", stroke: "--reject", width: 0, paths: bars(BAR_SHARE), format: number },
      { label: gettext("Cumulative"), stroke: "--accent", width: 2, scale: "right", points: 6, format: percent },
    ],
  }),

  p_chart: (data) => ({
    columns: [data.shares, data.upper, data.lower, data.centres],
    labels: data.labels,
    short: data.labels.map((label) => label.replace(" · ", "\n")),
    links: data.links,
    room: 84,
    heading: data.heading,
    format: roundPercent,
    top: top(data.upper, data.shares),
    shaded: data.chosen.every(Boolean) ? [] : groups(data.chosen),
    marked: data.out.map((isOut, at) => isOut && (data.shares[at] > data.upper[at] ? "up" : "down")),
    at: data.shares,
    series: [
      { label: gettext("Share"), stroke: "--accent", width: 2, points: 5, format: percent },
      { label: gettext("upper limit"), stroke: "--soft", width: 1.5, dash: [5, 4], paths: uPlot.paths.stepped({ align: 0 }), format: percent },
      { label: gettext("lower limit"), stroke: "--soft", width: 1.5, dash: [5, 4], paths: uPlot.paths.stepped({ align: 0 }), format: percent },
      { label: gettext("mean"), stroke: "--calm", width: 1, format: percent },
    ],
  }),

  hours: (data) => ({
    columns: [stacked(data.approved, data.rejected), data.approved],
    labels: data.labels,
    short: data.labels,
    room: 56,
    heading: gettext("Hour"),
    format: number,
    whole: true,
    top: top(stacked(data.approved, data.rejected)),
    series: [
      // The sum is drawn, and its upper part, which stays in sight, is told.
      { label: gettext("Rejected"), fill: "--reject", stroke: "--reject", width: 0, paths: bars(0.8), format: number, told: data.rejected },
      { label: gettext("Approved"), fill: "--good", stroke: "--good", width: 0, paths: bars(0.8), format: number },
    ],
  }),
};

// ----- Drawing

/** Below it stands the legend, on a narrow screen in two lines. */
const plotHeight = (holder) => holder.clientHeight - (matchMedia("(max-width: 1000px)").matches ? 60 : 34);

/** Draws into each element that has `data-chart`, as the JSON of that name says. */
export function drawAll(data) {
  for (const holder of document.querySelectorAll("[data-chart]")) {
    const chart = CHARTS[holder.dataset.chart](data[holder.dataset.chart]);
    drawn.set(holder, { chart, plot: plot(holder, chart, holder.clientWidth) });
    holder.removeAttribute("aria-busy");
    holder.role = "img";
    const heading = document.getElementById(holder.closest("section").getAttribute("aria-labelledby"));
    const where = gettext("All of it stands in the table beside.");
    holder.ariaLabel = `${heading.textContent.trim()}. ${where}`;
  }
}

function plot(holder, chart, width) {
  const count = chart.labels.length;
  const newest = chart.at ? count - 1 : 0;
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false }, font: FONT };
  const made = new uPlot(
    {
      width,
      height: plotHeight(holder),
      // Half of the last label stands beyond the last mark.
      padding: [12, chart.right ? 0 : Math.ceil(chart.room * 0.4), 0, 0],
      cursor: { drag: { x: false, y: false }, points: { show: false }, y: false },
      scales: {
        x: { time: false, range: () => [-0.6, count - 0.4] },
        y: { range: () => [0, chart.top] },
        right: { range: () => [0, 1.05] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: chart.short.some((label) => label.includes("\n")) ? 46 : 30,
          splits: (self) => ticks(count, self.bbox.width / devicePixelRatio, chart.room),
          values: (_self, places) => places.map((at) => chart.short[at] ?? ""),
        },
        { ...axis, size: 58, incrs: chart.whole ? WHOLE : undefined, values: (_self, values) => values.map(chart.format) },
        ...(chart.right ? [{ ...axis, side: 1, scale: "right", size: 58, grid: { show: false }, values: (_self, values) => values.map((value) => (value > 1 ? "" : chart.right(value))) }] : []),
      ],
      series: [
        { label: chart.heading, value: (_self, _value, _series, at) => chart.labels[at ?? newest] ?? "–" },
        ...chart.series.map(({ format, told, points, ...one }, place) => ({
          ...one,
          stroke: colour(one.stroke),
          fill: one.fill ? colour(one.fill) : undefined,
          points: { show: Boolean(points), size: points, fill: colour(one.stroke) },
          value: (_self, _value, _series, at) => format((told ?? chart.columns[place])[at ?? newest] ?? 0),
        })),
      ],
      hooks: { drawClear: [(self) => shade(self, chart)], drawSeries: [(self, place) => place === 1 && clear(self, chart)], draw: [(self) => mark(self, chart), (self) => cut(self, chart)] },
    },
    [chart.labels.map((_label, at) => at), ...chart.columns],
    holder,
  );
  if (chart.links) lead(made, chart.links);
  return made;
}

/** The days that are chosen, behind the marks. */
function shade({ ctx, bbox, valToPos }, { shaded = [] }) {
  ctx.fillStyle = colour("--accent-soft");
  for (const [first, last] of shaded) {
    const [from, to] = [valToPos(first - 0.5, "x", true), valToPos(last + 0.5, "x", true)];
    ctx.fillRect(from, bbox.top, to - from, bbox.height);
  }
}

/** The line over the bars has room of its own: the colours of both are as dark as each other. */
function clear({ ctx, valToPos }, { right, columns }) {
  if (!right) return;
  ctx.save();
  ctx.strokeStyle = colour("--surface");
  ctx.lineWidth = 7 * devicePixelRatio;
  ctx.lineJoin = "round";
  ctx.beginPath();
  columns[1].forEach((value, at) => ctx.lineTo(valToPos(at, "x", true), valToPos(value, "right", true)));
  ctx.stroke();
  ctx.restore();
}

/** What is out of its limits has another colour, another shape, and its name. */
function mark({ ctx, valToPos, bbox }, { marked, at, labels }) {
  if (!marked) return;
  const size = MARK_PX * devicePixelRatio;
  ctx.save();
  ctx.fillStyle = colour("--problem");
  ctx.strokeStyle = colour("--surface");
  ctx.lineWidth = 2 * devicePixelRatio;
  ctx.font = `600 ${12 * devicePixelRatio}px system-ui, sans-serif`;
  marked.forEach((way, place) => {
    if (!way) return;
    const [x, y] = [valToPos(place, "x", true), valToPos(at[place], "y", true)];
    const tip = way === "up" ? -1 : 1;
    ctx.beginPath();
    ctx.moveTo(x, y + tip * size * 1.2);
    ctx.lineTo(x + size, y - tip * size * 0.8);
    ctx.lineTo(x - size, y - tip * size * 0.8);
    ctx.closePath();
    ctx.stroke();
    ctx.fill();
    // On the side where there is room.
    const isRight = x > bbox.left + bbox.width * 0.8;
    ctx.textAlign = isRight ? "right" : "left";
    ctx.textBaseline = "middle";
    ctx.fillText(labels[place], x + (isRight ? -1.6 : 1.6) * size, y);
  });
  ctx.restore();
}

/** A bar that goes on above the scale is broken there, and says how high it is. */
function cut({ ctx, valToPos, bbox }, { isCut, columns, format }) {
  if (!isCut) return;
  const [counts] = columns;
  const [last, px] = [counts.length - 1, devicePixelRatio];
  const middle = valToPos(last, "x", true);
  const reach = Math.min(((valToPos(last, "x", true) - valToPos(last - 1, "x", true)) * BAR_SHARE) / 2, (MOST_BAR_PX / 2) * px) + 3 * px;
  ctx.save();
  ctx.lineWidth = 4 * px;
  ctx.strokeStyle = colour("--surface");
  for (const y of [20, 28]) {
    ctx.beginPath();
    ctx.moveTo(middle - reach, bbox.top + (y + 4) * px);
    ctx.lineTo(middle + reach, bbox.top + (y - 4) * px);
    ctx.stroke();
  }
  ctx.font = `600 ${13 * px}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  const text = format(counts[last]);
  const half = ctx.measureText(text).width / 2 + 3 * px;
  // The line passes behind the number.
  ctx.fillStyle = colour("--reject");
  ctx.fillRect(middle - half, bbox.top + 40 * px, 2 * half, 20 * px);
  ctx.fillStyle = colour("--surface");
  ctx.fillText(text, middle, bbox.top + 50 * px);
  ctx.restore();
}

/** A click leads to the scans that a mark counts. */
function lead(made, links) {
  const address = () => links[made.cursor.idx] || "";
  made.over.addEventListener("mousemove", () => made.over.classList.toggle("leads", Boolean(address())));
  made.over.addEventListener("click", () => {
    if (address()) location.assign(address());
  });
}

// ----- Other sizes, other colours, paper

function redraw(widthOf) {
  for (const [holder, known] of drawn) {
    known.plot.destroy();
    known.plot = plot(holder, known.chart, widthOf(holder));
  }
}

new ResizeObserver(() => {
  for (const [holder, { plot: one }] of drawn) {
    const width = holder.clientWidth;
    if (width && width !== one.width) one.setSize({ width, height: plotHeight(holder) });
  }
}).observe(document.querySelector("main"));
// Colours are painted, not styled: another scheme needs another painting.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw((holder) => holder.clientWidth));

const { dataset } = document.documentElement;
addEventListener("beforeprint", () => {
  dataset.scheme = "light"; // Paper is white, before it counts as paper.
  redraw(() => PAPER_PX);
});
addEventListener("afterprint", () => {
  dataset.scheme = "system";
  redraw((holder) => holder.clientWidth);
});
