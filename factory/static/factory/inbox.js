// Ticking alerts and doing one thing to all of them.

import { focusOnList, pickIn, showBoxes, ticked, untick } from "./picking.js";
import { numbers } from "./values.js";

const bar = document.getElementById("bulk"), answer = document.getElementById("bulk-answer");

function show() {
  const count = ticked.size;
  const say = (words) => interpolate(words, { count: count.toLocaleString(numbers) }, true);
  showBoxes();
  bar.toggleAttribute("data-ticked", count > 0);
  bar.querySelector("[data-bulk-words]").textContent = say(ngettext("%(count)s alert ticked", "%(count)s alerts ticked", count));
  for (const place of bar.querySelectorAll("[data-bulk-count]")) place.textContent = count;
  for (const button of bar.querySelectorAll("[data-bulk-confirm]")) button.dataset.confirm = say(ngettext(
    "Resolve %(count)s alert? It opens again only after a value in range.",
    "Resolve %(count)s alerts? Each opens again only after a value in range.", count));
}

function clear() {
  untick(bar);
  bar.reset();
  show();
}

pickIn(show);
document.addEventListener("change", ({ target }) => { if (target.matches("[data-pick], [data-pick-all]")) answer.replaceChildren(); });
bar.querySelector("[data-unpick]").addEventListener("click", () => {
  clear();
  focusOnList();
});
bar.addEventListener("htmx:afterRequest", (event) => {
  if (event.target !== bar || !event.detail.successful) return;
  clear();
  focusOnList();
});
show();
