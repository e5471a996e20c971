// Keys of a browser as text and as keys that tmux knows.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inputOf, isRelease, joined } from "./static/keyboard.js";

const typed = {
  "a letter": [{ key: "a" }, { text: "a" }],
  "a capital": [{ key: "A", shiftKey: true }, { text: "A" }],
  "a character outside of ASCII": [{ key: "東" }, { text: "東" }],
  "Enter": [{ key: "Enter" }, { keys: ["Enter"] }],
  "Shift and Enter": [{ key: "Enter", shiftKey: true }, { keys: ["S-Enter"] }],
  "Escape": [{ key: "Escape" }, { keys: ["Escape"] }],
  "Backspace": [{ key: "Backspace" }, { keys: ["BSpace"] }],
  "an arrow with Control": [{ key: "ArrowLeft", ctrlKey: true }, { keys: ["C-Left"] }],
  "Tab backwards": [{ key: "Tab", shiftKey: true }, { keys: ["BTab"] }],
  "a function key": [{ key: "F12" }, { keys: ["F12"] }],
  "Control and a letter": [{ key: "C", ctrlKey: true }, { keys: ["C-c"] }],
  "Alt and a letter": [{ key: "b", altKey: true }, { keys: ["M-b"] }],
  "Control and Space": [{ key: " ", ctrlKey: true }, { keys: ["C-Space"] }],
  "what AltGr makes": [{ key: "@", ctrlKey: true, altKey: true, getModifierState: (name) => name === "AltGraph" }, { text: "@" }],
  "a modifier alone": [{ key: "Shift", shiftKey: true }, null],
  "a key of the browser's system": [{ key: "c", metaKey: true }, null],
  "a dead key": [{ key: "Dead" }, null],
};

for (const [name, [event, input]] of Object.entries(typed)) {
  test(name, () => assert.deepEqual(inputOf(event), input));
}

test("texts that follow each other are one, keys stay in their place", () => {
  assert.deepEqual(joined([{ text: "l" }, { text: "s" }, { keys: ["Enter"] }, { text: "x" }]), [{ text: "ls" }, { keys: ["Enter"] }, { text: "x" }]);
});

test("Control Shift Enter gives the keyboard back", () => {
  assert.ok(isRelease({ key: "Enter", ctrlKey: true, shiftKey: true }));
  assert.ok(!isRelease({ key: "Enter", ctrlKey: true, shiftKey: false }));
});
