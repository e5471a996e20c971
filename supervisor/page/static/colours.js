// The colours of a terminal on a light and on a dark ground, each with a contrast of at least 4.5. Pure.
//
//   {fg: 1, faint: true}  ──colours──▶  {color: "light-dark(#…, #…)", background: ""}
//
// Programs choose colours for a ground that they do not know. Where a pair is hard to read, the text moves towards
// black or white until it is not. Both themes are told at once, so nothing is painted again when the theme changes.

export const CONTRAST = 4.5;
export const THEMES = [
  {
    ground: "#fbfaf8",
    ink: "#24272c",
    palette: [
      "#24272c", "#b3261e", "#256b3a", "#7d5700", "#2456a8", "#8b3a8f", "#0f6873", "#6a6f78",
      "#5c626b", "#c4362b", "#2f7a45", "#8a6100", "#2f66c4", "#9a45a0", "#157682", "#3b4048",
    ],
  },
  {
    ground: "#0e1013",
    ink: "#d3d7dd",
    palette: [
      "#7a828e", "#f0837a", "#86cc94", "#e3bd6f", "#86aef0", "#cf9ae0", "#75c7cf", "#c3c8d0",
      "#8f97a3", "#ff9d94", "#a3e0ae", "#f2d28e", "#a5c4fa", "#e0b4ef", "#97dde4", "#f1f3f6",
    ],
  },
];
const STEPS = [0, 95, 135, 175, 215, 255];
const known = new Map(); // style → its colours; bounded, as a program may show any number of them
const MOST = 4096;

/** Return {color, background} as CSS has them; "" where the terminal's own colour is meant. */
export function colours(style) {
  const { fg = "", bg = "", inverse = false, faint = false } = style;
  if (fg === "" && bg === "" && !inverse && !faint) return { color: "", background: "" };
  const key = `${fg} ${bg} ${inverse} ${faint}`;
  let found = known.get(key);
  if (!found) {
    if (known.size >= MOST) known.clear();
    const [light, dark] = THEMES.map((theme) => inTheme(style, theme));
    found = {
      color: `light-dark(${light.fg}, ${dark.fg})`,
      background: bg === "" && !inverse ? "" : `light-dark(${light.bg}, ${dark.bg})`,
    };
    known.set(key, found);
  }
  return found;
}

/** Return {fg, bg} as #rrggbb, for one of THEMES. */
export function inTheme({ fg, bg, inverse = false, faint = false }, theme) {
  const own = [hex(theme.ink), hex(theme.ground)];
  let ground = rgb(bg, theme) ?? own[1];
  let front = rgb(fg, theme) ?? (contrast(own[0], ground) >= contrast(own[1], ground) ? own[0] : own[1]);
  if (inverse) [front, ground] = [ground, front];
  if (faint) front = mixed(front, ground, 0.3);
  return { fg: css(legible(front, ground)), bg: css(ground) };
}

/** Return the contrast of two colours, 1 to 21: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
export function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

export const hex = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

function legible(front, ground) {
  if (contrast(front, ground) >= CONTRAST) return front;
  const end = contrast([0, 0, 0], ground) > contrast([255, 255, 255], ground) ? [0, 0, 0] : [255, 255, 255];
  for (let share = 0.1; share < 1; share += 0.1) {
    const moved = mixed(front, end, share);
    if (contrast(moved, ground) >= CONTRAST) return moved;
  }
  return end;
}

function rgb(colour, theme) {
  if (colour === undefined) return null;
  if (typeof colour === "string") return hex(colour);
  if (colour < 16) return hex(theme.palette[colour]);
  if (colour >= 232) return Array(3).fill(8 + 10 * (colour - 232));
  return [36, 6, 1].map((part) => STEPS[Math.floor((colour - 16) / part) % 6]);
}

const mixed = (one, other, share) => one.map((part, at) => Math.round(part + (other[at] - part) * share));
const css = (parts) => "#" + parts.map((part) => part.toString(16).padStart(2, "0")).join("");

function luminance(parts) {
  const [r, g, b] = parts.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
