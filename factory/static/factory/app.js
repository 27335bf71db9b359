// Small manners of every page: the search key, toasts, copying, asking before what cannot be undone.

const toasts = document.getElementById("toasts");
const TOAST_FOR = 7000;

export function toast(words) {
  const note = document.createElement("p");
  note.className = "toast";
  note.textContent = words;
  toasts.append(note);
}

new MutationObserver((changes) => {
  for (const { addedNodes } of changes)
    for (const note of addedNodes) setTimeout(() => note.remove(), TOAST_FOR);
}).observe(toasts, { childList: true });

addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  event.preventDefault();
  document.querySelector("[data-shortcut]")?.focus();
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = gettext("Copied");
  } catch { // over plain http there is no clipboard: mark it for Ctrl-C
    getSelection().selectAllChildren(source);
    button.textContent = gettext("Marked");
  }
});

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});

// A button may ask before its form goes out; and a form that has done its work is as new again.
document.body.addEventListener("htmx:confirm", (event) => {
  const question = event.detail.triggeringEvent?.submitter?.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});
document.body.addEventListener("htmx:afterRequest", ({ detail: { elt, successful } }) => {
  if (!successful || !elt.matches("form[data-reset]")) return;
  elt.reset();
  elt.closest("details.fold")?.removeAttribute("open");
});

// Filters that are not set do not stand in the address.
document.addEventListener("formdata", ({ target, formData }) => {
  if (!target.matches("form.filters")) return;
  for (const [name, value] of [...formData]) if (value === "" && !target.elements[name].matches?.("[data-keep-empty]")) formData.delete(name);
});

document.querySelector("[data-focus]")?.focus();
// On a phone where one is may stand outside its strip. Only the strip moves: the page may be at a part of it already.
for (const here of document.querySelectorAll(":is(.nav, .tabs) > [aria-current]")) {
  const [inner, outer] = [here, here.parentElement].map((each) => each.getBoundingClientRect());
  here.parentElement.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
}

document.body.addEventListener("htmx:responseError", (event) => {
  const { xhr: { status }, requestConfig } = event.detail;
  if (/look-again|time-passed/.test(requestConfig?.triggeringEvent?.type)) return; // nobody asked: the part itself says it (live.js)
  if (status !== 401) toast(status === 403 ? gettext("You may not do this. Reload the page and try again.") : interpolate(gettext("This did not work (%s). Try again."), [status]));
});
document.body.addEventListener("htmx:sendError", (event) => {
  if (event.detail.requestConfig.verb !== "get") toast(gettext("The plant did not answer. Nothing was changed; try again."));
});
document.body.addEventListener("htmx:afterSwap", (event) => {
  // After a step the pressed button is gone: leave the keyboard on its alert.
  if (event.detail.requestConfig?.verb !== "get" && document.activeElement === document.body)
    document.getElementById(event.detail.elt?.closest?.("li")?.id || event.detail.target?.id)?.focus();
});
