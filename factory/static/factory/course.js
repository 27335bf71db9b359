// The course of one metric: readings from the API, then the live ones; limits dashed, alert times shaded, gaps left open.
//
// #chart says in data-course what is drawn: the last `rangeMs` up to now, or all since `from`, and no further than `to`.

import { clock, format, now, number, numbers, zone } from "./values.js";
import { lookAgain } from "./live.js";

const POINTS = 600, REDRAW = 500, AGAIN_AFTER = 5000, LEISURE = 10_000;
const DAY = 86_400_000;
let chart = null, about = null, times = [], values = [], redraw = null;
let again = null, isFetching = false, isRenewing = false, isOutdated = false;

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const word = () => document.querySelector("[data-chart-word]");
const text = (value) => `${number(value, about.decimals)}${about.unit ? ` ${about.unit}` : ""}`;

async function mount() {
  const box = document.getElementById("chart");
  clear();
  if (!box) { about = null; return; }
  const wanted = about = JSON.parse(box.dataset.course);
  isFetching = true;
  try {
    const fetched = await readings();
    if (about !== wanted) return;
    take(fetched);
    isFetching = false;
    draw();
  } catch {
    if (about !== wanted) return;
    isFetching = false;
    failed();
  }
}

// What has arrived while the API was answering is kept.
function take([theirTimes, theirValues]) {
  const last = theirTimes.length ? theirTimes[theirTimes.length - 1] : -Infinity;
  const newer = times.findIndex((at) => at > last);
  times = newer < 0 ? theirTimes : [...theirTimes, ...times.slice(newer)];
  values = newer < 0 ? theirValues : [...theirValues, ...values.slice(newer)];
}

function clear() {
  clearTimeout(again);
  clearTimeout(redraw);
  again = redraw = null;
  chart?.destroy();
  chart = null;
  times = [];
  values = [];
}

// The whole course once more, under the one that is shown: fills the hole that a lost line has left, and thins out what
// live readings have added. An API that does not answer is asked again.
async function renewPoints() {
  clearTimeout(again);
  again = null;
  if (!about || about.to || isFetching || isRenewing) return;
  if (document.hidden) { isOutdated = true; return; }
  if (!chart) { mount(); return; }
  const wanted = about;
  isRenewing = true;
  try {
    const fetched = await readings();
    if (about !== wanted) return;
    take(fetched);
    drawNew();
  } catch {
    if (about === wanted) renewLater(AGAIN_AFTER * (1 + Math.random()));
  } finally {
    isRenewing = false;
  }
}

const renewLater = (ms) => { again ??= setTimeout(renewPoints, ms); };

// The plant's clock as this page has it lags by as long as the page was on its way; nor does every device's agree.
const AHEAD = 60_000;
const bounds = () => {
  const end = about.to ?? Math.max(now(), Math.min(times[times.length - 1] ?? 0, now() + AHEAD));
  return [about.from ?? end - about.rangeMs, end];
};
const length = () => { const [start, end] = bounds(); return end - start; };

async function readings() {
  const [start, end] = bounds().map(Math.round);
  const input = { deviceId: about.deviceId, startTime: start, endTime: end + (about.to ? 1 : AHEAD), maxPoints: POINTS };
  const answer = await fetch(`/api/trpc/readings.getForDevice?input=${encodeURIComponent(JSON.stringify(input))}`, { headers: { "X-Renewal": "1" } });
  if (!answer.ok) throw new Error(String(answer.status));
  const rows = (await answer.json()).result.data.filter((row) => typeof row.data[about.metric] === "number");
  return [rows.map((row) => row.timestamp), rows.map((row) => row.data[about.metric])];
}

function failed() {
  const place = word();
  if (!place) return;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = gettext("Try again");
  button.onclick = mount;
  place.replaceChildren(gettext("The course could not be fetched."), button);
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
  document.getElementById("coverage").textContent = times.length
    ? interpolate(gettext("coverage %(share)s %"), { share: Math.min(100, share * 100).toFixed(0) }, true) : "";
  return [xs, ys];
}

