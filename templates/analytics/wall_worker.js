{% load static %}// Keeps what a wallboard needs to begin while the server is away: a page that waits, without anything of the plant.
// Another version of the server has another edition, so another worker, which takes the place of this one at once.
"use strict";

const KEPT = "wall-{{ edition }}", WAITING = "{% url 'wall-waiting' %}", PATIENCE = 20_000;
const FILES = [
  WAITING,
  {% for file in files %}"{% static file %}",
  {% endfor %}];
const IS_WALL = new RegExp("^{% url 'wall' %}({{ token_prefix }}[^/]+/)?$");

async function keep() {
  const cache = await caches.open(KEPT);
  await cache.addAll(FILES.map((file) => new Request(file, { cache: "no-cache" })));
}
const forget = async () => Promise.all((await caches.keys()).map((name) => caches.delete(name)));
const forgetOthers = async () => Promise.all((await caches.keys()).filter((name) => name !== KEPT).map((name) => caches.delete(name)));
const kept = (request) => caches.match(request, { cacheName: KEPT, ignoreVary: true });

// The link was revoked, or nobody made it: what the server says about it is marked as its own.
const isOver = (answer) => [404, 410].includes(answer.status) && answer.headers.has("X-Wall-Edition");
const isAway = (answer) => answer.status >= 500 || answer.status === 429;

async function opened(request) {
  const patience = new AbortController(), timer = setTimeout(() => patience.abort(), PATIENCE);
  try {
    const answer = await fetch(request, { signal: patience.signal });
    if (isOver(answer)) await forget();
    return (isAway(answer) && (await kept(WAITING))) || answer;
  } catch {
    return (await kept(WAITING)) || Response.error();
  } finally {
    clearTimeout(timer);
  }
}

addEventListener("install", (event) => event.waitUntil(keep().then(() => skipWaiting())));
addEventListener("activate", (event) => event.waitUntil(forgetOthers().then(() => clients.claim())));
// A wallboard that works says so: what was forgotten with another link is kept again.
addEventListener("message", (event) => {
  if (event.data === "keep") event.waitUntil(kept(WAITING).then((there) => there || keep()));
});
addEventListener("fetch", (event) => {
  const { request } = event, { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate") {
    if (IS_WALL.test(pathname)) event.respondWith(opened(request));
  } else if (FILES.includes(pathname)) {
    event.respondWith(fetch(request).catch(async () => (await kept(request)) || Response.error()));
  }
});
