// The course of one metric: readings from the API, then the live ones; limits dashed, alert times shaded, gaps left open.
//
// #chart says in data-course what is drawn: the last `rangeMs` up to now, or all since `from`, and no further than `to`.

import { clock, now, number, zone } from "./values.js";
import { lookAgain } from "./live.js";

const POINTS = 600, REDRAW = 500;
const DAY = 86_400_000;
let chart = null, about = null, times = [], values = [], redraw = null;

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const word = () => document.querySelector("[data-chart-word]");
const text = (value) => `${number(value, about.decimals)}${about.unit ? ` ${about.unit}` : ""}`;

async function mount() {
  const box = document.getElementById("chart");
  chart?.destroy();
  chart = null;
  if (!box) { about = null; return; }
  const wanted = about = JSON.parse(box.dataset.course);
  try {
    const fetched = await readings();
    if (about !== wanted) return;
    [times, values] = fetched;
  } catch {
    if (about === wanted) failed();
    return;
  }
  draw();
}

const bounds = () => {
  const end = about.to ?? now();
  return [about.from ?? end - about.rangeMs, end];
};
const length = () => { const [start, end] = bounds(); return end - start; };

async function readings() {
  const [start, end] = bounds().map(Math.round);
  const input = { deviceId: about.deviceId, startTime: start, endTime: end + 1, maxPoints: POINTS };
  const answer = await fetch(`/api/trpc/readings.getForDevice?input=${encodeURIComponent(JSON.stringify(input))}`);
  if (!answer.ok) throw new Error(String(answer.status));
  const rows = (await answer.json()).result.data.filter((row) => typeof row.data[about.metric] === "number");
  return [rows.map((row) => row.timestamp), rows.map((row) => row.data[about.metric])];
}

function failed() {
  const place = word();
  if (!place) return;
  const again = document.createElement("button");
  again.type = "button";
  again.textContent = "Try again";
  again.onclick = mount;
  place.replaceChildren("The course could not be fetched.", again);
  place.hidden = false;
}

// Further apart than the metric's maximum gap nobody knows what lay between; points of a thinned course are apart anyway.
function longestJoin() {
  const thinned = times.length > POINTS / 3 ? 2.5 * length() * 2 * about.metrics / POINTS : 0;
  return Math.max(about.maxGapMs, length() > DAY / 2 ? thinned : 0);
}

function series() {
  const xs = [], ys = [], join = longestJoin();
  let covered = 0;
  times.forEach((at, i) => {
    if (i) {
      const step = at - times[i - 1];
      if (step > join) { xs.push((times[i - 1] + at) / 2000); ys.push(null); } else covered += step;
    }
    xs.push(at / 1000);
    ys.push(values[i]);
  });
  const share = times.length > 1 ? covered / length() : 0;
  document.getElementById("coverage").textContent = times.length ? `coverage ${Math.min(100, share * 100).toFixed(0)} %` : "";
  return [xs, ys];
}

function summary() {
  const box = document.getElementById("chart");
  if (!values.length) return;
  const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
  box.setAttribute("aria-label", `${about.label}: lowest ${text(low)}, highest ${text(high)}, newest ${text(values[values.length - 1])}`);
}

function heights() {
  let low = Infinity, high = -Infinity;
  for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
  if (low > high) return [0, 1];
  const room = 8 * Math.max(high - low, Math.abs(high) * 0.05, 1e-6);
  for (const { value } of about.limits) // a limit far away would flatten the course
    if (Math.max(high, value) - Math.min(low, value) <= room) { low = Math.min(low, value); high = Math.max(high, value); }
  const margin = (high - low || Math.abs(high) || 1) * 0.08;
  return [low - margin, high + margin];
}

// Over more than a day a time alone does not say when.
function moment(at) {
  if (length() <= DAY) return clock(at, true);
  const day = new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "numeric", month: "short" }).format(at);
  return `${day}, ${clock(at, true)}`;
}

function label(seconds) {
  if (length() <= DAY) return clock(seconds * 1000);
  return new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "numeric", month: "short", ...(length() <= 2 * DAY && { hour: "2-digit" }) }).format(seconds * 1000);
}

function shade(u) {
  const { left, top, width, height } = u.bbox;
  for (const { from, to, severity } of about.alerts) {
    const x = Math.max(left, u.valToPos(from / 1000, "x", true));
    const end = Math.min(left + width, u.valToPos((to ?? now()) / 1000, "x", true));
    if (end <= left || x >= left + width) continue;
    u.ctx.fillStyle = style(severity === "critical" ? "--critical-bg" : severity === "warning" ? "--warning-bg" : "--info-bg");
    u.ctx.fillRect(x, top, Math.max(2, end - x), height);
  }
}

