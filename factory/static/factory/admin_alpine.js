// The names that the admin's pages use in their x-* attributes. Alpine's build without eval reads those itself and
// knows nothing of the window's variables: what the theme keeps there is told to it here by name (docs/admin.md).
document.addEventListener("alpine:init", function () {
  "use strict";

  // The part of `window` that the theme's expressions use: Alpine refuses the real one.
  var place = {
    get href() { return location.href; },
    set href(url) { location.href = url; },
    get pathname() { return location.pathname; },
    get search() { return location.search; },
    get hash() { return location.hash; },
  };

  // On <html>, and so in the scope of everything.
  Alpine.data("theme", function (chosen) {
    return Object.assign(theme(chosen), {
      window: { location: place },
      moveRecords: function (event) { return moveRecords(event); },
      sortRecords: function (event) { return sortRecords(event); },
    });
  });
  Alpine.data("searchCommand", searchCommand);
  Alpine.data("searchForm", searchForm);

  // On <body>: what templates/unfold/layouts/skeleton.html would say in an expression of many lines.
  Alpine.data("adminPage", function (tab) {
    return {
      activeTab: (tab && getCurrentTab()) || tab || "",
      sidebarMobileOpen: false,
      sidebarDesktopOpen: localStorage.getItem("sidebarDesktopOpen") !== "0",
      init: function () {
        this.$watch("sidebarDesktopOpen", function (isOpen) {
          localStorage.setItem("sidebarDesktopOpen", isOpen ? "1" : "0");
        });
      },
    };
  });
});
