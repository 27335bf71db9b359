// Runs in the head, before anything is drawn, so that the page never flashes in the wrong theme.
//
// Who is signed in brings their theme from the server (<html data-chosen>); signed out, this browser remembers the
// last one. A choice that could not be sent yet counts here until it could; and where a page was asked for before the
// server had taken the choice (it may have been made from the old one), the choice counts as well.
(function () {
  var root = document.documentElement;
  var dark = window.matchMedia("(prefers-color-scheme: dark)"), more = window.matchMedia("(prefers-contrast: more)");
  function kept(name, value) { // in a private window: for this page only
    try {
      if (value === undefined) return localStorage.getItem(name);
      if (value === null) localStorage.removeItem(name); else localStorage.setItem(name, value);
    } catch { return null; }
  }
  function keep(choice) {
    kept("theme", choice);
    kept("adminTheme", JSON.stringify(choice === "system" ? "auto" : choice === "dark" ? "dark" : "light")); // the admin's switch
  }
  var isBehind = kept("theme-unsent") !== null || performance.timeOrigin < Number(kept("theme-sent"));
  var own = root.dataset.chosen, choice = own && !isBehind ? own : kept("theme") || "system";
  if (own && choice === own) keep(own);

  function drawn() {
    if (choice === "system") return more.matches ? (dark.matches ? "contrast-dark" : "contrast") : dark.matches ? "dark" : "light";
    return choice === "contrast" && dark.matches ? "contrast-dark" : choice;
  }
  function apply() {
    root.dataset.theme = drawn();
    document.querySelectorAll("[data-theme-choice]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
    });
    document.dispatchEvent(new CustomEvent("theme-changed"));
  }
  function send() {
    var form = document.querySelector("form.themes");
    if (!form || kept("theme-unsent") === null) return;
    var body = new FormData(form);
    body.set("theme", choice);
    body.set("quietly", "1");
    var sent = choice;
    fetch(form.action, { method: "POST", body: body, keepalive: true }).then(function (answer) {
      if (!answer.ok || sent !== choice) return;
      kept("theme-sent", String(Date.now()));
      kept("theme-unsent", null);
    }, function () {});
  }
  root.classList.add("js");
  apply();
  [dark, more].forEach(function (query) { query.addEventListener("change", apply); });
  window.addEventListener("storage", function (event) {
    if (event.key !== "theme" || !event.newValue) return;
    choice = event.newValue;
    apply();
  });
  document.addEventListener("DOMContentLoaded", function () { apply(); send(); });
  document.addEventListener("click", function (event) {
    var button = event.target.closest && event.target.closest("[data-theme-choice]");
    if (!button) return;
    event.preventDefault();
    choice = button.dataset.themeChoice;
    keep(choice);
    kept("theme-unsent", "1");
    apply();
    send();
    var field = document.getElementById("id_theme"); // of the preferences: saving them later takes nothing back
    if (field) field.value = choice;
  });
})();
