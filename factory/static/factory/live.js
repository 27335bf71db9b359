// One line to the plant per page: /ws, kept up while the tab is looked at.
//
// The page names its channels in <body data-channels>. What arrives becomes events on the document:
//   plant:reading  one row, already written into its [data-device][data-metric] cells
//   plant:alert, plant:status   news; the partials are asked to look again
//   plant:rollout  something of a rollout has changed
//   plant:batch    how far a batch is; its page decides when to look again
//   plant:line     {live: true|false}
// and, on the body, what htmx partials listen to: `look-again` when news has settled, `time-passed` for figures.

import { clock, duration, forgetCells, now, setServerTime, write } from "./values.js";

const SETTLE = 300, AT_LEAST_EVERY = 10_000, ASK_AFTER = 10_000, DEAD_AFTER = 25_000, HIDDEN_FOR = 10_000;
const LONGEST_WAIT = 30_000, AFTER_TOO_MANY = 60_000;
const ENDED = 4401, TOO_MANY = 4429;

const channels = (document.body.dataset.channels || "").split(/\s+/).filter(Boolean);
const indicator = document.querySelector("[data-line]");
const indicatorText = document.querySelector("[data-line-text]");
const strip = document.querySelector("[data-strip]");
const stripText = document.querySelector("[data-strip-text]");

let socket = null, heard = 0, downSince = null, attempt = 0, nextTry = 0;
let timer = null, settling = null, hiding = null, lookedAt = Date.now(), everLive = false;

const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

// Looking again

export function lookAgain() {
  if (settling !== null || document.hidden) return;
  settling = setTimeout(() => {
    settling = null;
    say("look-again");
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
  line.onopen = () => {
    line.send(JSON.stringify({ type: "subscribe", channels, batch: true }));
  };
  line.onmessage = (event) => {
    heard = Date.now();
    take(JSON.parse(event.data));
  };
  line.onclose = (event) => { if (socket === line) lost(event.code); };
}

function take(message) {
  setServerTime(Date.parse(message.timestamp));
  if (message.type === "sensor_batch") message.data.readings.forEach(takeReading);
  else if (message.type === "sensor_data") takeReading(message.data);
  else if (message.type === "alert") { tell("plant:alert", message.data); lookAgain(); }
  else if (message.type === "device_status") { tell("plant:status", message.data); lookAgain(); }
  else if (message.type === "batch_progress") tell("plant:batch", message.data);
  else if (message.type === "rollout_status") tell("plant:rollout", message.data);
  else if (message.type === "lagging") lookAgain();
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
}

async function lost(code) {
  socket = null;
  if (code === ENDED && await isSignedOut()) {
    location.assign(`${document.body.dataset.signIn}?next=${encodeURIComponent(location.pathname + location.search)}`);
    return;
  }
  if (hiding === "closed") return;
  downSince ??= now();
  const longest = Math.min(LONGEST_WAIT, 1000 * 2 ** attempt++);
  retryIn(code === TOO_MANY ? AFTER_TOO_MANY : longest / 2 + Math.random() * longest / 2);
  show();
  tell("plant:line", { live: false });
}

async function isSignedOut() {
  try {
    const answer = await fetch("/api/auth/me", { headers: { accept: "application/json" } });
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
  if (line) { line.onclose = null; line.close(); }
}

// What it looks like

function show() {
  const live = downSince === null && everLive;
  const down = downSince !== null && now() - downSince > 1500; // a blink is no news
  indicator.hidden = false;
  indicator.dataset.line = live ? "live" : "down";
  const age = (Date.now() - heard) / 1000;
  indicatorText.textContent = live ? `Live, ${age < 10 ? age.toFixed(1) : Math.round(age)} s ago` : down ? "Not live" : "Connecting";
  if (strip.hidden === down) strip.hidden = !down;
  document.documentElement.classList.toggle("stale", down);
  if (!down) return;
  const wait = Math.max(0, nextTry - Date.now());
  const words = `No live line to the plant since ${clock(downSince, true)}. What you see may be old.`;
  if (stripText.dataset.words !== words) { stripText.dataset.words = words; stripText.textContent = words; }
  indicatorText.textContent = wait ? `Not live, next try in ${duration(wait)}` : "Not live, trying";
}

setInterval(() => {
  if (document.hidden) return;
  const quiet = Date.now() - heard;
  if (socket && quiet > DEAD_AFTER) { hangUp(); lost(0); }
  else if (socket?.readyState === WebSocket.OPEN && quiet > ASK_AFTER) socket.send('{"type":"ping"}');
  if (Date.now() - lookedAt > AT_LEAST_EVERY) { // figures move without news
    if (socket && downSince === null) say("time-passed"); else lookAgain();
  }
  show();
}, 1000);

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    hiding = setTimeout(() => { hiding = "closed"; hangUp(); }, HIDDEN_FOR);
    return;
  }
  if (hiding !== "closed") clearTimeout(hiding);
  hiding = null;
  if (!socket) { attempt = 0; connect(); }
  lookAgain();
});
addEventListener("online", () => { if (!socket) connect(); });
addEventListener("pagehide", hangUp);
addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
document.querySelector("[data-try-now]").addEventListener("click", () => { hangUp(); attempt = 0; connect(); lookAgain(); });

// Partials

document.body.addEventListener("acted", lookAgain);
document.body.addEventListener("htmx:afterSettle", forgetCells);

// Never take a button away from under a finger, nor a form from under somebody who is filling it in.
const isFilledIn = (field) => field.type === "checkbox" ? field.checked !== field.defaultChecked
  : field.options ? [...field.options].some((option) => option.selected !== option.defaultSelected && option.index)
  : field.type !== "hidden" && field.value !== field.defaultValue;
const isInUse = (part) => part.matches(":active") || part.querySelector("details.fold[open]") !== null
  || [...part.querySelectorAll("input:not([data-pick], [data-pick-all]), textarea, select")].some((field) => field === document.activeElement || isFilledIn(field));
const isRenewal = (config) => config?.verb === "get" && /look-again|time-passed/.test(config.triggeringEvent?.type);

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

connect();
show();
