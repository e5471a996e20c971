// The log of one worker: followed while its end is in sight, still while somebody reads, searched by the server.

import { html, nothing } from "./vendor/lit-html/lit-html.js";
import { ask, of } from "./api.js";
import { clock, counted } from "./words.js";

const EVERY = 1000; // ms between two looks
const STEPS = [300, 1000, 5000]; // lines

export class Log {
  #name;
  #changed;
  #etag = "";
  #timer = null;
  #lines = [];
  #fresh = 0;
  #most = STEPS[0];
  #grep = "";
  #problem = "";
  #isFollowing = true;
  #box = null;

  constructor(name, changed) {
    this.#name = name;
    this.#changed = changed;
  }

  open() {
    this.#timer ??= setInterval(() => this.#load(), EVERY);
    this.#load();
  }

  close() {
    clearInterval(this.#timer);
    this.#timer = null;
  }

  async #load() {
    const query = new URLSearchParams({ n: this.#most, ...(this.#grep ? { grep: this.#grep } : {}) });
    try {
      const found = await ask(of(this.#name, `logs?${query}`), { etag: this.#etag });
      if (!found || !this.#timer) return;
      this.#etag = found.etag;
      this.#take(found.body.lines);
      this.#problem = "";
    } catch (problem) {
      this.#problem = problem.message;
    }
    this.#changed();
  }

  #take(lines) {
    if (!this.#isFollowing) this.#fresh += newIn(this.#lines, lines);
    this.#lines = lines;
  }

  #ask(change) {
    change();
    this.#etag = "";
    this.#load();
  }

  /** Scroll to the end after drawing, while it is followed. */
  drawn(root) {
    this.#box = root.querySelector(".log");
    if (this.#box && this.#isFollowing) this.#box.scrollTop = this.#box.scrollHeight;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#box;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < 8;
    if (isAtEnd === this.#isFollowing) return;
    this.#isFollowing = isAtEnd;
    if (isAtEnd) this.#fresh = 0;
    this.#changed();
  }

  #toEnd() {
    this.#isFollowing = true;
    this.#fresh = 0;
    this.#changed();
  }

  get template() {
    const more = STEPS.find((step) => step > this.#most);
    return html`<form class="grep" role="search" @submit=${(event) => {
      event.preventDefault();
      this.#ask(() => (this.#grep = event.target.elements.grep.value));
    }}>
        <input name="grep" type="search" aria-label="Search the log" placeholder="Search: a regular expression" spellcheck="false" autocomplete="off"
          @search=${(event) => event.target.value || this.#ask(() => (this.#grep = ""))} />
        <span class="quiet">${this.#grep ? counted(this.#lines.length, "match").replace("matchs", "matches") : ""}</span>
        <code class="quiet">panevisor logs ${this.#name}${this.#grep ? ` --grep '${this.#grep}'` : " -f"}</code>
      </form>
      ${this.#problem ? html`<p class="problem" role="alert">${this.#problem}</p>` : nothing}
      <div class="log term" tabindex="0" role="log" aria-live="off" aria-label="Log of ${this.#name}" @scroll=${() => this.#scrolled()}>
        ${more && this.#lines.length >= this.#most
          ? html`<button class="more" @click=${() => this.#ask(() => (this.#most = more))}>Show ${more.toLocaleString("en")} lines</button>`
          : nothing}
        ${this.#lines.map(({ at, text }) => html`<div><time>${clock(at)}</time>${text}</div>`)}
        ${this.#lines.length ? nothing : html`<div class="quiet">${this.#grep ? "No line is like this." : "Nothing has been printed."}</div>`}
      </div>
      ${this.#isFollowing ? nothing : html`<button class="to-end" @click=${() => this.#toEnd()}>
        ${this.#fresh ? `${this.#fresh} new` : "Follow"} <span aria-hidden="true">↓</span></button>`}`;
  }
}

/** Return how many lines came after those known; their texts are compared, as a new line has no exact time yet. Pure. */
export function newIn(known, lines) {
  const ending = known.slice(-4).map(({ text }) => text);
  for (let end = lines.length; end >= ending.length && ending.length; end -= 1) {
    if (ending.every((text, at) => lines[end - ending.length + at].text === text)) return lines.length - end;
  }
  return lines.length;
}
