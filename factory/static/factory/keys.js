// Keyboard shortcuts. Never inside a field, never with Ctrl or Alt but for Ctrl-K, and none where a person has
// switched them off. The sheet (templates/_keys.html) tells them all and holds what `g` and a letter open.

import { toast } from "./app.js";
import { openPalette } from "./palette.js";

const sheet = document.getElementById("keys");
const areOn = document.body.dataset.shortcuts !== "off";
const WAIT = 1500;

let waiting = null; // for the letter after `g`

const isTyping = (target) => target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

function openSheet() {
  if (!sheet.open) sheet.showModal();
}

// Rows are moved among by the links that they are.
const links = () => [...document.querySelectorAll("main :is(tr, .alert, li) a.row-link")].filter((link) => link.offsetParent !== null);

function moveBy(step) {
  const all = links();
  if (!all.length) return;
  const row = document.activeElement.closest?.("tr, .alert, li");
  const now = all.findIndex((link) => link === document.activeElement || (row && row.contains(link)));
  const next = now < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, now + step));
  all[next].focus({ focusVisible: true });
  all[next].scrollIntoView({ block: "nearest" });
}

// A list that renews itself takes the link away that one stands on: stand on its successor.
let stoodOn = null;
document.body.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
  const link = document.activeElement?.closest?.("a[href]");
  stoodOn = link && target.contains(link) ? link.getAttribute("href") : null;
});
document.body.addEventListener("htmx:afterSettle", () => {
  if (stoodOn === null || document.activeElement !== document.body) return;
  document.querySelector(`main a[href="${CSS.escape(stoodOn)}"]`)?.focus({ preventScroll: true, focusVisible: true });
  stoodOn = null;
});

function nextTheme() {
  const buttons = [...document.querySelectorAll("[data-theme-choice]")];
  const now = buttons.findIndex((button) => button.getAttribute("aria-pressed") === "true");
  const next = buttons[(now + 1) % buttons.length];
  next.click();
  toast(interpolate(gettext("Theme: %(name)s"), { name: next.textContent.trim() }, true));
}

const KEYS = {
  "/": openPalette,
  "?": openSheet,
  t: nextTheme,
  j: () => moveBy(1),
  k: () => moveBy(-1),
  x: () => document.activeElement.closest?.("tr, .alert, li")?.querySelector("[data-pick]")?.click(),
  g: () => { waiting = setTimeout(() => { waiting = null; }, WAIT); },
};

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
    event.preventDefault();
    return openPalette();
  }
  if (!areOn || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (event.repeat && key !== "j" && key !== "k") return;
  if (waiting !== null) {
    clearTimeout(waiting);
    waiting = null;
    const place = sheet.querySelector(`[data-go="${CSS.escape(key)}"]`);
    if (place) { event.preventDefault(); location.assign(place.href); }
    return;
  }
  if (!Object.hasOwn(KEYS, key)) return;
  event.preventDefault();
  KEYS[key]();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-keys-open]")) openSheet();
  const dialog = event.target.closest("dialog");
  // Beside the sheet is closed too: a press on the backdrop has the dialog itself as its target.
  if (dialog && (event.target === dialog || event.target.closest("[data-close]"))) dialog.close();
});
