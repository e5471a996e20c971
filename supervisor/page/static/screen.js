// Rows of a terminal as elements; a row is made again only when its text has changed.

import { colours } from "./colours.js";
import { runs } from "./sgr.js";

const LOOKS = ["bold", "italic", "underline", "strike", "hidden"];
const painted = new WeakMap(); // container → the rows it shows

/** Show these rows (text with SGR codes) in the container, and nothing else. */
export function paint(container, rows) {
  const before = painted.get(container) ?? [];
  rows.forEach((row, at) => {
    if (row === before[at] && at < before.length) return;
    const made = rowOf(row);
    if (at < container.childNodes.length) container.childNodes[at].replaceWith(made);
    else container.append(made);
  });
  while (container.childNodes.length > rows.length) container.lastChild.remove();
  painted.set(container, rows);
}

/** Return how many cells the longest row has, near enough. */
export function columnsOf(rows) {
  return Math.max(0, ...rows.map((row) => row.replace(/\x1b\[[0-9;:]*m/g, "").length));
}

function rowOf(row) {
  const element = document.createElement("div");
  for (const [text, style] of runs(row).runs) element.append(spanOf(text, style));
  return element;
}

function spanOf(text, style) {
  const looks = LOOKS.filter((look) => style[look]);
  const { color, background } = colours(style);
  if (!looks.length && !color && !background) return document.createTextNode(text);
  const span = document.createElement("span");
  span.textContent = text;
  if (looks.length) span.className = looks.join(" ");
  if (color) span.style.color = color;
  if (background) span.style.background = background;
  return span;
}
