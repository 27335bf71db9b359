// The exact time of what is written as an age or a time of day: beside the pointer the browser shows it (title), and
// for fingers and the keyboard it stands below what was tapped, or below the row that has the focus.

const TIMES = "time[title]";
const ROWS = "li, tr, dd, p, summary, .answer";
let tip = null, owner = null;

function place(time) {
  tip ??= Object.assign(document.createElement("p"), { className: "time-tip", role: "tooltip" });
  owner = time;
  tip.textContent = time.title;
  document.body.append(tip);
  const at = time.getBoundingClientRect(), { width, height } = tip.getBoundingClientRect();
  const below = at.bottom + 6 + height < innerHeight ? at.bottom + 6 : at.top - 6 - height;
  tip.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
  tip.style.top = `${Math.max(8, below)}px`;
}

function hide() {
  owner = null;
  tip?.remove();
}

function showFor(target) {
  if (!target?.matches?.(":focus-visible")) return;
  const time = target.closest(ROWS)?.querySelector(TIMES);
  if (time && time.dataset.when !== "exact") place(time); else hide();
}

document.addEventListener("focusin", ({ target }) => showFor(target));
document.addEventListener("focusout", hide);
document.addEventListener("click", ({ target }) => {
  const time = target.closest(TIMES);
  if (!time || time === owner || target.closest("a, button, label, summary")) hide(); else place(time);
});
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && owner) hide(); });
// What has the focus is scrolled into view after it got it, and a list that renews itself brings new rows.
addEventListener("scroll", () => { if (owner?.isConnected) place(owner); }, { passive: true, capture: true });
document.body.addEventListener("htmx:afterSettle", () => {
  if (!owner || owner.isConnected) return;
  hide();
  showFor(document.activeElement);
});
