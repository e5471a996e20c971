// The workers as tiles: those in need first, then project by project. Only those in sight get their last rows.

import { repeat } from "./vendor/lit-html/directives/repeat.js";
import { html, nothing, render } from "./vendor/lit-html/lit-html.js";
import { glyph } from "./glyphs.js";
import { condition, needsPerson, since, uptime } from "./model.js";
import { sparkline } from "./plots.js";
import { paint } from "./screen.js";
import { percent, shortSize, shortTime } from "./words.js";

export class Tiles {
  #root;
  #rows = new Map(); // name → the last rows of its screen
  #visible = new Set();
  #seen;

  /** `onSight(names)` hears which tiles are in sight whenever that changes. */
  constructor(root, onSight) {
    this.#root = root;
    this.#seen = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) this.#visible.add(target);
        else this.#visible.delete(target);
      }
      onSight(this.inSight());
    }, { rootMargin: "120px 0px" });
  }

  /** Return the names of the tiles in sight, from the top. */
  inSight() {
    return [...this.#visible].filter((tile) => tile.isConnected).map((tile) => tile.dataset.name);
  }

  /** Draw the groups. `moment` is now by the clock of the service, in ms. */
  draw(groups, { moment, serviceUptime, selected, history, isFiltered, open }) {
    const context = { moment, serviceUptime, selected, history, open };
    const only = groups.every(({ rows }) => rows.every(({ project }) => !project));
    render(
      groups.length
        ? html`<div class="groups" @click=${(event) => clicked(event, open)}>
            ${repeat(groups, ({ key }) => key, (group) => groupOf(group, context, only))}
          </div>`
        : html`<p class="nothing">${isFiltered ? "No worker is like this." : "There is no worker yet. A file names them; `panevisor run` starts one more."}</p>`,
      this.#root,
    );
    for (const tile of this.#visible) if (!tile.isConnected) this.#visible.delete(tile);
    for (const tile of this.#root.querySelectorAll("li:not([data-known])")) {
      tile.dataset.known = "";
      this.#seen.observe(tile);
      this.#paint(tile);
    }
  }

  /** Take the last rows of some screens; null: there is no screen. */
  take(rows) {
    for (const [name, shown] of Object.entries(rows)) {
      this.#rows.set(name, shown ?? []);
      const tile = this.element(name);
      if (tile) this.#paint(tile);
    }
  }

  /** The last rows of all screens that were ever in sight, by name. */
  get known() {
    return Object.fromEntries(this.#rows);
  }

  element(name) {
    return this.#root.querySelector(`li[data-name="${CSS.escape(name)}"]`);
  }

  #paint(tile) {
    const rows = this.#rows.get(tile.dataset.name) ?? [];
    tile.toggleAttribute("data-blank", !rows.length);
    paint(tile.querySelector(".term"), rows);
  }
}

function clicked(event, open) {
  const tile = event.target.closest("li[data-name]");
  if (!tile || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  open(tile.dataset.name);
}

function groupOf({ key, project, rows }, context, only) {
  const title = project === null ? "Needs you" : project || (only ? "Workers" : "No project");
  return html`<section class=${project === null ? "group need" : "group"} aria-label=${title}>
    <h2>${title}<span>${rows.length}</span></h2>
    <ul role="list" class="tiles">
      ${repeat(rows, ({ name }) => name, (row) => tileOf(row, context, project === null))}
    </ul>
  </section>`;
}

function tileOf(row, { moment, serviceUptime, selected, history }, isNeed) {
  const { kind, word } = condition(row);
  const when = row.next_start_at ? `again in ${shortTime((Date.parse(row.next_start_at) - moment) / 1000)}` : shortTime((moment - Date.parse(since(row))) / 1000);
  const told = reasonOf(row);
  return html`<li data-name=${row.name} class="tile t-${kind}" ?data-selected=${row.name === selected}>
    <a href="?select=${encodeURIComponent(row.name)}">
      <span class="head">${glyph(kind)} <strong>${row.name}</strong> <span class="word k-${kind}">${word}</span> <time aria-hidden="true">${when}</time></span>
      <span class="reason k-${kind}">${told || nothing}</span>
      <span class="term" aria-hidden="true"></span>
      <span class="foot" aria-hidden="true">
        ${isNeed && row.project ? html`<span class="project">${row.project}</span>` : nothing}
        ${row.restarts ? html`<span>${row.restarts} ${row.restarts === 1 ? "restart" : "restarts"}</span>` : nothing}
        ${row.hands_on ? html`<span>attached</span>` : nothing}
        <span class="grow"></span>
        ${row.rss_bytes === null ? nothing : html`${sparkline(history.of(row.name).cpu_percent)}<span>${percent(row.cpu_percent)}</span><span>${shortSize(row.rss_bytes)}</span>`}
        ${uptime(row, serviceUptime) === null ? nothing : html`<span>up ${shortTime(uptime(row, serviceUptime))}</span>`}
      </span>
    </a>
  </li>`;
}

/** Return what a person should know of it in a line: what it waits for, or why it is not well. */
export function reasonOf(row) {
  if (row.attention === "waiting" || row.attention === "held") return row.attention_text;
  return needsPerson(row) || row.state !== "running" ? row.reason : "";
}
