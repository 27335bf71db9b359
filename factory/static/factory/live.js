// One line to the plant per page: /ws, kept up while the tab is looked at. docs/live.md says what it promises.
//
// The page names its channels in <body data-channels>. What arrives becomes events on the document:
//   plant:reading  one row, already written into its [data-device][data-metric] cells
//   plant:alert, plant:status   news; the partials are asked to look again
//   plant:rollout  something of a rollout has changed
//   plant:batch    how far a batch is; its page decides when to look again
//   plant:line     {live: true, again}, {live: false}; `again`: there is a hole behind it to be filled
// and, on the body, what htmx partials listen to: `look-again` when news has settled, `time-passed` for figures.

import { strip as sayNotRenewed } from "./app.js";
import { clock, duration, forgetValues, now, numbers, renewCells, setServerTime, write } from "./values.js";
import "./times.js";

const SETTLE = 300, AT_LEAST_EVERY = 10_000, ASK_AFTER = 10_000, DEAD_AFTER = 25_000, HIDDEN_FOR = 10_000;
const LONGEST_WAIT = 30_000, AFTER_TOO_MANY = 60_000, AFTER_RESTART = 3000, PROOF_WITHIN = 3000, SLEPT = 5000;
const ENDED = 4401, TOO_MANY = 4429, RESTARTS = 1012;

const channels = (document.body.dataset.channels || "").split(/\s+/).filter(Boolean);
const indicator = document.querySelector("[data-line]");
const indicatorText = document.querySelector("[data-line-text]");
const strip = document.querySelector("[data-strip]");
const stripText = document.querySelector("[data-strip-text]");

let socket = null, heard = 0, downSince = null, attempt = 0, nextTry = 0;
let timer = null, settling = null, hiding = null, beating = null, lookedAt = Date.now(), everLive = false;
let proveBy = Infinity; // when the line must have given a sign of life

const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

// Looking again

export function lookAgain() {
  if (settling !== null || document.hidden) return;
  settling = setTimeout(() => {
    settling = null;
    if (!document.hidden) say("look-again"); // being shown asks anew
  }, SETTLE);
}

function say(name) {
  lookedAt = Date.now();
  document.body.dispatchEvent(new CustomEvent(name, { bubbles: true }));
}

// The line

function connect() {
  clearTimeout(timer);
  if (socket || document.hidden || !channels.length) return;
  const line = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
  socket = line;
  heard = Date.now();
  proveBy = Infinity;
  line.onopen = () => {
    line.send(JSON.stringify({ type: "subscribe", channels, batch: true }));
  };
  line.onmessage = (event) => {
    if (socket !== line) return; // given up already
    heard = Date.now();
    proveBy = Infinity;
    take(JSON.parse(event.data));
  };
  line.onclose = (event) => { if (socket === line) lost(event.code); };
}

function take(message) {
  const sent = Date.parse(message.timestamp);
  setServerTime(sent);
  if (downSince === null && hiding !== "closed") seen.at = sent;
  if (message.type === "sensor_batch") message.data.readings.forEach(takeReading);
  else if (message.type === "sensor_data") takeReading(message.data);
  else if (message.type === "alert") { seen.seq = Math.max(seen.seq, message.data.seq); tell("plant:alert", message.data); lookAgain(); }
  else if (message.type === "device_status") { tell("plant:status", message.data); lookAgain(); }
  else if (message.type === "batch_progress") tell("plant:batch", message.data);
  else if (message.type === "rollout_status") tell("plant:rollout", message.data);
  else if (message.type === "lagging") { tell("plant:line", { live: true, again: true }); lookAgain(); }
  else if (message.type === "subscription_confirm") up();
}

function takeReading(reading) {
  write(reading);
  tell("plant:reading", reading);
}

function up() {
  const again = everLive;
  everLive = true;
  downSince = null;
  attempt = 0;
  show();
  tell("plant:line", { live: true, again });
  lookAgain(); // what happened between the page's making and this moment
  if (again) sayMissed();
}

async function lost(code) {
  socket = null;
  proveBy = Infinity;
  forgetValues(); // what the server says from now on is newer
  if (code === ENDED && await isSignedOut()) {
    location.assign(`${document.body.dataset.signIn}?next=${encodeURIComponent(location.pathname + location.search)}`);
    return;
  }
  if (hiding === "closed" || socket) return;
  markMissed();
  downSince ??= now();
  // A restarting server is back soon, and all of its listeners were let go in the same moment: they come back spread.
  if (code === RESTARTS && !attempt) { attempt = 1; retryIn(500 + Math.random() * AFTER_RESTART); }
  else {
    const longest = Math.min(LONGEST_WAIT, 1000 * 2 ** attempt++);
    retryIn(code === TOO_MANY ? AFTER_TOO_MANY : longest / 2 + Math.random() * longest / 2);
  }
  show();
  tell("plant:line", { live: false });
}

