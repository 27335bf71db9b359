// The wallboard before the server has answered: asks for its own address, more and more seldom up to twice a minute, and
// becomes the wallboard, or what the server says instead of it, once there is an answer of the server's own.

import { clock, now } from "./values.js";

const LONGEST_WAIT = 30_000, PATIENCE = 20_000;
const since = now();
let failures = 0, timer;

document.querySelector("[data-since]").textContent = clock(since);

// A proxy in front answers something too while the server is away, and a server that is asked too often wants peace.
const isOurs = (answer) => answer.redirected || (answer.headers.has("X-Wall-Edition") && answer.status !== 429);

async function ask() {
  const patience = new AbortController(), end = setTimeout(() => patience.abort(), PATIENCE);
  try {
    const answer = await fetch(location.href, { headers: { "X-Renewal": "1" }, cache: "no-store", signal: patience.signal });
    if (isOurs(answer)) return location.reload();
  } catch { /* no network, no server */ } finally { clearTimeout(end); }
  const longest = Math.min(LONGEST_WAIT, 1000 * 2 ** failures++);
  timer = setTimeout(ask, longest / 2 + Math.random() * longest / 2);
}

setInterval(() => { document.querySelector("[data-clock]").textContent = clock(now()); }, 1000);
addEventListener("online", () => { clearTimeout(timer); failures = 0; ask(); });
ask();