function summary() {
  const box = document.getElementById("chart");
  if (!values.length) return;
  const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
  box.setAttribute("aria-label", interpolate(gettext("%(what)s: lowest %(low)s, highest %(high)s, newest %(newest)s"),
    { what: about.label, low: text(low), high: text(high), newest: text(values[values.length - 1]) }, true));
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
  const day = format({ day: "numeric", month: "short" }, at);
  return `${day}, ${clock(at, true)}`;
}

function label(seconds) {
  if (length() <= DAY) return clock(seconds * 1000);
  return format({ day: "numeric", month: "short", ...(length() <= 2 * DAY && { hour: "2-digit" }) }, seconds * 1000);
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
  ctx.textBaseline = "alphabetic"; // what draws the axes leaves another, and the words would stand in their line
  for (const { name, value } of about.limits) {
    const y = Math.round(u.valToPos(value, "y", true));
    if (y < top || y > top + height) continue;
    ctx.setLineDash(name === "warning" ? [2 * px, 4 * px] : [7 * px, 4 * px]);
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    ctx.stroke();
    ctx.fillText(`${name === "warning" ? gettext("warning") : gettext("limit")} ${value.toLocaleString(numbers)}`, left + 6 * px, y - 5 * px);
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
    if (!times.length) place.textContent = gettext("No readings in this time. They appear here as they arrive.");
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
      { ...axis, size: 58, values: (_, splits) => splits.map((v) => v.toLocaleString(numbers, { maximumFractionDigits: 3 })) },
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
    if (!document.querySelector(`[data-known="${CSS.escape(metric)}"]`)) { lookAgain(); if (!about) begin(); }
  if (!about || about.to || reading.deviceId !== about.deviceId || typeof reading.data[about.metric] !== "number") return;
  const last = times[times.length - 1];
  // What a device has kept while it was away comes late, and of much at once only the newest is told of.
  if (reading.timestamp < last || reading.timestamp - last > longestJoin()) renewLater(LEISURE);
  if (reading.timestamp <= last) return;
  times.push(reading.timestamp);
  values.push(reading.data[about.metric]);
  const [oldest] = bounds();
  const gone = times.findIndex((at) => at >= oldest);
  if (gone > 0) { times.splice(0, gone); values.splice(0, gone); }
  if (times.length > 4 * POINTS) renewPoints(); // a long range would grow for as long as the page is open
  redraw ??= setTimeout(() => { redraw = null; drawNew(); }, REDRAW);
});

function drawNew() {
  if (!about || isFetching || !document.getElementById("chart")) return;
  if (!chart) { draw(); return; }
  chart.setData(series());
  summary();
  readout(chart);
}

// An alert that opens or closes changes the shading; a line that was down leaves a hole to fill.
document.addEventListener("plant:alert", ({ detail }) => {
  if (detail.deviceId !== about?.deviceId || detail.metric !== about.metric) return;
  if (document.hidden) isOutdated = true; else renew(location.href);
});
document.addEventListener("plant:line", ({ detail }) => {
  if (!detail.live) return;
  if (about) { if (detail.again) renewPoints(); } else if (document.getElementById("course")) begin(); // it may have said something before we listened
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden || !isOutdated) return;
  isOutdated = false;
  renew(location.href);
});
document.addEventListener("theme-changed", () => { if (chart) { chart.destroy(); chart = null; draw(); } });

// A device's first reading: the page knows no course yet, so that part of it comes anew, once.
let isBeginning = false, hasMore = false;
function begin() {
  hasMore = isBeginning; // what comes meanwhile may not be in the answer
  if (isBeginning) return;
  isBeginning = true;
  renew(location.href).finally(() => { isBeginning = false; if (hasMore && !about) begin(); });
}

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
