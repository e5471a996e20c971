// The page: what the server tells goes into one state, which is drawn; what people do goes into the URL or to the server.
//
//   stream ──hear──▶ state ──draw, once a frame──▶ header, tiles or one worker large, activity
//   URL ?q=FILTER&select=NAME&tab=log ◀──▶ state

import { html, nothing, render } from "./vendor/lit-html/lit-html.js";
import { ask, order } from "./api.js";
import { filter } from "./filter.js";
import { Focus } from "./focus.js";
import { header, help, login } from "./frame.js";
import { advanced, changes, condition, grouped, pictured, stepped } from "./model.js";
import { History } from "./plots.js";
import { Stream } from "./stream.js";
import { Tiles } from "./tiles.js";
import { activity } from "./activity.js";
import { someOf } from "./words.js";

const SAID_EVERY = 3000; // ms between two sentences for screen readers
const MOST_ENTRIES = 200;

const state = {
  me: null,
  picture: null,
  entries: [],
  keyboards: new Map(),
  contact: { isHere: true, at: 0, since: 0, service: "here", told: "" },
  q: "",
  filter: filter(""),
  selected: null,
  showsActivity: recalled("activity") === "shown",
  isDense: recalled("density") === "list",
  offset: 0, // the clock of the service less that of this browser, in ms
  skipped: 0,
};
const history = new History();
const $ = (id) => document.getElementById(id);
const tiles = new Tiles($("tiles"), () => show());
let stream = null;
let focus = null;
let lostPicture = null;

// ── what the server tells ───────────────────────────────────────────────────────────────────────────────────────────

const heard = {
  snapshot(data) {
    came(pictured(data), data.missed);
  },
  delta(data) {
    const next = advanced(state.picture, data);
    if (next) came(next, data.missed);
    else stream.again();
  },
  rows({ rows }) {
    tiles.take(rows);
  },
  screen(data) {
    if (focus?.name === data.name) focus.take(data);
  },
  activity({ entries }) {
    const known = new Set(state.entries.map(({ seq }) => seq));
    const isAnew = entries.length && state.entries.length && entries[0].seq < state.entries[0].seq;
    state.entries = (isAnew ? entries : [...entries.filter(({ seq }) => !known.has(seq)), ...state.entries]).slice(0, MOST_ENTRIES);
    draw();
  },
  contact({ service, since }) {
    if (service === "lost") lost("service", Date.parse(since));
    state.contact.service = service;
    draw();
  },
  keyboard({ name, by }) {
    if (by) state.keyboards.set(name, by);
    else state.keyboards.delete(name);
    draw();
  },
  closed({ code, detail }) {
    state.contact.told = detail;
    lost("closed");
    if (code === "logged-out") signedOut();
  },
  lost: () => lost("web"),
  found() {
    state.contact.isOpen = true;
  },
  "signed-out": () => signedOut(),
};

function hear(event, data) {
  if (event === "known") return known();
  return heard[event](data);
}

/** Return what a page that has just been opened needs to know, as events. */
function known() {
  if (!state.picture) return null;
  const { rows, ...head } = state.picture;
  return [
    ["snapshot", { ...head, workers: [...rows.values()], missed: 0 }],
    ["activity", { entries: state.entries }],
    ["rows", { rows: tiles.known }],
    ...[...state.keyboards].map(([name, by]) => ["keyboard", { name, by }]),
  ];
}

function came(picture, missed = 0) {
  const before = state.picture;
  state.picture = picture;
  state.offset = Date.parse(picture.supervisor.started_at) + picture.supervisor.uptime_s * 1000 - Date.now();
  state.skipped += missed;
  history.note(picture, Date.now());
  if (!state.contact.isHere) found(picture);
  else tellChanges(changes(before, picture));
  state.contact.at = Date.now();
  if (!before) show();
  draw();
}

function lost(what, since = 0) {
  if (!state.contact.isHere) return;
  lostPicture = state.picture;
  Object.assign(state.contact, { isHere: false, what, since: since || state.contact.at || Date.now(), back: null });
  say("Contact is lost; the last picture is shown.");
  draw();
}

