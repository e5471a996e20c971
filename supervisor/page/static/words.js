// How values are written for people, in the same form as the commands write them. Pure.

const UNITS = [["d", 86400, "h", 3600], ["h", 3600, "m", 60], ["m", 60, "s", 1]];

/** Return a duration in its two largest units: 3d 4h, 5m 3s, 4s; "–" where it is not known. */
export function shortTime(seconds) {
  if (seconds === null || Number.isNaN(seconds)) return "–";
  const whole = Math.max(0, Math.floor(seconds));
  for (const [unit, length, smaller, part] of UNITS) {
    if (whole < length) continue;
    const rest = Math.floor((whole % length) / part);
    return `${Math.floor(whole / length)}${unit}${rest ? ` ${rest}${smaller}` : ""}`;
  }
  return `${whole}s`;
}

/** Return bytes as 812 B, 3.4 MB, 21 MB; "–" where they are not known. */
export function shortSize(bytes) {
  if (bytes === null) return "–";
  let [size, unit] = [bytes, "B"];
  for (const larger of ["kB", "MB", "GB", "TB"]) {
    if (size < 1000) break;
    [size, unit] = [size / 1000, larger];
  }
  return `${size.toFixed(unit === "B" || size >= 10 ? 0 : 1)} ${unit}`;
}

export const percent = (value) => (value === null ? "–" : `${value.toFixed(value < 10 ? 1 : 0)} %`);

/** Return a local time of day, with its date if that is not today. */
export function clock(iso, now = Date.now()) {
  if (!iso) return "–";
  const at = new Date(iso);
  const time = at.toLocaleTimeString("en-GB");
  return at.toDateString() === new Date(now).toDateString() ? time : `${at.toLocaleDateString("sv-SE")} ${time}`;
}

export const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

/** Return names as a list of at most `most`: "a, b and 3 more". */
export function someOf(names, most = 3) {
  return names.slice(0, most).join(", ") + (names.length > most ? ` and ${names.length - most} more` : "");
}
