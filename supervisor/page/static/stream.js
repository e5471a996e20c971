// One stream a browser, however many pages it shows: HTTP/1.1 has six connections for a host, and a stream keeps one.
//
//   server ──EventSource──▶ the leader (who has the lock) ──BroadcastChannel──▶ the other pages
//   pages  ──what they show──▶ the leader ──PUT views──▶ server
//
// When the leader goes, the lock goes to the next page, which opens a stream of its own.

import { ask, newId, order } from "./api.js";

const EVENTS = ["snapshot", "delta", "rows", "screen", "activity", "contact", "keyboard", "closed", "ping"];
const SILENCE = 40_000; // ms without an event, of which there is one each 15 s: the connection is dead
const GONE = 150_000; // ms without a word from a page; pages that are hidden are woken once a minute
const MOST_VISIBLE = 64;
const MOST_FOCUSED = 8;

export class Stream {
  #hear;
  #me = newId();
  #wants = new Map(); // page → {visible, focus, at}
  #screens = new Map(); // name → the last `screen` of it: a page that comes later shows it at once
  #channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("panevisor") : null;
  #source = null;
  #isLeader = false;
  #isClosed = false;
  #heardAt = 0;
  #putting = null;
  #letGo = () => {};

  /** `hear(event, data)` gets each event of the server, and "lost" and "found" for the connection itself. */
  constructor(hear) {
    this.#hear = hear;
    this.#wants.set(this.#me, { visible: [], focus: null, at: Date.now() });
    this.#channel?.addEventListener("message", ({ data }) => this.#told(data));
    addEventListener("pagehide", () => this.#tell({ gone: this.#me }));
    addEventListener("online", () => this.#isLeader && this.#reopen(0));
    setInterval(() => this.#look(), 5000);
    if (this.#channel && navigator.locks) {
      navigator.locks.request("panevisor stream", () => this.#lead());
      this.#tell({ hello: this.#me });
    } else this.#lead();
  }

  /** Say which workers' last rows, and whose whole screen, this page shows. */
  show(visible, focus) {
    this.#wants.set(this.#me, { visible, focus, at: Date.now() });
    if (this.#isLeader) this.#wanted(focus);
    else this.#tell({ from: this.#me, want: { visible, focus } });
  }

  /** Ask for the whole picture again: what came does not follow what is known. */
  again() {
    if (this.#isLeader) this.#reopen(0, true);
    else this.#tell({ hello: this.#me });
  }

  close() {
    this.#isClosed = true;
    this.#source?.close();
    this.#letGo();
  }

  #lead() {
    if (this.#isClosed) return undefined;
    this.#isLeader = true;
    this.#open();
    this.#tell({ leads: this.#me });
    return new Promise((resolve) => (this.#letGo = resolve));
  }

  #open() {
    this.#screens.clear();
    this.#heardAt = Date.now();
    this.#source?.close();
    const source = new EventSource(`/api/v1/stream?view=${this.#me}`);
    this.#source = source;
    source.onopen = () => this.#pass("found", {});
    source.onerror = () => source === this.#source && this.#failed(source);
    for (const event of EVENTS) source.addEventListener(event, ({ data }) => this.#came(event, JSON.parse(data)));
    this.#put();
  }

  #came(event, data) {
    this.#heardAt = Date.now();
    if (event === "screen") this.#screens.set(data.name, data);
    if (event === "closed") {
      this.#source.close();
      this.#isClosed = true;
    }
    if (event !== "ping") this.#pass(event, data);
  }

  async #failed(source) {
    this.#pass("lost", {});
    if (source.readyState !== EventSource.CLOSED || this.#isClosed) return; // the browser tries again by itself
    const status = await ask("me").then(() => 200, (problem) => problem.status);
    if (status === 401) this.#pass("signed-out", {});
    else this.#reopen(1000 + Math.random() * 2000);
  }

  #reopen(after) {
    if (this.#isClosed) return;
    this.#source?.close();
    setTimeout(() => this.#isClosed || this.#open(), after);
  }

  #look() {
    const now = Date.now();
    if (!this.#isLeader) this.#tell({ from: this.#me, want: this.#wants.get(this.#me) });
    else if (!this.#isClosed && this.#source.readyState === EventSource.OPEN && now - this.#heardAt > SILENCE) {
      this.#pass("lost", {});
      this.#reopen(Math.random() * 2000);
    }
    for (const [page, { at }] of this.#wants) if (page !== this.#me && now - at > GONE) this.#wants.delete(page);
  }

  #pass(event, data) {
    this.#tell({ event, data });
    this.#hear(event, data);
  }

  #tell(message) {
    this.#channel?.postMessage(message);
  }

  #told({ event, data, from, want, hello, leads, gone, to, known }) {
    if (event && !this.#isLeader) this.#hear(event, data);
    if (to === this.#me) for (const [event, data] of known) this.#hear(event, data);
    if (leads) this.show(this.#wants.get(this.#me).visible, this.#wants.get(this.#me).focus);
    if (!this.#isLeader) return;
    if (hello) this.#tell({ to: hello, known: this.#hear("known", null) ?? [] });
    if (gone) this.#wants.delete(gone);
    if (want) {
      const before = JSON.stringify(this.#wants.get(from) ?? null, ["visible", "focus"]);
      this.#wants.set(from, { ...want, at: Date.now() });
      if (JSON.stringify(want, ["visible", "focus"]) === before) return;
    }
    if (want) this.#wanted(want.focus);
    else if (gone) this.#put();
  }

  #wanted(focus) {
    if (this.#screens.has(focus)) this.#pass("screen", this.#screens.get(focus));
    this.#put();
  }

  #put() {
    clearTimeout(this.#putting);
    this.#putting = setTimeout(() => {
      const wants = [...this.#wants.values()];
      const visible = [...new Set(wants.flatMap((want) => want.visible))].slice(0, MOST_VISIBLE);
      const focus = [...new Set(wants.flatMap((want) => want.focus ?? []))].slice(0, MOST_FOCUSED);
      for (const name of this.#screens.keys()) if (!focus.includes(name)) this.#screens.delete(name);
      order("PUT", `views/${this.#me}`, { visible, focus: focus.length > 1 ? focus : (focus[0] ?? null) }).catch(() => {});
    }, 100);
  }
}
