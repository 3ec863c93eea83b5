"use strict";

const say = (text) => { document.getElementById("status").textContent = text; };

// Tables: a button in every heading sorts by its column, ascending, then descending. Undefined values stay last. The small
// table of the first screen has none.
function sortBy(table, heading, column) {
  const down = heading.getAttribute("aria-sort") === "ascending";
  const value = (row) => {
    const cell = row.cells[column];
    return "sort" in cell.dataset ? (cell.dataset.sort === "none" ? null : Number(cell.dataset.sort)) : cell.textContent.trim();
  };
  const compare = (one, other) => {
    const [a, b] = [value(one), value(other)];
    if (a === null || b === null) return (a === null) - (b === null);
    const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
    return down ? -order : order;
  };
  const body = table.tBodies[0];
  body.append(...Array.from(body.rows).sort(compare));
  for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  say(`Sorted by ${heading.textContent}, ${down ? "descending" : "ascending"}`);
}

for (const table of document.querySelectorAll("table:not(.small)")) {
  Array.from(table.tHead.rows[0].cells).forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sortBy(table, heading, column));
  });
}

// Figures: a click, or the button below, opens a figure as wide as the window; Escape or Close ends it.
const dialog = document.querySelector("dialog");
for (const figure of document.querySelectorAll("figure")) {
  const [image, caption] = [figure.querySelector("img"), figure.querySelector("figcaption")];
  const title = caption.firstChild.textContent;
  const open = () => {
    dialog.querySelector("#enlarged").textContent = title;
    dialog.querySelector("div").replaceChildren(image.cloneNode());
    dialog.showModal();
  };
  const button = document.createElement("button");
  button.type = "button";
  button.className = "enlarge";
  button.textContent = "Enlarge";
  button.setAttribute("aria-label", `Enlarge: ${title}`);
  button.addEventListener("click", open);
  image.addEventListener("click", open);
  figure.append(button);
}

// Sections: a link to something folded unfolds it, the address names the section that a reader opens, and printing
// unfolds everything.
const folded = Array.from(document.querySelectorAll("details"));
const sections = folded.filter((one) => one.parentElement.classList.contains("folds"));

function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let one = target.closest("details"); one; one = one.parentElement.closest("details")) one.open = true;
  target.scrollIntoView({ behavior: "instant" });
}

addEventListener("hashchange", reveal);
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (link && link.hash === location.hash) reveal(); // no hashchange
});
reveal();

for (const section of sections) {
  section.querySelector("summary").addEventListener("click", () => {
    if (!section.open) history.replaceState(null, "", `#${section.querySelector("h2").id}`);
  });
}

const all = document.createElement("button");
all.id = "all";
all.type = "button";
const name = () => { all.textContent = sections.every((one) => one.open) ? "Fold all sections" : "Open all sections"; };
all.addEventListener("click", () => {
  const open = !sections.every((one) => one.open);
  for (const section of sections) section.open = open;
});
for (const section of sections) section.addEventListener("toggle", name);
name();
if (sections.length) sections[0].parentElement.before(all);

let closed = [];
addEventListener("beforeprint", () => {
  closed.push(...folded.filter((one) => !one.open));
  for (const one of closed) one.open = true;
});
addEventListener("afterprint", () => {
  for (const one of closed) one.open = false;
  closed = [];
});
