// Ticking alerts and doing one thing to all of them: what is ticked stays ticked while the list renews itself.

const bar = document.getElementById("bulk"), answer = document.getElementById("bulk-answer");
const ticked = new Set();
const boxes = () => [...document.querySelectorAll("[data-pick]")];

function show() {
  const there = boxes(), all = document.querySelector("[data-pick-all]");
  for (const box of there) box.checked = ticked.has(box.value);
  if (all) {
    all.checked = there.length > 0 && ticked.size === there.length;
    all.indeterminate = ticked.size > 0 && !all.checked;
  }
  const count = ticked.size, alerts = `${count} alert${count === 1 ? "" : "s"}`;
  bar.toggleAttribute("data-ticked", count > 0);
  bar.querySelector("[data-bulk-words]").textContent = `${alerts} ticked`;
  for (const place of bar.querySelectorAll("[data-bulk-count]")) place.textContent = count;
  for (const button of bar.querySelectorAll("[data-bulk-confirm]"))
    button.dataset.confirm = `Resolve ${alerts}? ${count === 1 ? "It opens" : "Each opens"} again only after a value in range.`;
}

function untick() {
  ticked.clear();
  bar.querySelector("details")?.removeAttribute("open");
  bar.reset();
  show();
}

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-pick]")) ticked[target.checked ? "add" : "delete"](target.value);
  else if (target.matches("[data-pick-all]")) for (const box of boxes()) ticked[target.checked ? "add" : "delete"](box.value);
  else return;
  answer.replaceChildren();
  show();
});
bar.querySelector("[data-unpick]").addEventListener("click", () => {
  untick();
  document.querySelector("[data-pick-all]")?.focus();
});
bar.addEventListener("htmx:afterRequest", (event) => {
  if (event.target !== bar || !event.detail.successful) return;
  untick();
  document.querySelector("[data-pick-all]")?.focus();
});

// New rows are ticked as the old ones were before anybody can send the form.
document.body.addEventListener("htmx:afterSwap", show);

// What has left the list is no longer ticked.
document.body.addEventListener("htmx:afterSettle", () => {
  const there = new Set(boxes().map((box) => box.value));
  for (const value of ticked) if (!there.has(value)) ticked.delete(value);
  show();
});
show();
