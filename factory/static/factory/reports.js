// Shows of a form about a report only what goes with its kind and its days; without a script all of it is there.
const form = document.querySelector("[data-report-form]");

function show() {
  const kind = form.elements.kind.value;
  const period = form.elements.period?.value;
  for (const part of form.querySelectorAll("[data-only]")) part.hidden = part.dataset.only !== kind;
  for (const part of form.querySelectorAll("[data-only-period]")) part.hidden = part.dataset.onlyPeriod !== period;
}

if (form) {
  form.addEventListener("change", show);
  show();
}
