// A wall is dark unless its address or somebody at it says otherwise. Runs in the head, after theme.js, which it overrules.
(function () {
  var root = document.documentElement;
  function kept() {
    try { return localStorage.getItem("wall-theme"); } catch { return null; }
  }
  function put() {
    var asked = new URLSearchParams(location.search).get("theme"), choice = window.wallTheme || asked || kept();
    var theme = choice === "light" ? "light" : "dark";
    if (root.dataset.theme !== theme) root.dataset.theme = theme;
    document.querySelectorAll("[data-light]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(theme === "light"));
    });
  }
  put();
  document.addEventListener("theme-changed", put);
  document.addEventListener("DOMContentLoaded", put);
  document.addEventListener("click", function (event) {
    if (!event.target.closest || !event.target.closest("[data-light]")) return;
    window.wallTheme = root.dataset.theme === "light" ? "dark" : "light";
    try { localStorage.setItem("wall-theme", window.wallTheme); } catch { /* for this page only */ }
    put();
  });
})();