function found(picture) {
  const { since, what } = state.contact;
  const changed = changes(lostPicture, picture);
  const isNew = lostPicture && lostPicture.supervisor.pid !== picture.supervisor.pid;
  state.contact.isHere = true;
  state.contact.back = lostPicture && { after: Date.now() - since, changed, isNew, what };
  say(`Contact is back. ${changed.length ? `Changed meanwhile: ${someOf(changed.map(({ name }) => name))}.` : "No worker has changed meanwhile."}`);
  lostPicture = null;
  show();
}

function signedOut() {
  stream?.close();
  stream = null;
  state.me = null;
  focus?.close();
  focus = null;
  draw();
}

// ── what is said to those who do not see ────────────────────────────────────────────────────────────────────────────

const waiting = [];
let saidAt = 0;
let saying = null;

function tellChanges(changed) {
  if (changed.length) say(changed.slice(0, 4).map(({ name, word }) => `${name}: ${word}`).join("; ") + (changed.length > 4 ? ` and ${changed.length - 4} more` : ""));
}

function say(sentence) {
  waiting.push(sentence);
  saying ??= setTimeout(() => {
    $("say").textContent = waiting.splice(0).slice(-4).join(". ");
    saidAt = Date.now();
    saying = null;
  }, Math.max(0, saidAt + SAID_EVERY - Date.now()));
}

// ── what is drawn ───────────────────────────────────────────────────────────────────────────────────────────────────

let isDrawing = false;

function draw() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    drawNow();
  });
}

function drawNow() {
  document.body.classList.toggle("stale", !state.contact.isHere);
  document.body.classList.toggle("dense", state.isDense);
  document.title = titleOf(state.picture);
  render(state.me ? header(state, actions) : nothing, $("top"));
  if (!state.me) {
    render(login(state.problem, signIn), $("tiles"));
    $("activity").hidden = true;
    return;
  }
  $("tiles").hidden = Boolean(focus);
  $("activity").hidden = !state.showsActivity;
  if (state.showsActivity) render(activity(state.entries, actions), $("activity"));
  if (focus) focus.draw();
  else if (state.picture) drawTiles();
  else render(html`<p class="nothing">…</p>`, $("tiles"));
}

function drawTiles() {
  tiles.draw(grouped(state.picture, state.filter.means), {
    moment: moment(),
    serviceUptime: serviceUptime(),
    selected: state.selected,
    history,
    isFiltered: state.q !== "",
    open: (name) => go({ select: name }),
  });
}

function titleOf(picture) {
  const need = [...(picture?.rows.values() ?? [])].filter((row) => ["wait", "bad"].includes(condition(row).kind)).length;
  return [need ? `(${need})` : "", focus?.name, "Panevisor"].filter(Boolean).join(" ");
}

const moment = () => (state.contact.isHere ? Date.now() : state.contact.at) + state.offset; // while contact is lost, nothing ages
const serviceUptime = () => (state.picture ? (moment() - Date.parse(state.picture.supervisor.started_at)) / 1000 : 0);

function show() {
  stream?.show(document.hidden || focus || state.isDense ? [] : tiles.inSight(), focus?.name ?? null);
}

// ── what people do ──────────────────────────────────────────────────────────────────────────────────────────────────

/** Go to another view; `replace` where it is no step that Back should undo. */
function go(change, replace = false) {
  const query = new URLSearchParams(location.search);
  for (const [key, value] of Object.entries(change)) {
    if (value) query.set(key, value);
    else query.delete(key);
  }
  const url = `${location.pathname}${query.size ? `?${query}` : ""}`;
  window.history[replace ? "replaceState" : "pushState"](null, "", url);
  arrive();
}

function arrive() {
  const query = new URLSearchParams(location.search);
  state.q = query.get("q") ?? "";
  state.filter = filter(state.q);
  const name = query.get("select");
  if (focus && focus.name !== name) {
    state.selected = focus.name;
    focus.close();
    focus = null;
    requestAnimationFrame(() => requestAnimationFrame(reveal));
  }
  if (name && !focus && state.me) {
    focus = new Focus($("focus"), name, query.get("tab") ?? "screen", page);
    scrollTo(0, 0);
    $("main").focus({ preventScroll: true });
  }
  show();
  draw();
}

