// What has happened, newest first.

import { repeat } from "./vendor/lit-html/directives/repeat.js";
import { html, nothing } from "./vendor/lit-html/lit-html.js";
import { clock } from "./words.js";

/** Return the feed; a click on a worker shows it. */
export function activity(entries, { open, toggleActivity }) {
  return html`<h2>Activity<button aria-label="Close the activity" @click=${toggleActivity}>×</button></h2>
    <ol role="list">
      ${repeat(entries, ({ seq }) => seq, ({ ts, level, text, facts }) => html`<li class="l-${level}">
        <time>${clock(ts)}</time>
        ${facts?.worker ? html`<a href="?select=${encodeURIComponent(facts.worker)}" @click=${(event) => { event.preventDefault(); open(facts.worker); }}>${facts.worker}</a>` : nothing}
        <span>${text}</span>
      </li>`)}
    </ol>
    ${entries.length ? nothing : html`<p class="quiet">Nothing has happened yet.</p>`}`;
}
