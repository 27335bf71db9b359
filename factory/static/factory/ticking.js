// Ticking devices of a list and doing one thing to all of them.

import { boxes, focusOnList, pickIn, showBoxes, ticked, untick } from "./picking.js";
import { numbers } from "./values.js";

const bar = document.getElementById("bulk"), found = bar?.querySelector("[data-pick-found]");

function show() {
  const every = Boolean(found?.checked), count = every ? Number(found.dataset.pickFound) : ticked.size;
  showBoxes(every);
  bar.toggleAttribute("data-ticked", count > 0);
  const words = ngettext("%(count)s device ticked", "%(count)s devices ticked", count);
  bar.querySelector("[data-bulk-words]").textContent = interpolate(words, { count: count.toLocaleString(numbers) }, true);
}

if (bar) {
  pickIn(show);
  found?.addEventListener("change", show);
  bar.querySelector("[data-unpick]").addEventListener("click", () => {
    if (found) found.checked = false;
    untick(bar);
    show();
    focusOnList();
  });
  for (const box of boxes()) if (box.checked) ticked.add(box.value);
  show();
}