async function isSignedOut() {
  try {
    const answer = await fetch("/api/auth/me", { headers: { accept: "application/json", "X-Renewal": "1" } });
    return answer.ok && (await answer.json()) === null;
  } catch {
    return false; // no answer is no sign of it
  }
}

function retryIn(ms) {
  clearTimeout(timer);
  nextTry = Date.now() + ms;
  timer = setTimeout(connect, ms);
}

function hangUp() {
  const line = socket;
  socket = null;
  proveBy = Infinity;
  clearTimeout(timer);
  if (line) { line.onclose = null; line.close(); }
}

// Something says that the line may be dead though nobody has closed it: it has to show soon that it is not.
function prove() {
  if (!socket) { if (!document.hidden) { attempt = 0; connect(); } return; }
  if (socket.readyState !== WebSocket.OPEN || proveBy < Infinity) return;
  proveBy = Date.now() + PROOF_WITHIN;
  socket.send('{"type":"ping"}');
}

// What came while there was no line. The parts of the page catch up by looking again, courses by asking the API; what
// a person would have seen come up is said in a sentence that stays until it is read, over all holes since the last one.

const seen = { at: 0, seq: 0 }; // the newest message (the server's clock), and the newest step of an alert
let hole = null;

const markMissed = () => { if (seen.at) hole ??= { ...seen }; };

async function sayMissed() {
  if (!hole) return;
  const asked = hole;
  try {
    const answer = await fetch(`/missed?since=${Math.floor(hole.at)}&seq=${hole.seq}`, { headers: { "HX-Request": "true", "X-Renewal": "1" } });
    if (!answer.ok || asked !== hole) return; // asked again after the next hole
    if (answer.status === 204) { hole = null; return; }
    missedBox().innerHTML = await answer.text();
    missedBox().hidden = false;
  } catch { /* the line is down again, and its being back asks anew */ }
}

function missedBox() {
  let box = document.getElementById("missed");
  if (!box) {
    box = document.createElement("div");
    box.id = "missed";
    box.className = "strip missed";
    box.setAttribute("role", "status");
    box.addEventListener("click", (event) => {
      if (!event.target.closest("[data-read]")) return;
      hole = null;
      box.remove();
      document.getElementById("main").focus({ preventScroll: true });
    });
    strip.after(box);
  }
  return box;
}

// What it looks like

function show() {
  const live = downSince === null && everLive && socket?.readyState === WebSocket.OPEN;
  const down = downSince !== null && now() - downSince > 1500; // a blink is no news
  indicator.hidden = false;
  indicator.dataset.line = live ? "live" : "down";
  indicator.title = seen.at ? interpolate(gettext("Last heard of the plant at %(time)s"), { time: clock(seen.at, true) }, true) : "";
  if (strip.hidden === down) strip.hidden = !down;
  document.documentElement.classList.toggle("stale", down);
  if (!down) {
    indicatorText.textContent = live ? interpolate(gettext("Live, %(span)s ago"), { span: quiet() }, true) : gettext("Connecting");
    return;
  }
  const words = interpolate(gettext("No live line to the plant since %(time)s. What you see may be old."), { time: clock(downSince, true) }, true);
  if (stripText.dataset.words !== words) { stripText.dataset.words = words; stripText.textContent = words; }
  const wait = Math.max(0, nextTry - Date.now());
  indicatorText.textContent = wait ? interpolate(gettext("Not live, next try in %(span)s"), { span: duration(wait) }, true) : gettext("Not live, trying");
}

function quiet() {
  const age = (Date.now() - heard) / 1000;
  return age < 10 ? `${age.toLocaleString(numbers, { minimumFractionDigits: 1, maximumFractionDigits: 1 })} s` : duration(age * 1000);
}

let beat = Date.now();
function tick() {
  const slept = Date.now() - beat > SLEPT; // a laptop that was closed, a frozen tab: the line may be long gone
  beat = Date.now();
  if (slept) prove();
  const silent = Date.now() - heard;
  if (socket && (silent > DEAD_AFTER || Date.now() > proveBy)) { hangUp(); lost(0); }
  else if (socket?.readyState === WebSocket.OPEN && silent > ASK_AFTER) socket.send('{"type":"ping"}');
  if (Date.now() - lookedAt > AT_LEAST_EVERY) { // figures move without news
    if (socket && downSince === null && !isAnyOld()) say("time-passed"); else lookAgain();
  }
  show();
}

