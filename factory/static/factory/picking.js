// What is ticked of a list that renews itself: it stays ticked in the new rows, before anybody can press a button.

export const ticked = new Set();
export const boxes = () => [...document.querySelectorAll("[data-pick]")];

// `show` writes the ticks into the page; it is called whenever they or the rows may have changed.
export function pickIn(show) {
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-pick]")) ticked[target.checked ? "add" : "delete"](target.value);
    else if (target.matches("[data-pick-all]")) for (const box of boxes()) ticked[target.checked ? "add" : "delete"](box.value);
    else return;
    show();
  });
  // The rows of a swap are there some moments before it has settled: a form sent between the two would send no ticks.
  document.body.addEventListener("htmx:afterSwap", show);
  // What has left the list is no longer ticked. Settled, it is the whole list; a swap may come in parts.
  document.body.addEventListener("htmx:afterSettle", () => {
    const there = new Set(boxes().map((box) => box.value));
    for (const value of ticked) if (!there.has(value)) ticked.delete(value);
    show();
  });
  addEventListener("pageshow", show); // also after Back, where the browser has put ticks back of its own
}

export function showBoxes(every = false) {
  const there = boxes(), all = document.querySelector("[data-pick-all]");
  for (const box of there) {
    box.checked = every || ticked.has(box.value);
    box.disabled = every;
  }
  if (!all) return;
  all.checked = every || (there.length > 0 && ticked.size === there.length);
  all.indeterminate = ticked.size > 0 && !all.checked;
  all.disabled = every;
}

export function untick(bar) {
  ticked.clear();
  bar.querySelector("details")?.removeAttribute("open");
}

export const focusOnList = () => document.querySelector("[data-pick-all]")?.focus();
