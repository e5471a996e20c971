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
  #query = ""; // of the lines that are shown
  #timer = null;
  #lines = []; // what is shown: while somebody reads, not what came since
  #latest = [];
  #fresh = 0;
  #most = STEPS[0];
  #grep = "";
  #problem = "";
  #isFollowing = true;
  #box = null;
  #end = 0; // where the box was left at its end: who scrolled up has it above

  constructor(name, changed) {
    this.#name = name;
    this.#changed = changed;
  }

  open() {
    this.#follow();
    this.#timer ??= setInterval(() => this.#load(), EVERY);
    this.#load();
  }

  close() {
    clearInterval(this.#timer);
    this.#timer = null;
  }

  get #wanted() {
    return String(new URLSearchParams({ n: this.#most, ...(this.#grep ? { grep: this.#grep } : {}) }));
  }

  async #load() {
    const query = this.#wanted;
    try {
      const found = await ask(of(this.#name, `logs?${query}`), { etag: this.#etag });
      if (!found || !this.#timer || query !== this.#wanted) return;
      this.#etag = found.etag;
      this.#take(found.body.lines, query);
      this.#problem = "";
    } catch (problem) {
      this.#problem = problem.message;
    }
    this.#changed();
  }

  #take(lines, query) {
    const isOther = query !== this.#query;
    if (isOther) this.#fresh = 0;
    else if (!this.#isFollowing) this.#fresh += newIn(this.#latest, lines);
    if (isOther || this.#isFollowing) this.#lines = lines;
    [this.#latest, this.#query] = [lines, query];
  }

  #ask(change) {
    change();
    this.#etag = "";
    this.#load();
  }

  /** Notice before drawing where somebody has scrolled since: the browser tells it only later. */
  drawing() {
    if (!this.#box) return;
    if (this.#isAtEnd()) this.#follow();
    else if (this.#box.scrollTop < this.#end) this.#isFollowing = false;
  }

  /** Scroll to the end after drawing, while it is followed. */
  drawn(root) {
    this.#box = root.querySelector(".log");
    if (!this.#box || !this.#isFollowing) return;
    this.#box.scrollTop = this.#box.scrollHeight;
    this.#end = this.#box.scrollTop;
  }

  #isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.#box;
    return scrollHeight - scrollTop - clientHeight < 8;
  }

  #scrolled() {
    const isAtEnd = this.#isAtEnd();
    if (isAtEnd === this.#isFollowing) return;
    if (isAtEnd) this.#follow();
    else this.#isFollowing = false;
    this.#changed();
  }

  #follow() {
    this.#isFollowing = true;
    this.#fresh = this.#end = 0;
    this.#lines = this.#latest;
  }

  #toEnd() {
    this.#follow();
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
