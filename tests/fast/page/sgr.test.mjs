// What a capture holds, as runs: the cases in sgr.json are those of supervisor/text/runs.py too.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CONTRAST, THEMES, colours, contrast, hex, inTheme } from "./static/colours.js";
import { lines, runs } from "./static/sgr.js";

for (const { name, text, lines: wanted } of JSON.parse(readFileSync(new URL("sgr.json", import.meta.url)))) {
  test(name, () => assert.deepEqual([...lines(text)].map((line) => line.map(([said, style]) => [said, { ...style }])), wanted));
}

test("every pair of colours can be read in both themes", () => {
  const all = [undefined, ...Array(256).keys(), "#010203", "#fefdfc", "#808080"];
  for (const theme of THEMES)
    for (const fg of all)
      for (const bg of [undefined, 0, 1, 7, 8, 15, 16, 100, 235, 244, 255, "#777777"])
        for (const look of [{}, { inverse: true }, { faint: true }]) {
          const shown = inTheme({ fg, bg, ...look }, theme);
          assert.ok(contrast(hex(shown.fg), hex(shown.bg)) >= CONTRAST, JSON.stringify({ fg, bg, ...look, shown }));
        }
});

test("the terminal's own colours are left to the style sheet", () => {
  assert.deepEqual(colours(runs("\x1b[1;4mbold").runs[0][1]), { color: "", background: "" });
  assert.match(colours({ fg: 1 }).color, /^light-dark\(#......, #......\)$/);
  assert.equal(colours({ fg: 1 }).background, "");
});

test("red stays red where it can be read", () => {
  for (const theme of THEMES) assert.equal(inTheme({ fg: 1 }, theme).fg, theme.palette[1]);
});
