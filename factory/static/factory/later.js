// Panels that come after the page: one that fails says so, keeps what it had, and can be asked again.
const noteOf = (panel) => document.querySelector(`[data-late="${panel.id}"]`);
for (const panel of document.querySelectorAll("[data-later]")) {
  const missed = (event) => {
    if (event.target !== panel) return;
    event.stopPropagation(); // no toast for what nobody pressed
    noteOf(panel).hidden = false;
    panel.toggleAttribute("data-old", panel.querySelector("svg, li, dl") !== null);
    panel.querySelector(":scope > .empty")?.toggleAttribute("hidden", true);
  };
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) panel.addEventListener(name, missed);
  panel.addEventListener("htmx:afterSwap", () => {
    noteOf(panel).hidden = true;
    panel.removeAttribute("data-old");
  });
}
document.addEventListener("click", (event) => {
  const again = event.target.closest("[data-again]");
  if (again) document.getElementById(again.dataset.again).dispatchEvent(new CustomEvent("again"));
});
