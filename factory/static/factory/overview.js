// The overview's own: tiles wear the state of their dots, sparklines grow, arrow keys walk the map.

import { now } from "./values.js";

const COURSE = 3_600_000, MOST = 240;
const courses = new Map();

function draw(svg) {
  const points = courses.get(svg);
  const { width, height } = svg.getBoundingClientRect();
  if (points.length < 2 || !width) return;
  let low = Infinity, high = -Infinity;
  for (const [, value] of points) { low = Math.min(low, value); high = Math.max(high, value); }
  const from = points[0][0], span = Math.max(1, points[points.length - 1][0] - from);
  const flat = Math.max(high - low, Math.abs(high) * 0.02, 1e-9), base = (low + high - flat) / 2;
  const line = svg.firstElementChild || svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "polyline"));
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  line.setAttribute("points", points.map(([at, value]) =>
    `${(((at - from) / span) * width).toFixed(1)},${(height - 3 - ((value - base) / flat) * (height - 6)).toFixed(1)}`).join(" "));
}

for (const svg of document.querySelectorAll("[data-spark]")) {
  courses.set(svg, svg.dataset.points.trim().split(/\s+/).filter(Boolean).map((point) => point.split(":").map(Number)));
  draw(svg);
}
addEventListener("resize", () => courses.forEach((_, svg) => draw(svg)));

document.addEventListener("plant:reading", ({ detail: reading }) => {
  for (const [svg, points] of courses) {
    const value = reading.data[svg.dataset.spark];
    if (svg.dataset.device !== String(reading.deviceId) || typeof value !== "number") continue;
    if (points.length && points[points.length - 1][0] >= reading.timestamp) continue;
    points.push([reading.timestamp, value]);
    while (points.length > MOST || points[0][0] < now() - COURSE) points.shift();
    draw(svg);
  }
});

function dress() {
  for (const tile of document.querySelectorAll("[data-tile]")) {
    const state = document.getElementById(`dot-${tile.dataset.tile}`)?.dataset.state;
    if (!state || state === tile.dataset.state) continue;
    tile.dataset.state = state;
    tile.querySelector(".mark").dataset.state = state;
  }
  for (const dots of document.querySelectorAll(".dots")) // one stop for the tab key per zone
    [...dots.children].forEach((dot, place) => { dot.tabIndex = place ? -1 : 0; });
}
dress();
document.body.addEventListener("htmx:afterSettle", (event) => { if (event.detail.target?.id === "zones") dress(); });

document.addEventListener("keydown", (event) => {
  const dot = event.target.closest?.(".dot");
  if (!dot) return;
  const all = [...dot.parentElement.children], place = all.indexOf(dot);
  const perRow = Math.max(1, all.filter((other) => other.offsetTop === all[0].offsetTop).length);
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: perRow, ArrowUp: -perRow }[event.key];
  const next = event.key === "Home" ? all[0] : event.key === "End" ? all[all.length - 1] : step && all[place + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
});

setInterval(() => { if (!document.hidden) document.body.dispatchEvent(new CustomEvent("minute-passed")); }, 60_000);

// The very first device: there is nothing to renew yet, so the whole page comes again. But not while somebody adds it here:
// the answer to their form shows its token, once.
const form = document.querySelector(".first form");
let adding = false;
form?.addEventListener("input", () => { adding = true; });
form?.addEventListener("submit", () => { adding = true; });
document.addEventListener("plant:status", () => { if (document.querySelector(".first") && !adding) location.reload(); });
