// Values, ages and scales on the page: written in place as readings arrive, the way templatetags/plant.py writes them.

let behind = 0; // how far the server's clock is ahead of this one, ms
let cells = null;
const newest = new Map(); // device -> metric -> [value, at]: of devices that the page shows or has shown

export const now = () => Date.now() + behind;
export const setServerTime = (ms) => { if (Number.isFinite(ms)) behind = ms - Date.now(); };
setServerTime(Number(document.documentElement.dataset.now || NaN));

export const zone = document.documentElement.dataset.zone || "UTC";
const spoken = document.documentElement.lang || "en";
export const numbers = spoken === "en" ? "en-US" : spoken; // how digits are grouped
export const days = spoken === "en" ? "en-GB" : spoken; // how days and times are written

// A formatter is dear to make, and the same few are wanted many times a second.
const formats = new Map();
export function format(options, ms) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(days, { timeZone: zone, ...options }));
  return formats.get(key).format(ms);
}
const TIME = { hour: "2-digit", minute: "2-digit" }, SECONDS = { ...TIME, second: "2-digit" };
export const clock = (ms, seconds = false) => format(seconds ? SECONDS : TIME, ms);
const exactly = (ms) => format({ dateStyle: "medium", timeStyle: "long" }, ms);

export function number(value, decimals) {
  if (Math.abs(value) >= 1e9) return value.toExponential(3);
  return value.toLocaleString(numbers, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

export function duration(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 172800) return `${Math.floor(s / 3600)} h`;
  const count = Math.floor(s / 86400);
  return interpolate(ngettext("%(count)s day", "%(count)s days", count), { count }, true);
}

function ago(ms) {
  const count = Math.floor(ms / 86_400_000);
  if (count >= 2) return interpolate(ngettext("%(count)s day ago", "%(count)s days ago", count), { count }, true);
  return interpolate(gettext("%(span)s ago"), { span: duration(ms) }, true);
}

function cellsOf(deviceId) {
  if (cells === null) {
    cells = new Map();
    for (const cell of document.querySelectorAll("[data-device]")) {
      const known = cells.get(cell.dataset.device);
      if (known) known.push(cell); else cells.set(cell.dataset.device, [cell]);
    }
  }
  return cells.get(String(deviceId)) || [];
}

// A part of the page has come anew: its cells are looked for when they are next needed, and what arrived while it
// was on its way here is written into it.
export function renewCells() {
  cells = null;
  for (const [device, metrics] of newest) {
    const there = cellsOf(device);
    if (!there.length) newest.delete(device);
    for (const cell of there) {
      const known = metrics.get(cell.dataset.metric || cell.dataset.age || cell.dataset.bar);
      if (known) put(cell, ...known);
    }
  }
}

// Without a line nothing newer comes; what the server writes is newer than all of it.
export const forgetValues = () => newest.clear();

export function write(reading) {
  const there = cellsOf(reading.deviceId);
  if (!there.length) return;
  let metrics = newest.get(reading.deviceId);
  if (!metrics) newest.set(reading.deviceId, metrics = new Map());
  for (const [metric, value] of Object.entries(reading.data)) {
    if (value !== null && !(metrics.get(metric)?.[1] > reading.timestamp)) metrics.set(metric, [value, reading.timestamp]);
  }
  for (const cell of there) {
    const value = reading.data[cell.dataset.metric || cell.dataset.age || cell.dataset.bar];
    if (value !== undefined && value !== null) put(cell, value, reading.timestamp);
  }
}

function put(cell, value, at) {
  if (cell.dataset.metric) writeValue(cell, value, at);
  else if (cell.dataset.age) writeAge(cell, at);
  else moveMark(cell, value, at);
}

function writeValue(cell, value, at) {
  if (Number(cell.dataset.at || 0) > at) return;
  cell.dataset.at = at;
  const text = number(value, Number(cell.dataset.decimals));
  if (cell.textContent === text) return;
  cell.textContent = text;
  cell.classList.remove("changed");
  requestAnimationFrame(() => cell.classList.add("changed"));
}

function writeAge(cell, at) {
  let time = cell.querySelector("time");
  if (!time) {
    time = document.createElement("time");
    time.dataset.when = "ago";
    cell.replaceChildren(time);
  }
  if (Date.parse(time.dateTime || 0) > at) return;
  time.dateTime = new Date(at).toISOString();
  time.title = exactly(at);
  tell(time);
}

function moveMark(scale, value, at) {
  if (Number(scale.dataset.at || 0) > at) return;
  scale.dataset.at = at;
  const low = Number(scale.dataset.low), high = Number(scale.dataset.high);
  let mark = scale.querySelector(".pointer");
  if (!mark) {
    mark = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    mark.setAttribute("class", "pointer");
    mark.setAttribute("width", "1.2");
    mark.setAttribute("height", "8");
    scale.append(mark);
  }
  mark.setAttribute("x", String(Math.min(98.8, Math.max(0, ((value - low) / (high - low)) * 100)).toFixed(2)));
}

function tell(time) {
  const span = Math.max(0, now() - Date.parse(time.dateTime));
  const text = time.dataset.when === "ago" ? ago(span) : duration(span);
  if (time.textContent !== text) time.textContent = text;
}

// Nobody looks at a tab in the background, so there the clock stands still.
let ticking = null;
function tick() {
  document.querySelectorAll('time[data-when="ago"], time[data-when="for"]').forEach(tell);
  const face = document.querySelector("[data-clock]");
  const text = clock(now());
  if (face && face.textContent !== text) face.textContent = text;
}
function wind() {
  clearInterval(ticking);
  ticking = document.hidden ? null : setInterval(tick, 1000);
  if (ticking) tick();
}
document.addEventListener("visibilitychange", wind);
wind();
