// Snapshots and deltas as rows, the order in which people need them, and the filter language.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { filter } from "./static/filter.js";
import { advanced, changes, condition, counts, grouped, needsPerson, pictured, stepped, uptime } from "./static/model.js";

const { workers, means, refused } = JSON.parse(readFileSync(new URL("filters.json", import.meta.url)));

for (const [line, names] of Object.entries(means)) {
  test(`filter ${JSON.stringify(line)}`, () => {
    const found = filter(line);
    assert.deepEqual(workers.filter((row) => found.means(row)).map(({ name }) => name), names);
    assert.deepEqual(found.problems, []);
  });
}

for (const line of refused) {
  test(`filter ${line} is a problem and leaves the rest`, () => {
    const found = filter(`${line} web`);
    assert.match(found.problems.join(), new RegExp(`^${line}: (must be|only)`));
    assert.deepEqual(workers.filter((row) => found.means(row)).map(({ name }) => name), ["web"]);
  });
}

const worker = (name, more = {}) => ({ ...workers[0], name, attention: null, since: "2026-01-01T00:00:00.000Z", ...more });
const snapshot = (rows, more = {}) => ({ seq: 1, supervisor: { uptime_s: 10 }, totals: {}, workers: rows, missed: 0, ...more });
const names = (groups) => groups.map(({ key, rows }) => [key, ...rows.map(({ name }) => name)]);

test("a delta changes, adds and removes rows, and keeps their order", () => {
  const first = pictured(snapshot([worker("a"), worker("b"), worker("c")]));
  const then = advanced(first, { base: 1, seq: 4, supervisor: { uptime_s: 12 }, workers: [worker("d"), worker("b", { state: "failed" })], left: ["a"] });
  assert.deepEqual([...then.rows.keys()], ["b", "c", "d"]);
  assert.equal(then.rows.get("b").state, "failed");
  assert.equal(first.rows.get("b").state, "running");
  assert.equal(then.seq, 4);
});

test("a delta of another picture asks for a snapshot", () => {
  assert.equal(advanced(null, { base: 1 }), null);
  assert.equal(advanced(pictured(snapshot([])), { base: 2 }), null);
});

test("a row ages with the service", () => {
  const row = pictured(snapshot([worker("a", { uptime_s: 5 })])).rows.get("a");
  assert.equal(uptime(row, 40), 35);
  assert.equal(uptime({ ...row, uptime_s: null }, 40), null);
});

test("who needs a person comes first, the longest need on top; the others project by project", () => {
  const rows = [
    worker("a", { project: "x" }),
    worker("b", { project: "y", state: "failed", since: "2026-01-01T00:00:02.000Z" }),
    worker("c", { project: "y", state: "backoff" }),
    worker("d", { project: "x", attention: "waiting", attention_since: "2026-01-01T00:00:01.000Z" }),
    worker("e", { project: "x" }),
  ];
  assert.deepEqual(names(grouped(pictured(snapshot(rows)))), [["need", "d", "b"], ["project x", "a", "e"], ["project y", "c"]]);
  assert.deepEqual(names(grouped(pictured(snapshot(rows)), ({ project }) => project === "y")), [["need", "b"], ["project y", "c"]]);
  assert.deepEqual(grouped(null), []);
});

test("a condition is one word with a kind, whatever the row knows", () => {
  assert.deepEqual(condition(worker("a")), { kind: "run", word: "running" });
  assert.deepEqual(condition(worker("a", { attention: "waiting" })), { kind: "wait", word: "waiting for you" });
  assert.deepEqual(condition(worker("a", { attention: "waiting", health: "stalled" })), { kind: "bad", word: "stalled" });
  assert.deepEqual(condition(worker("a", { state: "pending", health: null })), { kind: "busy", word: "pending" });
  for (const state of ["failed", "quarantined"]) assert.ok(needsPerson(worker("a", { state, health: null })));
});

test("counts begin with those in need and leave out what is zero", () => {
  const found = counts(pictured(snapshot([worker("a"), worker("b", { state: "failed" }), worker("c", { attention: "idle" })])));
  assert.deepEqual(found.map(({ word, count }) => [word, count]), [["needs you", 1], ["running", 2], ["failed", 1]]);
});

test("changes between two pictures are told by name", () => {
  const before = pictured(snapshot([worker("a", { life: "1" }), worker("b", { life: "1" }), worker("c")]));
  const after = pictured(snapshot([worker("a", { life: "2" }), worker("b", { life: "1" }), worker("d")]));
  assert.deepEqual(changes(before, after).map(({ name, word }) => [name, word]), [["a", "running"], ["d", "running"], ["c", "removed"]]);
  assert.deepEqual(changes(null, after), []);
});

test("the selection steps through names and stays within them", () => {
  assert.equal(stepped(["a", "b", "c"], "b", 1), "c");
  assert.equal(stepped(["a", "b", "c"], "c", 1), "c");
  assert.equal(stepped(["a", "b", "c"], null, 1), "a");
  assert.equal(stepped(["a", "b", "c"], "gone", -1), "c");
  assert.equal(stepped([], "a", 1), null);
});
