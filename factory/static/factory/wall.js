// The wallboard: screens take turns; each is asked for anew before it is shown and while it is. It holds no socket, since
// a link has none. When nothing answers, the last picture stays under a plain strip, and it asks again, more and more
// seldom up to twice a minute. When the server is another version, the page loads itself anew once that can be had. A
// service worker keeps a page that waits (templates/analytics/wall_worker.js), for a screen that is switched on meanwhile.

import { clock, now, setServerTime } from "./values.js";

const RENEW = 15_000, SOON = 1_000, LONGEST_WAIT = 30_000, PATIENCE = 20_000, STRIP_AFTER = 2_000;

const screens = [...document.querySelectorAll("[data-screen]")];
const strip = document.querySelector("[data-strip]");
const place = document.querySelector("[data-place]"), count = document.querySelector("[data-count]");
const pause = document.querySelector("[data-pause]"), full = document.querySelector("[data-full]");
const dwell = document.querySelector("[data-dwell]");
const edition = document.body.dataset.edition;

let shown = Math.max(0, screens.findIndex((screen) => !screen.hidden));
let paused = false, turnAt = Date.now(), askAt = 0, failures = 0, downSince = null, asking = false, leaving = false;
const renewed = new Map([[screens[shown], now()]]); // when each was last told, on the plant's clock

// Asking

async function ask(screen) {
  if (asking || leaving) return;
  asking = true;
  const patience = new AbortController(), timer = setTimeout(() => patience.abort(), PATIENCE);
  try {
    const answer = await fetch(screen.dataset.url, { headers: { "HX-Request": "true", "X-Renewal": "1" }, signal: patience.signal, cache: "no-store" });
    await take(screen, answer);
  } catch {
    failed(); // no network, no server, or one that is on its way down
  } finally {
    clearTimeout(timer);
    asking = false;
  }
}

async function take(screen, answer) {
  if (answer.status === 401) return leave(answer.headers.get("HX-Redirect") || location.href); // signed out
  const isOver = (answer.status === 404 || answer.status === 410) && answer.headers.has("X-Wall-Edition");
  if (isOver) return leave(location.href); // the page itself says why
  if (answer.status === 429) return failed(1000 * Number(answer.headers.get("Retry-After") || 60));
  if (!answer.ok) return failed();
  const html = await answer.text();
  setServerTime(Date.parse(answer.headers.get("Date") || ""));
  screen.innerHTML = html;
  renewed.set(screen, now());
  failures = 0;
  downSince = null;
  askAt = Date.now() + (screens.every((one) => renewed.has(one)) ? RENEW : SOON);
  show();
  if (answer.headers.get("X-Wall-Edition") !== edition) await loadAnew();
}

function failed(wait = 0) {
  downSince ??= Math.max(...renewed.values());
  const longest = Math.min(LONGEST_WAIT, 1000 * 2 ** failures++);
  askAt = Date.now() + Math.max(wait, longest / 2 + Math.random() * longest / 2);
  show();
}

// Only when the page can be had: a browser's own error page would be the end of it.
async function loadAnew() {
  const answer = await fetch(location.href, { cache: "no-store", headers: { "X-Renewal": "1" } });
  if (answer.ok) leave(location.href);
}

function leave(address) {
  leaving = true;
  for (const screen of screens) screen.replaceChildren(); // whatever comes: no old values
  if (address === location.href) location.reload(); else location.assign(address);
}

// Taking turns

const hasNothing = (screen) => screen.querySelector("[data-nothing]") !== null;

function turn(step, byItself = false) {
  let next = shown;
  do next = (next + step + screens.length) % screens.length;
  while (byItself && next !== shown && hasNothing(screens[next])); // what has nothing to say is passed over
  goTo(next);
}

function goTo(next) {
  shown = next;
  turnAt = Date.now();
  screens.forEach((screen, at) => { screen.hidden = at !== shown; });
  const address = new URL(location.href);
  address.searchParams.set("screen", screens[shown].dataset.screen);
  history.replaceState(null, "", address);
  if (failures === 0) ask(screens[shown]);
  show();
}

// What is said

function show() {
  place.textContent = screens[shown].dataset.label;
  count.textContent = `${shown + 1}/${screens.length}`;
  const age = renewed.get(screens[shown]);
  const isDown = downSince !== null && now() - downSince > STRIP_AFTER;
  const words = !isDown ? ""
    : age === undefined ? interpolate(gettext("No connection since %(at)s. This screen has not been seen yet."), { at: clock(downSince) }, true)
    : interpolate(gettext("No connection since %(at)s, values are old."), { at: clock(downSince) }, true);
  if (strip.textContent !== words) strip.textContent = words;
  strip.hidden = !isDown;
  document.documentElement.classList.toggle("stale", isDown);
}

// What is looked at goes first; then those that nobody has seen yet, so that there is a picture of each when the network goes.
function due() {
  const screen = screens[shown], age = now() - (renewed.get(screen) ?? 0);
  return age >= RENEW ? screen : screens.find((one) => !renewed.has(one)) || screen;
}

const milliseconds = () => 1000 * Number(dwell.value);

setInterval(() => {
  if (document.hidden || leaving) return;
  if (!paused && Date.now() - turnAt >= milliseconds()) turn(1, true);
  else if (Date.now() >= askAt) ask(due());
  show();
}, 500);

// Controls

function setPaused(is) {
  paused = is;
  turnAt = Date.now();
  pause.setAttribute("aria-pressed", String(paused));
  pause.textContent = paused ? gettext("Go on") : gettext("Pause");
}

document.addEventListener("click", (event) => {
  const step = event.target.closest("[data-step]");
  if (!step) return;
  event.preventDefault();
  turn(Number(step.dataset.step));
});
pause.addEventListener("click", () => setPaused(!paused));
dwell.addEventListener("change", () => {
  turnAt = Date.now();
  const address = new URL(location.href);
  address.searchParams.set("dwell", dwell.value);
  history.replaceState(null, "", address);
});
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("button, select, a")) return;
  if (event.key === "ArrowRight") turn(1);
  else if (event.key === "ArrowLeft") turn(-1);
  else if (event.key === " ") setPaused(!paused);
  else return;
  event.preventDefault();
});

if (document.fullscreenEnabled) {
  full.addEventListener("click", () => {
    if (document.fullscreenElement) document.exitFullscreen(); else document.documentElement.requestFullscreen().catch(() => {});
  });
  document.addEventListener("fullscreenchange", () => {
    const is = document.fullscreenElement !== null;
    full.setAttribute("aria-pressed", String(is));
    full.textContent = is ? gettext("Leave full screen") : gettext("Full screen");
  });
} else full.hidden = true;

if (navigator.serviceWorker) { // only where TLS is spoken, or on the machine itself
  navigator.serviceWorker.register(document.body.dataset.worker, { updateViaCache: "none" })
    .then(() => navigator.serviceWorker.ready).then((worker) => worker.active.postMessage("keep")).catch(() => {});
}
addEventListener("online", () => { failures = 0; askAt = 0; });
document.addEventListener("visibilitychange", () => { if (!document.hidden) { failures = 0; askAt = 0; turnAt = Date.now(); } });
show();
