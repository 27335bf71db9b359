// Search over any page: the palette that Ctrl-K, / and the box in the bar open. Its answers come as HTML.

const palette = document.getElementById("palette");
const box = palette.querySelector("input"), list = palette.querySelector("[role=listbox]");
const said = palette.querySelector("[data-said]");
const PAUSE = 130;

let timer = null, asking = null, chosen = null;

export function openPalette() {
  if (palette.open) return box.select();
  document.querySelector("dialog[open]")?.close();
  palette.showModal();
  box.select();
  ask();
}

const options = () => [...list.querySelectorAll("[role=option]")];
const answered = () => list.firstElementChild?.dataset.for;
const typed = () => box.value.trim().replace(/\s+/g, " ");

function choose(option) {
  chosen?.setAttribute("aria-selected", "false");
  chosen = option || null;
  chosen?.setAttribute("aria-selected", "true");
  chosen?.scrollIntoView({ block: "nearest" });
  if (chosen) box.setAttribute("aria-activedescendant", chosen.id); else box.removeAttribute("aria-activedescendant");
}

function tell(state, text) {
  const words = document.createElement("p");
  words.className = state;
  words.textContent = text;
  list.replaceChildren(words);
}

async function ask() {
  asking?.abort(); // an answer to fewer letters may come later than one to more
  const mine = asking = new AbortController();
  if (!list.firstElementChild?.dataset.said) tell("loading", gettext("Looking"));
  try {
    const answer = await fetch(`${palette.dataset.answers}?q=${encodeURIComponent(box.value)}`, { signal: mine.signal, headers: { "HX-Request": "true", "HX-Current-URL": location.href } });
    if (answer.status === 401) return location.assign(answer.headers.get("HX-Redirect") || location.href);
    if (!answer.ok) throw new Error(String(answer.status));
    list.innerHTML = await answer.text();
    choose(options()[0]);
    box.setAttribute("aria-expanded", String(options().length > 0));
    said.textContent = list.firstElementChild.dataset.said;
  } catch (problem) {
    if (problem.name === "AbortError") return;
    choose(null);
    box.setAttribute("aria-expanded", "false");
    tell("failed", gettext("The plant did not answer. Press Enter to try again."));
    said.textContent = list.textContent;
  }
}

box.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(ask, PAUSE);
});

const STEPS = { ArrowDown: 1, ArrowUp: -1 };
box.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const all = options();
  if (event.key === "Escape") { // which would empty the field first
    event.preventDefault();
    palette.close();
  } else if (event.key in STEPS && all.length) {
    event.preventDefault();
    choose(all[(all.indexOf(chosen) + STEPS[event.key] + all.length) % all.length]);
  } else if (event.key === "Enter" && chosen && answered()?.toLowerCase() === typed().toLowerCase()) {
    event.preventDefault();
    go(chosen, event);
  }
});

// Also to a part of the page that is open.
function go(link, event) {
  if (event.ctrlKey || event.metaKey) return window.open(link.href, "_blank", "noopener");
  palette.close();
  location.assign(link.href);
}

list.addEventListener("click", (event) => { if (event.target.closest("a")) palette.close(); });
palette.addEventListener("close", () => { asking?.abort(); clearTimeout(timer); });

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-palette-open]");
  if (!opener || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openPalette();
});
