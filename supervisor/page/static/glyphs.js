// The shape of each condition, so that colour is never all that tells it; and the few other pictures of the page.

import { html, svg } from "./vendor/lit-html/lit-html.js";

const SHAPES = {
  run: svg`<circle cx="6" cy="6" r="4"/>`,
  idle: svg`<circle cx="6" cy="6" r="3.25" class="line"/>`,
  wait: svg`<path d="M6 .8 11.6 11H.4Z"/><path d="M6 4.4v3M6 8.9v.6" class="cut"/>`,
  held: svg`<path d="M3 2h2.2v8H3zM6.8 2H9v8H6.8z"/>`,
  bad: svg`<path d="m2.2 2.2 7.6 7.6m0-7.6L2.2 9.8" class="line thick"/>`,
  busy: svg`<circle cx="6" cy="6" r="3.75" class="line"/><path d="M6 2.2a3.8 3.8 0 0 1 0 7.6Z"/>`,
  back: svg`<path d="M9.6 4.2A4 4 0 1 0 10 6.6M10 1.6v3H7" class="line"/>`,
  off: svg`<path d="M2.75 2.75h6.5v6.5h-6.5z" class="line"/>`,
  done: svg`<path d="m1.8 6.4 2.9 3 5.5-6.6" class="line thick"/>`,
};

/** Return the shape of a condition; its word stands beside it. */
export const glyph = (kind) =>
  html`<svg class="glyph k-${kind}" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">${SHAPES[kind]}</svg>`;

export const mark = html`<svg class="mark" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
  <rect x="1" y="1" width="8" height="8" rx="2" /><rect x="11" y="1" width="8" height="8" rx="2" class="on" />
  <rect x="1" y="11" width="8" height="8" rx="2" /><rect x="11" y="11" width="8" height="8" rx="2" />
</svg>`;
