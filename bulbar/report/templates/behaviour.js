"use strict";

const say = (text) => { document.getElementById("status").textContent = text; };

// Tables: a button in every heading sorts by its column, ascending, then descending. Undefined values stay last.
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

for (const table of document.querySelectorAll("table")) {
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

// Browsers open a folded table for a link into it; for printing, this opens all.
const unfold = (folded) => { folded.open = true; };
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(unfold));
