// What workers have used, as far back as this page and the server remember, and its small plots.

import { html, nothing, svg } from "./vendor/lit-html/lit-html.js";
import { clock } from "./words.js";

const MOST = 180; // samples a worker
const APART = 4000; // ms between two samples
export const KINDS = ["cpu_percent", "rss_bytes", "restarts"];

/** Samples by worker: {at: [ms], cpu_percent: [], rss_bytes: [], restarts: []}, oldest first. */
export class History {
  #known = new Map();
  #at = 0;

  note(picture, now) {
    if (now - this.#at < APART) return;
    this.#at = now;
    for (const [name, row] of picture.rows) this.#add(this.#of(name), row, now);
    for (const name of this.#known.keys()) if (!picture.rows.has(name)) this.#known.delete(name);
  }

  /** Put what the server remembers before what this page has seen. */
  recall(name, told) {
    const mine = this.#of(name);
    const first = mine.at[0] ?? Infinity;
    const at = told.at.map((iso) => Date.parse(iso));
    const older = at.filter((moment) => moment < first - APART / 2).length;
    mine.at = [...at.slice(0, older), ...mine.at];
    for (const kind of KINDS) mine[kind] = [...told[kind].slice(0, older), ...mine[kind]];
  }

  of(name) {
    return this.#known.get(name) ?? blank();
  }

  #of(name) {
    if (!this.#known.has(name)) this.#known.set(name, blank());
    return this.#known.get(name);
  }

  #add(samples, row, now) {
    samples.at.push(now);
    for (const kind of KINDS) samples[kind].push(row[kind]);
    if (samples.at.length > MOST) for (const series of Object.values(samples)) series.shift();
  }
}

const blank = () => ({ at: [], cpu_percent: [], rss_bytes: [], restarts: [] });

/** Return the points of a line through values in a box, "x,y x,y …" for each unbroken part; null is a gap. Pure. */
export function parts(values, width, height, top = Math.max(...values.map(Number), 0) || 1) {
  const step = values.length > 1 ? width / (values.length - 1) : width;
  const found = [];
  values.forEach((value, at) => {
    if (value === null) return;
    const point = `${(at * step).toFixed(1)},${(height - (value / top) * height).toFixed(1)}`;
    if (at && values[at - 1] !== null) found[found.length - 1].push(point);
    else found.push([point]);
  });
  return found.map((points) => (points.length > 1 ? points : [points[0], `${parseFloat(points[0]) + 1},${points[0].split(",")[1]}`]).join(" "));
}

/** Return a line without axes, for a tile. */
export function sparkline(values) {
  const shown = values.slice(-40);
  if (shown.filter((value) => value !== null).length < 2) return "";
  return html`<svg class="spark" viewBox="0 -1 60 14" preserveAspectRatio="none" aria-hidden="true">
    ${parts(shown, 60, 12, Math.max(10, ...shown.map(Number))).map((points) => svg`<polyline points=${points} />`)}
  </svg>`;
}

/** Return a plot with its name, its last and its highest value; `shown` writes a value. */
export function plot(name, samples, values, shown) {
  const known = values.filter((value) => value !== null);
  if (!known.length) return nothing;
  const highest = Math.max(...known);
  const last = values.at(-1) ?? null;
  return html`<figure class="plot">
    <figcaption><span>${name}</span><b>${last === null ? "–" : shown(last)}</b></figcaption>
    <svg viewBox="0 -1 300 50" preserveAspectRatio="none" role="img"
      aria-label="${name}: now ${last === null ? "not known" : shown(last)}, at most ${shown(highest)}">
      <line x1="0" x2="300" y1="48" y2="48" />
      ${parts(values, 300, 48, highest * 1.1 || 1).map(
        (points) => svg`<polygon points="${points.split(" ")[0].split(",")[0]},48 ${points} ${points.split(" ").at(-1).split(",")[0]},48" />
          <polyline points=${points} />`,
      )}
    </svg>
    <p><span>${samples.at.length ? clock(samples.at[0]) : ""}</span><span>highest ${shown(highest)}</span></p>
  </figure>`;
}