function limits(u) {
  const { ctx, bbox: { left, top, width, height } } = u, px = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = style("--ink-3");
  ctx.lineWidth = px;
  ctx.font = `${11.5 * px}px Inter, sans-serif`;
  ctx.textAlign = "left";
  for (const { name, value } of about.limits) {
    const y = Math.round(u.valToPos(value, "y", true));
    if (y < top || y > top + height) continue;
    ctx.setLineDash(name === "warning" ? [2 * px, 4 * px] : [7 * px, 4 * px]);
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    ctx.stroke();
    ctx.fillText(`${name} ${value.toLocaleString("en-US")}`, left + 6 * px, y - 5 * px);
  }
  ctx.restore();
}

function readout(u) {
  const i = u.cursor.idx, place = document.getElementById("readout");
  const at = i == null || u.data[1][i] == null ? null : i;
  if (at !== null) place.textContent = `${moment(u.data[0][at] * 1000)}: ${text(u.data[1][at])}`;
  else if (times.length) place.textContent = `${moment(times[times.length - 1])}: ${text(values[values.length - 1])}`;
}

function draw() {
  const box = document.getElementById("chart"), place = word();
  if (place) {
    place.hidden = times.length > 0;
    if (!times.length) place.textContent = "No readings in this time. They appear here as they arrive.";
  }
  if (!times.length) return;
  const axis = { stroke: style("--ink-2"), font: "12px Inter, sans-serif", grid: { stroke: style("--line"), width: 1 }, ticks: { show: false } };
  chart = new uPlot({
    width: box.clientWidth, height: box.clientHeight,
    legend: { show: false },
    cursor: { y: false, points: { size: 8 }, drag: { x: false, y: false } },
    scales: { x: { time: true, range: () => bounds().map((at) => at / 1000) }, y: { range: heights } },
    axes: [
      { ...axis, space: 70, size: 30, values: (_, splits) => splits.map(label) },
      { ...axis, size: 58, values: (_, splits) => splits.map((v) => v.toLocaleString("en-US", { maximumFractionDigits: 3 })) },
    ],
    series: [{}, { stroke: style("--act"), width: 1.8, points: { show: times.length < 40, size: 4, fill: style("--act") } }],
    hooks: { drawClear: [shade], draw: [limits], setCursor: [readout] },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
  }, series(), box);
  summary();
  readout(chart);
}

document.addEventListener("plant:reading", ({ detail: reading }) => {
  if (document.getElementById("values")) for (const metric of Object.keys(reading.data))
    if (!document.querySelector(`[data-known="${CSS.escape(metric)}"]`)) { lookAgain(); if (!about) location.reload(); }
  if (!about || about.to || reading.deviceId !== about.deviceId || typeof reading.data[about.metric] !== "number") return;
  if (times.length && reading.timestamp <= times[times.length - 1]) return;
  times.push(reading.timestamp);
  values.push(reading.data[about.metric]);
  const [oldest] = bounds();
  while (times[0] < oldest) { times.shift(); values.shift(); }
  redraw ??= setTimeout(() => {
    redraw = null;
    if (!about) return;
    if (!chart) draw();
    else { chart.setData(series()); summary(); readout(chart); }
  }, REDRAW);
});

// An alert that opens or closes changes the shading; a line that was down leaves a hole to fill.
document.addEventListener("plant:alert", ({ detail }) => { if (detail.deviceId === about?.deviceId && detail.metric === about.metric) renew(location.href); });
document.addEventListener("plant:line", ({ detail }) => { if (detail.live && detail.again) mount(); });
document.addEventListener("theme-changed", () => { if (chart) { chart.destroy(); draw(); } });

const renew = (url) => htmx.ajax("GET", url, { target: "#course", select: "#course", swap: "outerHTML" });
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-course-link]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.replaceState(null, "", link.href);
  renew(link.href);
});
document.body.addEventListener("htmx:afterSettle", (event) => { if (event.detail.target?.id === "course" || event.detail.elt?.id === "course") mount(); });

new ResizeObserver(() => {
  const box = document.getElementById("chart");
  if (chart && box) chart.setSize({ width: box.clientWidth, height: box.clientHeight });
}).observe(document.getElementById("main"));
document.fonts?.ready.then(() => chart?.redraw());
mount();
