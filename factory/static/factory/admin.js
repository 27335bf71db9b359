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

// Boxes that search as one types are made by a script without a name of their own: they take their label's.
function nameBoxes() {
  document.querySelectorAll("span.select2-selection[role=combobox]").forEach(function (box, number) {
    var select = box.closest(".select2") && box.closest(".select2").previousElementSibling;
    var label = select && select.labels && select.labels[0];
    if (!label) return;
    if (!label.id) label.id = "label-of-search-" + number;
    box.setAttribute("aria-labelledby", label.id + " " + (box.getAttribute("aria-labelledby") || ""));
    box.querySelectorAll("[role=textbox]").forEach(function (told) { told.setAttribute("aria-labelledby", label.id); });
  });
}

// They are made when jQuery is ready, which may be after the page is: behind them in its queue.
addEventListener("load", function () { if (window.django && django.jQuery) django.jQuery(nameBoxes); });
