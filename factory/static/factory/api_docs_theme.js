// Swagger UI is dark when the root has this class. Runs in the head, after theme.js, so that the page never flashes white.
(function () {
  const root = document.documentElement;
  const put = () => root.classList.toggle("dark-mode", root.dataset.theme.endsWith("dark"));
  put();
  document.addEventListener("theme-changed", put);
  window.addEventListener("beforeprint", () => root.classList.remove("dark-mode")); // paper is white
  window.addEventListener("afterprint", put);
})();
