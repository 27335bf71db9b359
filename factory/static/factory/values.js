// Values, ages and scales on the page: written in place as readings arrive, the way templatetags/plant.py writes them.

let behind = 0; // how far the server's clock is ahead of this one, ms
let cells = null;

export const now = () => Date.now() + behind;
export const setServerTime = (ms) => { if (Number.isFinite(ms)) behind = ms - Date.now(); };
setServerTime(Number(document.documentElement.dataset.now || NaN));

export const zone = document.documentElement.dataset.zone || "UTC";
export const clock = (ms, seconds = false) => new Intl.DateTimeFormat("en-GB", {
  timeZone: zone, hour: "2-digit", minute: "2-digit", ...(seconds && { second: "2-digit" }),
}).format(ms);

export function number(value, decimals) {
  if (Math.abs(value) >= 1e9) return value.toExponential(3);
  return value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

export function duration(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  return s < 172800 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86400)} days`;
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

// The page has changed: look for the cells anew when they are next needed.
export const forgetCells = () => { cells = null; };

export function write(reading) {
  for (const cell of cellsOf(reading.deviceId)) {
    const { metric, age, bar } = cell.dataset;
    const value = reading.data[metric || age || bar];
    if (value === undefined || value === null) continue;
    if (metric) writeValue(cell, value, reading.timestamp);
    else if (age) writeAge(cell, reading.timestamp);
    else moveMark(cell, value);
  }
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
  time.title = `${new Intl.DateTimeFormat("en-GB", { timeZone: zone, dateStyle: "medium", timeStyle: "long" }).format(at)}`;
  tell(time);
}

function moveMark(scale, value) {
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
  const text = duration(now() - Date.parse(time.dateTime)) + (time.dataset.when === "ago" ? " ago" : "");
  if (time.textContent !== text) time.textContent = text;
}

function tick() {
  if (document.hidden) return;
  document.querySelectorAll('time[data-when="ago"], time[data-when="for"]').forEach(tell);
  const face = document.querySelector("[data-clock]");
  const text = clock(now());
  if (face && face.textContent !== text) face.textContent = text;
}
setInterval(tick, 1000);
document.addEventListener("visibilitychange", tick);
