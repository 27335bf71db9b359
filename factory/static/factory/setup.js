// Beside each ideal cycle stands its pace; the server writes it the same way.

const PACES = [[60, "a minute"], [3600, "an hour"], [86400, "a day"]];

function pace(text) {
  const seconds = Number.parseFloat(text);
  if (!(seconds > 0) || !Number.isFinite(seconds)) return "";
  const [length, time] = PACES.find(([length]) => seconds <= length) ?? PACES.at(-1);
  const value = length / seconds;
  const number = value >= 100 ? value.toLocaleString("en-US", { maximumFractionDigits: 0 }) : String(Number(value.toPrecision(3)));
  return `${number} piece${number === "1" ? "" : "s"} ${time}`;
}

document.addEventListener("input", ({ target }) => {
  if (!target.matches("[data-cycle]")) return;
  target.closest(".field").querySelector("[data-pace]").textContent = pace(target.value);
});