// A tab in the background costs nothing: its clocks stand still at once, and after a while it has no line either.
function wind() {
  clearInterval(beating);
  beating = document.hidden ? null : setInterval(tick, 1000);
  beat = Date.now();
}

document.addEventListener("visibilitychange", () => {
  wind();
  if (document.hidden) {
    hiding = setTimeout(leave, HIDDEN_FOR);
    return;
  }
  if (hiding !== "closed") clearTimeout(hiding);
  hiding = null;
  if (Date.now() - heard > HIDDEN_FOR && socket) prove();
  if (!socket) { attempt = 0; connect(); }
  show();
  lookAgain();
});

function leave() {
  hiding = "closed";
  markMissed();
  forgetValues();
  hangUp();
}

addEventListener("online", prove);
addEventListener("offline", prove); // of this machine's networks; the plant may be on this very machine
document.addEventListener("resume", prove);
addEventListener("pagehide", () => { markMissed(); hangUp(); });
addEventListener("pageshow", (event) => { if (event.persisted) { wind(); connect(); lookAgain(); } });
document.querySelector("[data-try-now]").addEventListener("click", () => { hangUp(); attempt = 0; connect(); lookAgain(); });

// Partials

document.body.addEventListener("acted", lookAgain);
document.body.addEventListener("htmx:afterSwap", renewCells);
document.body.addEventListener("htmx:afterSettle", renewCells);

// Never take a button away from under a finger, nor a form from under somebody who is filling it in.
const isFilledIn = (field) => field.type === "checkbox" ? field.checked !== field.defaultChecked
  : field.options ? [...field.options].some((option) => option.selected !== option.defaultSelected && option.index)
  : field.type !== "hidden" && field.value !== field.defaultValue;
const isInUse = (part) => part.matches(":active") || part.querySelector("details.fold[open]") !== null
  || [...part.querySelectorAll("input:not([data-pick], [data-pick-all]), textarea, select")].some((field) => field === document.activeElement || isFilledIn(field));
const isRenewal = (config) => config?.verb === "get" && (!config.triggeringEvent || /look-again|time-passed/.test(config.triggeringEvent.type));

// What a page asks by itself is no use of the session by anybody: renewals, and what comes every minute or with a reading.
const isByItself = (config) => isRenewal(config) || /minute-passed|plant:reading/.test(config.triggeringEvent?.type);

document.body.addEventListener("htmx:configRequest", ({ detail }) => {
  if (isByItself(detail)) detail.headers["X-Renewal"] = "1";
});
document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && isRenewal(event.detail.requestConfig)) event.preventDefault(); // also what htmx asks by its own clock
});
document.body.addEventListener("htmx:beforeSwap", (event) => {
  const { target, requestConfig, xhr } = event.detail;
  if (isRenewal(requestConfig) && isInUse(target)) {
    event.detail.shouldSwap = false;
    lookAgain();
  }
  if (xhr.status === 401) event.detail.shouldSwap = false;
});
document.body.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target } = event.detail;
  if (target.id !== "toasts" && isInUse(target)) event.detail.shouldSwap = false;
});

// A part that could not be renewed though the line is up keeps its old content, and says of when that is.
const old = new Map(); // id of the part -> since when, ms
const renewedAt = new Map();
const madeAt = now();
function isAnyOld() {
  for (const id of old.keys()) if (!document.getElementById(id)) old.delete(id);
  return old.size > 0;
}

document.body.addEventListener("htmx:afterRequest", ({ detail: { elt, requestConfig, successful } }) => {
  if (!isRenewal(requestConfig) || !elt.id) return;
  if (successful) {
    renewedAt.set(elt.id, now());
    if (old.delete(elt.id)) document.getElementById(elt.id)?.querySelector(":scope > .failed")?.remove();
    return;
  }
  if (downSince !== null) return; // the strip says it for all of them
  const since = renewedAt.get(elt.id) ?? madeAt;
  old.set(elt.id, since);
  const part = document.getElementById(elt.id);
  if (part) sayNotRenewed(part, interpolate(gettext("As of %(time)s: it could not be renewed. It is tried again."), { time: clock(since, true) }, true));
});

wind();
connect();
show();
