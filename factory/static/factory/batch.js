// A batch while it runs: counts and bar move with each message of its channel; the rest of the page follows at leisure.

import { lookAgain } from "./live.js";
import { numbers } from "./values.js";

const LEISURE = 3000;
const ORDER = ["succeeded", "failed", "cancelled", "waiting", "working", "pending"];
let later = null;

function write(news) {
  const panel = document.querySelector(`[data-batch="${news.batchId}"]`);
  if (!panel) return;
  const counts = { ...news, working: 0 }; // on the wire those that a worker has in hand are pending ones
  const total = ORDER.reduce((sum, name) => sum + counts[name], 0) || 1;
  let start = 0;
  for (const name of ORDER) {
    const width = 100 * counts[name] / total;
    const bar = panel.querySelector(`rect[data-segment="${name}"]`);
    bar.setAttribute("x", start.toFixed(3));
    bar.setAttribute("width", width.toFixed(3));
    panel.querySelector(`[data-count="${name}"]`).textContent = counts[name].toLocaleString(numbers);
    start += width;
  }
  panel.querySelector("svg.progress").setAttribute("aria-label", interpolate(gettext("%(percent)s percent are over"), { percent: news.progress }, true));
}

document.addEventListener("plant:batch", ({ detail }) => {
  write(detail);
  const isOver = !["pending", "in_progress"].includes(detail.status) || detail.progress === 100;
  if (isOver) {
    clearTimeout(later);
    later = null;
    lookAgain();
  } else later ??= setTimeout(() => { later = null; lookAgain(); }, LEISURE);
});
