// Which workers a line like `state:failed rss>1G tier=db "disk full" -test` means; the twin of supervisor/explain/filter.py.
//
//   line ──filter──▶ {means: row → bool, problems: ["rss>much: must be a size"]}
//
// A term that cannot be read is a problem, and is left out: a line is often half typed. Pure. docs/filter.md describes
// the language; tests/fast/explain/filters.json has the cases of both twins.

import { isWell, needsPerson, uptime } from "./model.js";

const TERM = /(?<minus>-?)(?:(?<field>[\p{L}\p{N}_.-]+)(?<op>>=|<=|[:=<>])(?<value>(?:"[^"]*"?|[^\s"])*)|(?<text>"[^"]*"?|\S+))/gu;
const WORDS = {
  name: (row) => [row.name],
  project: (row) => [row.project],
  state: (row) => [row.state],
  health: (row) => [row.health],
  attention: (row) => [row.attention],
  reason: (row) => [row.reason, row.attention_text],
  label: (row) => Object.entries(row.labels).flatMap(([key, value]) => [key, value, `${key}=${value}`]),
  is: (row) => [needsPerson(row) ? "need" : isWell(row) ? "well" : null, row.hands_on ? "attached" : null],
};
const EVERYWHERE = ["name", "project", "state", "health", "attention", "reason"];
const plain = (key) => [(row) => row[key], (text) => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : NaN), "number"];
const NUMBERS = {
  cpu: [(row) => row.cpu_percent, (text) => plain()[1](text.replace(/%$/, "")), "number"],
  rss: [(row) => row.rss_bytes, size, "size"],
  uptime: [uptime, seconds, "duration"],
  ...Object.fromEntries(
    ["restarts", "attempt", "processes", "tokens", "cost", "pid", "exit_code", "exit_signal"].map((key) => [key, plain(key)]),
  ),
};
const COMPARE = {
  ">": (found, wanted) => found > wanted,
  "<": (found, wanted) => found < wanted,
  ">=": (found, wanted) => found >= wanted,
  "<=": (found, wanted) => found <= wanted,
  "=": (found, wanted) => found === wanted,
  ":": (found, wanted) => found === wanted,
};
const POWERS = { k: 1, m: 2, g: 3, t: 4 };
const UNITS = { d: 86400, h: 3600, m: 60, s: 1, ms: 0.001 };

/** Return what the line means, for rows as they were when the service had run for `at` seconds. */
export function filter(line) {
  const problems = [];
  const tests = [];
  for (const { 0: whole, groups } of line.matchAll(TERM)) {
    if (whole === "-" || whole === '""') continue;
    try {
      const test = groups.field === undefined ? ofText(groups.text) : ofField(groups);
      tests.push(groups.minus ? (row, at) => !test(row, at) : test);
    } catch (problem) {
      problems.push(`${whole}: ${problem.message}`);
    }
  }
  return { means: (row, at) => tests.every((test) => test(row, at)), problems };
}

function ofText(text) {
  const wanted = text.replace(/^"+|"+$/g, "").toLowerCase();
  return (row) => EVERYWHERE.some((field) => WORDS[field](row).some((there) => there?.toLowerCase().includes(wanted)));
}

function ofField({ field, op, value }) {
  const [name, wanted] = [field.toLowerCase(), value.replaceAll('"', "")];
  if (Object.hasOwn(NUMBERS, name)) return ofNumber(NUMBERS[name], op, wanted);
  if (op !== ":" && op !== "=") throw new Error(`only ${Object.keys(NUMBERS).join(", ")} can be compared`);
  const words = Object.hasOwn(WORDS, name) ? WORDS[name] : (row) => [row.labels[field]];
  const fits = wanted.toLowerCase().split(",").map((part) => fitting(part, op === "="));
  return (row) => words(row).some((there) => there && fits.some((fit) => fit(there.toLowerCase())));
}

function ofNumber([valueOf, read, kind], op, text) {
  const wanted = read(text);
  if (Number.isNaN(wanted)) throw new Error(`must be a ${kind}`);
  return (row, at) => (valueOf(row, at) ?? null) !== null && COMPARE[op](valueOf(row, at), wanted);
}

function fitting(wanted, isExact) {
  if (!/[*?]/.test(wanted)) return isExact ? (there) => there === wanted : (there) => there.includes(wanted);
  const parts = wanted.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  const pattern = new RegExp(`^${parts}$`, "su");
  return (there) => pattern.test(there);
}

function size(text) {
  const [, count, power, binary] = /^(\d+(?:\.\d+)?) ?(?:([kKMGT])(i?))?B?$/.exec(text) ?? [];
  return count === undefined ? NaN : Number(count) * (binary ? 1024 : 1000) ** (POWERS[power?.toLowerCase()] ?? 0);
}

function seconds(text) {
  if (/^\d+$/.test(text)) return Number(text);
  if (!/^(\d+(\.\d+)?d)?(\d+(\.\d+)?h)?(\d+(\.\d+)?m)?(\d+(\.\d+)?s)?(\d+(\.\d+)?ms)?$/.test(text) || !text) return NaN;
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[dhms])/g)].reduce((sum, [, count, unit]) => sum + count * UNITS[unit], 0);
}
