// What a capture holds, as runs of text in one style each; the twin of supervisor/text/runs.py. Pure.
//
//   "\x1b[1;31mfailed\x1b[0m: disk full"  ──runs──▶  ["failed", {bold, fg: 1}], [": disk full", {}]
//
// The server sends lines with SGR codes alone. Whatever else might come is left out all the same: what acts on a
// terminal, what turns the direction of text, what breaks lines. tests/fast/text/sgr.json has the cases of both twins.

export const PLAIN = Object.freeze({});

const HIDDEN = "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069";
const TOKEN = new RegExp(
  `(?<text>[^\\n${HIDDEN}]+)` +
    "|(?:\\x1b\\[|\\x9b)(?<params>[0-?]*)(?<between>[ -/]*)(?<final>[@-~]?)" + // CSI: colours, cursor
    "|(?:\\x1b\\]|\\x9d)[^\\n\\x07\\x1b\\x9c]*(?:\\x07|\\x1b\\\\|\\x9c)?" + // OSC: titles, links
    "|(?:\\x1b[PX^_]|[\\x90\\x98\\x9e\\x9f])[^\\n\\x1b\\x9c]*(?:\\x1b\\\\|\\x9c)?" + // DCS, SOS, PM, APC
    "|\\x1b[ -/]*[0-~]?" +
    "|(?<shift>[\\x0e\\x0f])|[^]",
  "gu",
);
const DRAWN = new Map(
  [..."`afgijklmnopqrstuvwxyz{|}~"].map((letter, at) => [letter, [..."◆▒°±␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·"][at]]),
);
const SETS = { 1: "bold", 2: "faint", 3: "italic", 4: "underline", 7: "inverse", 8: "hidden", 9: "strike", 21: "underline" };
const RESETS = { 22: ["bold", "faint"], 23: ["italic"], 24: ["underline"], 27: ["inverse"], 28: ["hidden"], 29: ["strike"] };

/** Yield the runs of each line of a capture; a style goes on over the end of a line. */
export function* lines(captured) {
  let style = PLAIN;
  for (const line of captured.split("\n")) {
    const found = runs(line, style);
    style = found.style;
    yield found.runs;
  }
}

/** Return {runs: [[text, style], …], style} of a line that begins in `style`; the second is that of the next line. */
export function runs(line, style = PLAIN) {
  const found = [];
  let look = visible(style);
  for (const { 0: whole, groups } of line.matchAll(TOKEN)) {
    if (groups.text !== undefined) {
      const text = style.drawing ? [...groups.text].map((letter) => DRAWN.get(letter) ?? letter).join("") : groups.text;
      const last = found.at(-1);
      if (last && same(last[1], look)) last[0] += text;
      else found.push([text, look]);
    } else if (groups.shift || (groups.final === "m" && !groups.between)) {
      style = groups.shift ? changed(style, { drawing: whole === "\x0e" }) : styled(style, groups.params);
      look = visible(style);
    }
  }
  return { runs: found, style };
}

function styled(style, params) {
  if (!/^[0-9;:]*$/.test(params)) return style; // private: no SGR
  const parts = params.split(";");
  while (parts.length) {
    let [first, ...more] = parts.shift().split(":");
    const number = numberOf(first);
    if (number !== 38 && number !== 48 && number !== 58) {
      style = simple(style, number, more);
      continue;
    }
    if (!more.length) more = parts.splice(0, { 5: 2, 2: 4 }[parts[0]] ?? 0); // its arguments are the next codes
    else if (more[0] === "2" && more.length > 4) more.splice(1, 1); // 38:2:SPACE:R:G:B
    const colour = extended(more.map(numberOf));
    if (colour !== null && number !== 58) style = changed(style, number === 38 ? { fg: colour } : { bg: colour });
  }
  return style;
}

function simple(style, number, more) {
  if (number === 0) return style.drawing ? { drawing: true } : PLAIN;
  if (number === 4 && more.length) return changed(style, { underline: more[0] !== "0" });
  if (SETS[number]) return changed(style, { [SETS[number]]: true });
  if (RESETS[number]) return changed(style, Object.fromEntries(RESETS[number].map((look) => [look, false])));
  if (number === 39) return changed(style, { fg: false });
  if (number === 49) return changed(style, { bg: false });
  if (number >= 30 && number <= 37) return changed(style, { fg: number - 30 });
  if (number >= 90 && number <= 97) return changed(style, { fg: number - 82 });
  if (number >= 40 && number <= 47) return changed(style, { bg: number - 40 });
  if (number >= 100 && number <= 107) return changed(style, { bg: number - 92 });
  return style;
}

function extended([kind, ...numbers]) {
  if (kind === 5 && numbers[0] < 256) return numbers[0];
  const rgb = numbers.slice(0, 3);
  if (kind !== 2 || rgb.length < 3 || !rgb.every((part) => part < 256)) return null;
  return "#" + rgb.map((part) => part.toString(16).padStart(2, "0")).join("");
}

const numberOf = (part) => (part.length < 6 ? Number(part) : NaN);

function changed(style, change) {
  const next = { ...style, ...change };
  for (const key in next) if (next[key] === false) delete next[key];
  return next;
}

function visible({ drawing, ...look }) {
  return look;
}

function same(one, other) {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}
