// One worker large: its whole screen, its log, why it is as it is, what it used, how it died, and what can be done.

import { html, nothing, render } from "./vendor/lit-html/lit-html.js";
import { ask, of, order } from "./api.js";
import { glyph } from "./glyphs.js";
import { Keyboard, inputOf, isRelease } from "./keyboard.js";
import { Log } from "./log.js";
import { condition, since, uptime } from "./model.js";
import { plot } from "./plots.js";
import { columnsOf, paint } from "./screen.js";
import { reasonOf } from "./tiles.js";
import { clock, counted, percent, shortSize, shortTime } from "./words.js";

const KEYS = [
  ["Esc", "Escape"], ["Tab", "Tab"], ["↑", "Up", "Up"], ["↓", "Down", "Down"], ["←", "Left", "Left"], ["→", "Right", "Right"],
  ["⏎", "Enter", "Enter"], ["^C", "C-c", "Control C"], ["^D", "C-d", "Control D"], ["1", "1"], ["2", "2"], ["3", "3"], ["y", "y"], ["n", "n"],
];
const ACTIONS = {
  start: { label: "Start", path: "start", command: "start" },
  restart: { label: "Restart", path: "restart", command: "restart" },
  stop: { label: "Stop", path: "stop", command: "stop" },
  now: { label: "Stop now", path: "stop", body: { now: true }, command: "stop --now" },
  kill: { label: "Kill", path: "stop", body: { kill: true }, command: "stop --kill" },
  forced: { label: "Start all the same", path: "start", body: { force: true }, command: "start --force" },
};
const CAN = {
  running: ["restart", "stop"], starting: ["restart", "stop"], pending: ["start", "stop"], backoff: ["start", "stop"],
  stopping: ["now", "kill"], stopped: ["start"], completed: ["start"], failed: ["start"], quarantined: ["forced"],
};
const WAIT = 20; // seconds for a verdict

export class Focus {
  #root;
  #page;
  #log;
  #rows = null;
  #ended = false;
  #held = null; // rows that came while text was selected
  #why = null;
  #deaths = [];
  #asked = "";
  #tab;
  #hint = "";
  #result = null;
  #isBusy = false;
  #keyboard = null;
  #isWrapped = matchMedia("(max-width: 700px)").matches;
  #isRead = false;

