// The admin's choice of a theme is the pages' choice too: both keep it in this browser, each under its own name.
(function () {
  "use strict";
  var kept = { auto: "system", light: "light", dark: "dark" };

  function told() {
    try { return JSON.parse(localStorage.getItem("adminTheme")); } catch { return null; }
  }

  document.addEventListener("click", function () {
    // After Alpine has answered the click.
    setTimeout(function () {
      var theme = kept[told()];
      try { if (theme) localStorage.setItem("theme", theme); } catch { /* nothing is kept in this browser */ }
    }, 100);
  });
})();
