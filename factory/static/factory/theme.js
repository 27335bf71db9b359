// Runs in the head, before anything is drawn, so that the page never flashes in the wrong theme.
(function () {
  var root = document.documentElement, dark = window.matchMedia("(prefers-color-scheme: dark)");
  function chosen() {
    try { return localStorage.getItem("theme") || "system"; } catch { return "system"; }
  }
  function apply() {
    var choice = chosen();
    root.dataset.theme = choice === "system" ? (dark.matches ? "dark" : "light") : choice;
    document.querySelectorAll("[data-theme-choice]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
    });
    document.dispatchEvent(new CustomEvent("theme-changed"));
  }
  root.classList.add("js");
  apply();
  dark.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  document.addEventListener("DOMContentLoaded", apply);
  document.addEventListener("click", function (event) {
    var button = event.target.closest && event.target.closest("[data-theme-choice]");
    if (!button) return;
    var choice = button.dataset.themeChoice;
    try {
      localStorage.setItem("theme", choice);
      localStorage.setItem("adminTheme", JSON.stringify(choice === "system" ? "auto" : choice)); // the admin's switch
    } catch { /* private window: for this page only */ }
    apply();
  });
})();
