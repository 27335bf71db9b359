// Ticking devices of a list and doing one thing to all of them: what is ticked stays ticked while the list renews itself.

const bar = document.getElementById("bulk"), found = bar?.querySelector("[data-pick-found]");
const ticked = new Set();
const boxes = () => [...document.querySelectorAll("[data-pick]")];

function show() {
  const there = boxes(), all = document.querySelector("[data-pick-all]"), every = Boolean(found?.checked);
  for (const box of there) {
    box.checked = every || ticked.has(box.value);
    box.disabled = every;
  }
  if (all) {
    all.checked = every || (there.length > 0 && ticked.size === there.length);
    all.indeterminate = ticked.size > 0 && !all.checked;
    all.disabled = every;
  }
  const count = every ? Number(found.dataset.pickFound) : ticked.size;
  bar.toggleAttribute("data-ticked", count > 0);
  bar.querySelector("[data-bulk-words]").textContent = `${count.toLocaleString("en-US")} ${bar.dataset.noun}${count === 1 ? "" : "s"} ticked`;
}

if (bar) {
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-pick]")) ticked[target.checked ? "add" : "delete"](target.value);
    else if (target.matches("[data-pick-all]")) for (const box of boxes()) ticked[target.checked ? "add" : "delete"](box.value);
    else if (target !== found) return;
    show();
  });
  bar.querySelector("[data-unpick]").addEventListener("click", () => {
    ticked.clear();
    if (found) found.checked = false;
    bar.querySelector("details")?.removeAttribute("open");
    show();
    document.querySelector("[data-pick-all]")?.focus();
  });
  // What has left the list is no longer ticked.
  document.body.addEventListener("htmx:afterSettle", () => {
    const there = new Set(boxes().map((box) => box.value));
    for (const value of ticked) if (!there.has(value)) ticked.delete(value);
    show();
  });
  addEventListener("pageshow", show); // also after Back, where the browser has put ticks back of its own
  for (const box of boxes()) if (box.checked) ticked.add(box.value);
  show();
}