const page = {
  history,
  moment,
  serviceUptime,
  say,
  get role() {
    return state.me?.role;
  },
  row: (name) => state.picture?.rows.get(name),
  keyboardOf: (name) => state.keyboards.get(name),
  leave: () => go({ select: null, tab: null }),
  tabbed: (tab) => go({ tab: tab === "screen" ? null : tab }, true),
};

const actions = {
  filter: (q) => go({ q }, true),
  open: (name) => go({ select: name }),
  leave: () => go({ select: null, tab: null }),
  toggleActivity: () => kept("activity", (state.showsActivity = !state.showsActivity) ? "shown" : "hidden"),
  toggleDensity: () => kept("density", (state.isDense = !state.isDense) ? "list" : "tiles"),
  dismiss: () => ((state.contact.back = null), draw()),
  help: () => {
    render(help(), $("help"));
    $("help").showModal();
  },
  signOut: () => order("POST", "logout").catch(() => {}).then(signedOut),
};

function kept(key, value) {
  try {
    localStorage.setItem(`panevisor ${key}`, value);
  } catch {
    // a browser that keeps nothing
  }
  show();
  draw();
}

function recalled(key) {
  try {
    return localStorage.getItem(`panevisor ${key}`);
  } catch {
    return null;
  }
}

function reveal() {
  const link = tiles.element(state.selected)?.querySelector("a");
  link?.focus({ preventScroll: true });
  link?.scrollIntoView({ block: "nearest" });
}

function step(steps) {
  const names = [...document.querySelectorAll("#tiles li")].map((tile) => tile.dataset.name);
  state.selected = stepped(names, state.selected, steps);
  drawNow();
  reveal();
}

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || $("help").open || !state.me) return;
  const isField = event.target.matches("input, textarea, select");
  if (event.key === "Escape") {
    if (isField) event.target.blur();
    else if (focus) page.leave();
    else if (state.q) go({ q: "" }, true);
    return;
  }
  if (isField) return;
  const done = {
    "/": () => $("filter")?.focus(),
    "?": actions.help,
    a: actions.toggleActivity,
    d: focus ? null : actions.toggleDensity,
    j: focus ? null : () => step(1),
    k: focus ? null : () => step(-1),
    Enter: !focus && state.selected && event.target === document.body ? () => actions.open(state.selected) : null,
    l: focus ? () => focus.show("log") : null,
    s: focus ? () => focus.show("screen") : null,
    p: focus ? () => $("focus").querySelector("textarea")?.focus() : null,
  }[event.key];
  if (!done) return;
  event.preventDefault();
  done();
});
addEventListener("popstate", arrive);
document.addEventListener("visibilitychange", show);
$("tiles").addEventListener("focusin", ({ target }) => {
  const tile = target.closest("li[data-name]");
  if (!tile || tile.dataset.name === state.selected) return;
  state.selected = tile.dataset.name;
  draw();
});
setInterval(() => document.hidden || !state.picture || draw(), 1000); // what tells a time grows older

// ── who it is ───────────────────────────────────────────────────────────────────────────────────────────────────────

async function signIn(token) {
  try {
    signedIn(await order("POST", "login", { token }));
  } catch (problem) {
    state.problem = problem.message;
    draw();
  }
}

function signedIn(me) {
  Object.assign(state, { me, problem: "" });
  state.contact.isHere = true;
  render(nothing, $("tiles"));
  stream = new Stream(hear);
  arrive();
}

async function begin() {
  const [, token] = /^#token=(.+)$/.exec(location.hash) ?? [];
  if (location.hash) window.history.replaceState(null, "", location.pathname + location.search);
  if (token) return signIn(decodeURIComponent(token));
  try {
    signedIn(await ask("me"));
  } catch (problem) {
    if (problem.status !== 401) state.problem = problem.message;
    draw();
  }
}

begin();
