// The keyboard of a worker, from "take keyboard" until it is given back: each key in order, one request at a time.

import { of, order } from "./api.js";

const NAMES = {
  Enter: "Enter", Escape: "Escape", Backspace: "BSpace", Delete: "DC", Insert: "IC", Home: "Home", End: "End",
  PageUp: "PageUp", PageDown: "PageDown", ArrowUp: "Up", ArrowDown: "Down", ArrowLeft: "Left", ArrowRight: "Right",
};
const RENEW = 25_000; // ms; a lease lives for a minute
const MOST = 64; // items of one request

/** Return {text} or {keys: [name as tmux has it]} of a keydown; null where it means nothing to a terminal. */
export function inputOf(event) {
  const { key, ctrlKey = false, altKey = false, metaKey = false, shiftKey = false } = event;
  if (metaKey) return null;
  const isTyped = event.getModifierState?.("AltGraph") ?? false; // AltGr is Ctrl and Alt on some systems
  const ctrl = ctrlKey && !isTyped;
  const alt = altKey && !isTyped;
  const prefix = (ctrl ? "C-" : "") + (alt ? "M-" : "");
  if (key === "Tab") return { keys: [shiftKey ? `${prefix}BTab` : `${prefix}Tab`] };
  const name = NAMES[key] ?? (/^F([1-9]|1[0-2])$/.test(key) ? key : null);
  if (name) return { keys: [prefix + (shiftKey && name !== "Escape" ? "S-" : "") + name] };
  if ([...key].length !== 1) return null;
  if (!prefix) return { text: key };
  if (key === " ") return { keys: [`${prefix}Space`] };
  return { keys: [prefix + (ctrl ? key.toLowerCase() : key)] };
}

/** Whether a keydown gives the keyboard back: Ctrl+Shift+Enter, which no terminal knows. */
export const isRelease = ({ key, ctrlKey, shiftKey }) => key === "Enter" && ctrlKey && shiftKey;

/** Return the items with texts that follow each other as one. */
export function joined(items) {
  const found = [];
  for (const item of items) {
    const last = found.at(-1);
    if (item.text !== undefined && last?.text !== undefined) found[found.length - 1] = { text: last.text + item.text };
    else found.push(item);
  }
  return found;
}

export class Keyboard {
  #path;
  #waiting = [];
  #isSending = false;
  #timer;
  #onEnd;

  /** Take it; raises Problem, with the code keyboard-taken where somebody else has it and not `force`. */
  static async take(name, { force, onEnd }) {
    const { lease } = await order("POST", of(name, "keyboard"), { force });
    return new Keyboard(name, lease, onEnd);
  }

  constructor(name, lease, onEnd) {
    this.name = name;
    this.#path = of(name, "keyboard", lease);
    this.#onEnd = onEnd;
    this.#timer = setInterval(() => this.#send([]), RENEW);
  }

  type(item) {
    this.#waiting.push(item);
    this.#drain();
  }

  release() {
    clearInterval(this.#timer);
    return order("DELETE", this.#path).catch(() => {});
  }

  async #drain() {
    if (this.#isSending) return;
    this.#isSending = true;
    while (this.#waiting.length) {
      const items = joined(this.#waiting.splice(0));
      for (let at = 0; at < items.length; at += MOST) await this.#send(items.slice(at, at + MOST));
    }
    this.#isSending = false;
  }

  async #send(input) {
    try {
      await order("PUT", this.#path, { input });
    } catch (problem) {
      clearInterval(this.#timer);
      this.#waiting = [];
      this.#onEnd(problem);
    }
  }
}
