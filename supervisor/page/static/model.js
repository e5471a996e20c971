// The picture as the page knows it: a snapshot and what has changed since, in the order in which people need it. Pure.
//
//   snapshot, delta ──pictured, advanced──▶ {rows, …} ──grouped──▶ [{title, rows}]   the first group needs a person

export const STATES = ["running", "completed", "starting", "stopping", "pending", "backoff", "failed", "quarantined", "stopped"];
const OVER = { failed: "bad", quarantined: "bad", backoff: "back", stopped: "off", completed: "done" };
const AT = { waiting: "wait", held: "held", idle: "idle", working: "run" };

/** Return the picture of a whole snapshot. `rows`: name → row, in the order of the config. */
export function pictured(snapshot) {
  const { workers, missed, ...head } = snapshot;
  return { ...head, rows: new Map(workers.map((row) => [row.name, seen(row, head)])) };
}

/** Return the picture after a delta; null where it does not follow this picture, so that a snapshot is needed. */
export function advanced(picture, delta) {
  if (!picture || delta.base !== picture.seq) return null;
  const { workers, left, base, missed, ...head } = delta;
  const rows = new Map(picture.rows);
  for (const name of left) rows.delete(name);
  for (const row of workers) rows.set(row.name, seen(row, head));
  return { ...head, rows };
}

const seen = (row, { supervisor }) => ({ ...row, seen: supervisor.uptime_s });

/** Return the seconds that its process has lived, when the service has run for `at` seconds; null without one. */
export function uptime(row, at = row.seen) {
  return (row.uptime_s ?? null) === null ? null : row.uptime_s + Math.max(0, at - row.seen || 0);
}

/** Whether the worker will not get well by itself, or waits for a person: as supervisor/explain/need.py. */
export function needsPerson(row) {
  return (
    row.state === "failed" ||
    row.state === "quarantined" ||
    row.health === "stalled" ||
    row.health === "unready" ||
    row.attention === "waiting"
  );
}

/** Whether it does what it is to do, or has done it. */
export const isWell = (row) => row.state === "running" || row.state === "completed";

/** Return since when it is as it is, as text; times of the picture sort as text. */
export function since(row) {
  return row.attention_since ?? row.since;
}

/** Return the rows that are meant: those in need first, the longest need on top, then project by project. */
export function grouped(picture, means = () => true) {
  const at = picture?.supervisor.uptime_s;
  const rows = [...(picture?.rows.values() ?? [])].filter((row) => means(row, at));
  const inNeed = rows.filter(needsPerson).sort((one, other) => (since(one) < since(other) ? -1 : 1));
  const projects = new Map(rows.map((row) => [row.project, []]));
  for (const row of rows) if (!needsPerson(row)) projects.get(row.project).push(row);
  const groups = [...projects]
    .map(([project, members]) => ({ key: `project ${project}`, project, rows: members }))
    .filter((group) => group.rows.length);
  return inNeed.length ? [{ key: "need", project: null, rows: inNeed }, ...groups] : groups;
}

/** Return {kind, word}: the kind decides shape and colour, the word says it. */
export function condition(row) {
  if (row.state !== "running") return { kind: OVER[row.state] ?? "busy", word: row.state };
  if (row.health === "stalled" || row.health === "unready") return { kind: "bad", word: row.health };
  if (row.attention === "waiting") return { kind: "wait", word: "waiting for you" };
  return { kind: AT[row.attention] ?? "run", word: row.attention ?? "running" };
}

/** Return [{word, kind, count, filter}]: how many need a person, and how many are in each state. */
export function counts(picture) {
  const rows = [...(picture?.rows.values() ?? [])];
  const inNeed = rows.filter(needsPerson).length;
  const states = STATES.map((state) => ({
    word: state,
    kind: OVER[state] ?? (state === "running" ? "run" : "busy"),
    count: rows.filter((row) => row.state === state).length,
    filter: `state:${state}`,
  }));
  const need = { word: inNeed === 1 ? "needs you" : "need you", kind: "wait", count: inNeed, filter: "is:need" };
  return [need, ...states].filter(({ count }) => count);
}

/** Return what changed between two pictures, as [{name, word, kind}] of the later one, or with the word "removed". */
export function changes(before, after) {
  const found = [];
  if (!before) return found;
  for (const [name, row] of after.rows) {
    const [was, is] = [before.rows.get(name), condition(row)];
    if (!was || condition(was).word !== is.word || was.life !== row.life) found.push({ name, ...is });
  }
  for (const name of before.rows.keys()) if (!after.rows.has(name)) found.push({ name, word: "removed", kind: "off" });
  return found;
}

/** Return the name that `steps` after the selected one among `names`; from none, the first or the last. */
export function stepped(names, selected, steps) {
  const at = names.indexOf(selected);
  if (at < 0) return (steps > 0 ? names[0] : names.at(-1)) ?? null;
  return names[Math.min(Math.max(0, at + steps), names.length - 1)];
}
