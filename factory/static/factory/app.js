// Small manners of every page: toasts, copying, asking before what cannot be undone, saying what failed.

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

// On a phone most of the navigation stands behind a button.
document.querySelector("[data-menu]")?.addEventListener("click", ({ currentTarget: button }) => {
  const isOpen = button.parentElement.toggleAttribute("data-open");
  button.setAttribute("aria-expanded", String(isOpen));
});

// What did not work: a step says so in a toast; a part of the page that could not be renewed keeps its old values
// and says so in a strip, unless the line is down, which its own strip says for all of them.
export function strip(target, said) {
  if (document.documentElement.classList.contains("stale") || target.querySelector(":scope > .failed")) return;
  const words = document.createElement("p");
  words.className = "failed";
  words.setAttribute("role", "status");
  words.textContent = said;
  const again = document.createElement("button");
  again.type = "button";
  again.textContent = gettext("Try again");
  again.addEventListener("click", () => { // each part of the page that listens asks once more, in its own way
    for (const news of ["look-again", "time-passed"]) document.body.dispatchEvent(new CustomEvent(news, { bubbles: true }));
  });
  words.append(" ", again);
  target.prepend(words);
}
const isList = (element) => /^(TABLE|TBODY|TR|UL|OL|DL)$/.test(element.tagName);
function notRenewed({ target, requestConfig }) {
  if (/look-again|time-passed/.test(requestConfig.triggeringEvent?.type)) return; // live.js says of when it is
  // Not into the middle of a table or a list; and only once each.
  const place = isList(target) ? target.closest(".panel") || target.parentElement : target;
  strip(place, gettext("This part could not be renewed; what you see may be old."));
}
document.body.addEventListener("htmx:afterRequest", ({ detail: { target, successful } }) => {
  if (successful) target?.closest?.(".panel")?.querySelector(":scope > .failed")?.remove();
});
document.body.addEventListener("htmx:responseError", ({ detail }) => {
  const { status } = detail.xhr;
  if (status === 401) return;
  if (detail.requestConfig.verb === "get") return notRenewed(detail);
  toast(status === 403 ? gettext("You may not do this. Reload the page and try again.") : interpolate(gettext("This did not work (%s). Try again."), [status]));
});
for (const kind of ["htmx:sendError", "htmx:timeout"]) document.body.addEventListener(kind, ({ detail }) => {
  if (detail.requestConfig.verb === "get") notRenewed(detail);
  else toast(gettext("The plant did not answer. Nothing was changed; try again."));
});
document.body.addEventListener("htmx:afterSwap", (event) => {
  // After a step the pressed button is gone: leave the keyboard on its alert.
  if (event.detail.requestConfig?.verb !== "get" && document.activeElement === document.body)
    document.getElementById(event.detail.elt?.closest?.("li")?.id || event.detail.target?.id)?.focus();
});