  /** `page` has row(name), history, role, keyboardOf(name), moment(), serviceUptime(), say(text), leave(). */
  constructor(root, name, tab, page) {
    this.name = name;
    this.#root = root;
    this.#page = page;
    this.#tab = tab;
    this.#log = new Log(name, () => this.draw());
    this.#selecting = () => this.#held && !this.#isSelecting() && this.take(this.#held);
    document.addEventListener("selectionchange", this.#selecting);
    if (tab === "log") this.#log.open();
    ask(of(name, "history")).then((told) => page.history.recall(name, told), () => {}).then(() => this.draw());
  }

  #selecting;

  close() {
    this.#log.close();
    this.#keyboard?.release();
    document.removeEventListener("selectionchange", this.#selecting);
    render(nothing, this.#root);
  }

  get hasKeyboard() {
    return this.#keyboard !== null;
  }

  /** Take the rows of the whole screen, or of a worker that has `ended` its last ones; null: there are none. They wait while text of it is selected. */
  take({ rows, ended = false }) {
    this.#held = this.#isSelecting() ? { rows, ended } : null;
    if (!this.#held) [this.#rows, this.#ended] = [rows, ended];
    this.draw();
  }

  #isSelecting() {
    const selection = getSelection();
    const screen = this.#root.querySelector(".screen");
    return !selection.isCollapsed && screen?.contains(selection.anchorNode);
  }

  #learn(row) {
    const of_ = `${row.life} ${row.state} ${row.health} ${row.attention} ${row.restarts} ${row.exited_at} ${row.reason}`;
    if (of_ === this.#asked) return;
    this.#asked = of_;
    ask(of(this.name, "why")).then((why) => (this.#why = why), () => {}).then(() => this.draw());
    ask(of(this.name, "deaths?n=20")).then((deaths) => (this.#deaths = deaths), () => {}).then(() => this.draw());
  }

  draw() {
    const row = this.#page.row(this.name);
    if (!row) {
      render(html`<article class="focus"><p class="nothing">There is no worker ${this.name}. <a href="?" @click=${(event) => this.#leave(event)}>All workers</a></p></article>`, this.#root);
      return;
    }
    this.#learn(row);
    this.#log.drawing();
    render(this.#template(row), this.#root);
    const screen = this.#root.querySelector(".screen");
    if (screen) {
      const rows = withoutEnd(this.#rows ?? []);
      const isAtEnd = screen.scrollHeight - screen.scrollTop - screen.clientHeight < 8;
      paint(screen, rows);
      if (isAtEnd) screen.scrollTop = screen.scrollHeight;
      screen.style.setProperty("--columns", Math.max(80, columnsOf(rows)));
    }
    this.#log.drawn(this.#root);
  }

  #isAlive = ({ state }) => ["running", "starting", "stopping"].includes(state);

  #template(row) {
    const { kind, word } = condition(row);
    const keeper = this.#page.keyboardOf(this.name);
    const lasting = shortTime((this.#page.moment() - Date.parse(since(row))) / 1000);
    const facts = [
      row.project,
      row.pid && `pid ${row.pid}`,
      row.processes > 1 && counted(row.processes, "process").replace("processs", "processes"),
      row.hands_on && "a person is attached",
      keeper && !this.#keyboard && `${keeper} has the keyboard in a browser`,
      row.queued_input && `${counted(row.queued_input, "input")} queued`,
    ].filter(Boolean);
    return html`<article class="focus t-${kind}">
      <header>
        <a class="back" href="?" @click=${(event) => this.#leave(event)}><span aria-hidden="true">←</span> All workers</a>
        <h1>${glyph(kind)} ${row.name}</h1>
        <p><b class="k-${kind}">${word}</b> for ${lasting}${facts.map((fact) => html`<span class="dot">${fact}</span>`)}</p>
        ${reasonOf(row) ? html`<p class="why-line k-${kind}">${reasonOf(row)}</p>` : nothing}
        <div class="actions">${this.#page.role === "operate" ? CAN[row.state].map((key) => this.#button(ACTIONS[key])) : nothing}</div>
      </header>
      <div class="columns">
        <div class="main">${this.#tabs()}${this.#tab === "log" ? html`<section class="panel" id="panel" role="tabpanel" aria-label="Log">${this.#log.template}</section>` : this.#screen(row)}${this.#input(row)}</div>
        <div class="side">${this.#account()}${this.#usage(row)}${this.#died()}</div>
      </div>
    </article>`;
  }

  #tabs() {
    const tab = (key, label) => html`<button role="tab" aria-controls="panel" aria-selected=${this.#tab === key} @click=${() => this.show(key)}>${label}</button>`;
    return html`<div class="tabs">
      <div role="tablist" aria-label="What of it is shown">${tab("screen", "Screen")}${tab("log", "Log")}</div>
      ${this.#tab === "screen"
        ? html`<div class="tools">
            ${this.#held ? html`<span class="quiet">still while text is selected</span>` : nothing}
            <button aria-pressed=${this.#isRead} title="Screen readers read what changes" @click=${() => this.#set(() => (this.#isRead = !this.#isRead))}>Read aloud</button>
            <button aria-pressed=${this.#isWrapped} @click=${() => this.#set(() => (this.#isWrapped = !this.#isWrapped))}>Wrap</button>
            <button @click=${() => this.#copy()}>Copy</button>
          </div>`
        : nothing}
    </div>`;
  }

  show(tab) {
    this.#tab = tab;
    if (tab === "log") this.#log.open();
    else this.#log.close();
    this.#page.tabbed(tab);
    this.draw();
  }

  #set(change) {
    change();
    this.draw();
  }

  #copy() {
    const text = [...(this.#root.querySelector(".screen")?.childNodes ?? [])].map((row) => row.textContent).join("\n");
    navigator.clipboard?.writeText(text).then(() => this.#page.say("The screen is copied."));
  }

  #screen(row) {
    return html`<section class="panel" id="panel" role="tabpanel" aria-label="Screen">
      <div class=${`screen term ${this.#isWrapped ? "wrapped" : ""} ${this.#keyboard ? "taken" : ""}`} tabindex="0" role="log"
        aria-live=${this.#isRead ? "polite" : "off"} aria-label="Screen of ${row.name}" @keydown=${(event) => this.#typed(event)} @paste=${(event) => this.#pasted(event)}></div>
      ${this.#ended ? html`<p class="ended">It has ended. This is what it printed last.</p>` : nothing}
      ${this.#rows?.length ? nothing : html`<p class="nothing">${this.#isAlive(row) ? "It shows nothing yet." : "It has no screen."}</p>`}
    </section>`;
  }

  // ── what is done ────────────────────────────────────────────────────────────────────────────────────────────────

  #button({ label, path, body, command }) {
    const line = `panevisor ${command} ${this.name}`;
    return html`<button ?disabled=${this.#isBusy} title=${line} data-action=${path} @pointerenter=${() => this.#set(() => (this.#hint = line))}
      @focus=${() => this.#set(() => (this.#hint = line))}
      @click=${() => this.#order(line, `${path}`, { wait: WAIT, ...body }, ({ verdicts }) => verdicts[0]?.text ?? "ordered")}>${label}</button>`;
  }

  async #order(line, path, body, told) {
    this.#set(() => ([this.#isBusy, this.#hint, this.#result] = [true, line, { text: "…", kind: "busy" }]));
    try {
      const answer = await order("POST", of(this.name, path), body);
      const isBad = answer.verdicts?.some(({ ok }) => !ok);
      this.#result = { text: told(answer), kind: isBad ? "bad" : "done" };
    } catch (problem) {
      const mayForce = !body.force && ["conflict", "not-permitted", "keyboard-taken"].includes(problem.code);
      const forced = () => this.#order(`${line} --force`, path, { ...body, force: true }, told);
      this.#result = { text: problem.message, kind: "bad", forced: mayForce ? forced : null };
    }
    this.#isBusy = false;
    this.#page.say(`${this.name}: ${this.#result.text}`);
    this.draw();
    return this.#result.kind === "done";
  }

  #input(row) {
    if (this.#page.role !== "operate")
      return html`<p class="cli quiet">This token may only read. <code>panevisor web token add --role operate NAME</code> makes one that may act.</p>`;
    const isOff = !this.#isAlive(row);
    return html`<section class="input" aria-label="Input">
      <div class="keys" role="group" aria-label="Keys">
        ${KEYS.map(([label, key, said]) => html`<button ?disabled=${isOff} aria-label=${said ?? label} @click=${() => this.#press(key)}>${label}</button>`)}
        <span class="grow"></span>
        ${this.#keyboard
          ? html`<button class="strong" @click=${() => this.#release()}>Give back<kbd>Ctrl Shift ⏎</kbd></button>`
          : html`<button ?disabled=${isOff} @click=${() => this.#take()}>Take keyboard</button>`}
      </div>
      <form @submit=${(event) => this.#prompt(event)}>
        <textarea name="text" rows="1" aria-label="Prompt for ${row.name}" placeholder="Type a prompt" ?disabled=${isOff}
          spellcheck="false" @keydown=${(event) => event.key === "Enter" && !event.shiftKey && !event.isComposing && this.#prompt(event)}
          @input=${({ target }) => { target.rows = Math.min(8, target.value.split("\n").length); }}></textarea>
        <button class="strong" ?disabled=${isOff || this.#isBusy}>Send</button>
      </form>
      <p class="cli" aria-live="polite">
        ${this.#hint ? html`<code><span aria-hidden="true">≙ </span>${this.#hint}</code>` : html`<span class="quiet">Workers live in tmux: what is typed here survives this page.</span>`}
        ${this.#result ? html`<span class="k-${this.#result.kind}">${this.#result.text}</span>` : nothing}
        ${this.#result?.forced ? html`<button @click=${this.#result.forced}>Do it all the same</button>` : nothing}
      </p>
    </section>`;
  }

  #press(key) {
    return this.#order(`panevisor send ${this.name} --keys ${key}`, "keys", { keys: [key] }, () => "pressed");
  }

  async #prompt(event) {
    event.preventDefault();
    const box = this.#root.querySelector("textarea");
    const text = box.value;
    if (!text.trim() || this.#isBusy) return;
    const command = text.startsWith("/") && !text.includes("\n");
    const shown = text.length > 40 || text.includes("\n") ? `${text.split("\n")[0].slice(0, 40)}…` : text;
    const line = `panevisor prompt ${this.name} ${command ? "--command " : ""}'${shown.replaceAll("'", "'\\''")}'`;
    if (await this.#order(line, "prompt", { text, command, wait: 30 }, ({ outcome }) => outcome)) {
      box.value = "";
      box.rows = 1;
    }
  }

  async #take(force = false) {
    this.#hint = `panevisor attach ${this.name}`;
    try {
      this.#keyboard = await Keyboard.take(this.name, { force, onEnd: (problem) => this.#lost(problem) });
      this.#result = { text: "The keyboard is yours: what you type goes to the worker.", kind: "wait" };
    } catch (problem) {
      const mayForce = !force && ["keyboard-taken", "not-permitted"].includes(problem.code);
      this.#result = { text: problem.message, kind: "bad", forced: mayForce ? () => this.#take(true) : null };
    }
    if (this.#tab !== "screen") this.show("screen");
    this.draw();
    if (this.#keyboard) this.#root.querySelector(".screen").focus();
    this.#page.say(this.#result.text);
  }

  #release() {
    this.#keyboard.release();
    this.#keyboard = null;
    this.#result = { text: "The keyboard is given back.", kind: "done" };
    this.draw();
  }

  #lost(problem) {
    this.#keyboard = null;
    this.#result = { text: problem.message, kind: "bad" };
    this.draw();
  }

  #typed(event) {
    if (!this.#keyboard) return;
    event.stopPropagation();
    if (isRelease(event)) {
      event.preventDefault();
      this.#release();
      return;
    }
    const input = inputOf(event);
    const isPaste = (event.ctrlKey && event.shiftKey && event.key.toLowerCase() === "v") || (event.metaKey && event.key === "v");
    if (!input || isPaste) return;
    event.preventDefault();
    this.#keyboard.type(input);
  }

  #pasted(event) {
    if (!this.#keyboard) return;
    event.preventDefault();
    this.#keyboard.type({ text: event.clipboardData.getData("text/plain") });
  }

  // ── what is known ───────────────────────────────────────────────────────────────────────────────────────────────

  #account() {
    return html`<section class="card" aria-label="Why"><h2>Why</h2>
      <div class="account" tabindex="0" role="group" aria-label="Account">${account(this.#why?.text ?? ["…"])}</div>
    </section>`;
  }

  #usage(row) {
    const samples = this.#page.history.of(this.name);
    const alive = uptime(row, this.#page.serviceUptime());
    return html`<section class="card" aria-label="Use"><h2>Use</h2>
      ${plot("CPU", samples, samples.cpu_percent, percent)} ${plot("Memory", samples, samples.rss_bytes, shortSize)}
      ${plot("Restarts", samples, samples.restarts, String)}
      <dl>
        ${alive === null ? nothing : html`<dt>Up</dt><dd>${shortTime(alive)}</dd>`}
        <dt>Log</dt><dd>${shortSize(row.log_bytes)}</dd>
        ${row.cost === null ? nothing : html`<dt>Cost</dt><dd>${row.cost.toFixed(2)}</dd>`}
        ${row.tokens === null ? nothing : html`<dt>Tokens</dt><dd>${row.tokens.toLocaleString("en")}</dd>`}
        ${Object.entries(row.labels).map(([key, value]) => html`<dt>${key}</dt><dd>${value}</dd>`)}
        ${row.depends_on.length ? html`<dt>Needs</dt><dd>${row.depends_on.join(", ")}</dd>` : nothing}
      </dl>
    </section>`;
  }

  #died() {
    if (!this.#deaths.length) return nothing;
    return html`<section class="card" aria-label="Deaths"><h2>Deaths<span>${this.#deaths.length}</span></h2>
      <ol class="deaths" role="list">${this.#deaths.map(
        (death) => html`<li><details><summary><time>${clock(death.ended_at)}</time> ${death.reason} <span class="quiet">after ${shortTime(death.uptime_s)}</span></summary>
          <pre class="term">${(death.lines ?? []).join("\n") || "It printed nothing."}</pre></details></li>`,
      )}</ol></section>`;
  }

  #leave(event) {
    if (event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    this.#page.leave();
  }
}

/** Return the lines of `panevisor why`: parts with a heading, and in them moments with what happened then. */
function account(lines) {
  return lines.map((line) => {
    if (!line.trim()) return nothing;
    const [, indent, at, text] = /^( *)((?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d)?(.*)$/.exec(line);
    if (!indent && line !== lines[0] && !/[.:,]/.test(line)) return html`<h3>${line}</h3>`;
    const [, command, means] = /^(panevisor .*?)(?: {2,}(.*))?$/.exec(text.trim()) ?? [];
    if (command) return html`<p><code>${command}</code> <span class="quiet">${means}</span></p>`;
    if (text.trim().startsWith("| ")) return html`<p><code>${text.trim().slice(2)}</code></p>`;
    return html`<p class=${at ? "then" : ""}>${at ? html`<time>${at}</time>` : nothing}${text.trim()}</p>`;
  });
}

function withoutEnd(rows) {
  let end = rows.length;
  while (end && !rows[end - 1].trim()) end -= 1;
  return rows.slice(0, end);
}
