// What stands around the workers: the head of the page, what is wrong with the service, sign-in, help.

import { html, nothing } from "./vendor/lit-html/lit-html.js";
import { glyph, mark } from "./glyphs.js";
import { counts } from "./model.js";
import { clock, counted, percent, shortSize, shortTime, someOf } from "./words.js";

export function header(state, actions) {
  const { picture, q, filter, me, showsActivity, isDense } = state;
  return html`<div class="bar">
      <a class="brand" href="?" @click=${(event) => { event.preventDefault(); actions.leave(); }}>${mark}<b>Panevisor</b><span class="where">${placeOf(picture)}</span></a>
      <form role="search" @submit=${(event) => event.preventDefault()}>
        <input id="filter" type="search" .value=${q} aria-label="Filter the workers" aria-describedby="filter-problem" spellcheck="false" autocomplete="off"
          placeholder="Filter: text, state:failed, rss&gt;1G, tier=web" @input=${({ target }) => actions.filter(target.value)} />
        <kbd aria-hidden="true">/</kbd>
      </form>
      <nav aria-label="Page">
        ${contactOf(state.contact)}
        <button aria-pressed=${isDense} title="d" @click=${actions.toggleDensity}>List</button>
        <button aria-pressed=${showsActivity} title="a" @click=${actions.toggleActivity}>Activity</button>
        <button aria-label="Help" title="?" @click=${actions.help}>?</button>
        <button class="me" popovertarget="me">${me.name}</button>
        <div id="me" popover>
          <p><b>${me.name}</b> ${me.role === "operate" ? "may look and act" : "may look"}.</p>
          <p class="quiet">${me.expires_at ? `This token is good until ${clock(me.expires_at)}.` : "This token does not expire."}</p>
          <button class="strong" @click=${actions.signOut}>Sign out</button>
        </div>
      </nav>
    </div>
    <p id="filter-problem" class="problem" role="status">${filter.problems.join("; ")}</p>
    ${picture ? summary(picture, q, actions) : nothing} ${notices(state, actions)}`;
}

const placeOf = (picture) => picture?.supervisor.config.path.split("/").slice(-2).join("/") ?? "";

function contactOf({ isHere, since }) {
  return isHere
    ? html`<span class="contact"><span class="beat" aria-hidden="true"></span>live</span>`
    : html`<span class="contact k-bad">${glyph("bad")}no contact for ${shortTime((Date.now() - since) / 1000)}</span>`;
}

function summary(picture, q, { filter }) {
  const { totals } = picture;
  return html`<div class="summary">
    <ul role="list" aria-label="Workers by state">
      <li><button aria-pressed=${q === ""} @click=${() => filter("")}>${counted(totals.workers, "worker")}</button></li>
      ${counts(picture).map(({ word, kind, count, filter: text }) => html`<li>
        <button aria-pressed=${q === text} @click=${() => filter(q === text ? "" : text)}>${glyph(kind)}<b>${count}</b> ${word}</button></li>`)}
    </ul>
    <p class="totals"><span>${percent(totals.cpu_percent ?? null)} CPU</span><span>${shortSize(totals.rss_bytes ?? null)}</span><span>${counted(totals.restarts, "restart")}</span></p>
  </div>`;
}

function notices({ contact, picture, me }, { dismiss, open }) {
  const said = [];
  if (!contact.isHere) said.push(html`<p class="notice bad" role="alert">${lostWords(contact, picture)}</p>`);
  else if (contact.back) said.push(backWords(contact.back, dismiss, open));
  const service = picture?.supervisor;
  if (service && service.tmux !== "ok")
    said.push(html`<p class="notice bad">tmux does not answer. This is the last picture; nothing is judged or restarted until it does.</p>`);
  for (const what of service?.degraded ?? []) said.push(html`<p class="notice">Degraded: ${what}</p>`);
  if (service?.config.error) said.push(html`<p class="notice">The file cannot be applied, so everything stays as it was. <code>panevisor check</code> tells why.</p>`);
  else if (service?.config.changed_on_disk) said.push(html`<p class="notice">The file has changed since it was applied. <code>panevisor apply</code></p>`);
  if (me.expires_at && Date.parse(me.expires_at) - Date.now() < 86_400_000) said.push(html`<p class="notice">Your token expires at ${clock(me.expires_at)}.</p>`);
  return said;
}

function lostWords({ what, since, told }, picture) {
  const last = picture ? `What you see is from ${clock(new Date(since).toISOString())}.` : "";
  if (what === "closed") return `${told} Reload the page to go on. ${last}`;
  if (what === "service") return `The service does not answer. The workers live on in tmux. ${last} It is tried again and again.`;
  return `panevisor web does not answer. The workers do not need it. ${last} It is tried again and again.`;
}

function backWords({ after, changed, isNew }, dismiss, open) {
  return html`<p class="notice good">
    ${glyph("done")} Contact is back after ${shortTime(after / 1000)}.
    ${isNew ? "The service was started anew and has adopted its workers." : ""}
    ${changed.length
      ? html`Changed meanwhile: ${changed.slice(0, 5).map(({ name, word, kind }, at) => html`${at ? ", " : ""}<button class="link" @click=${() => open(name)}>${name}</button> <span class="k-${kind}">${word}</span>`)}${changed.length > 5 ? ` and ${someOf(changed.slice(5).map(({ name }) => name), 0).trim().replace(/^and /, "")}` : ""}.`
      : "No worker has changed meanwhile."}
    <button aria-label="Dismiss" @click=${dismiss}>×</button></p>`;
}

/** Return the sign-in. `signIn(token)` is called with what was typed. */
export function login(problem, signIn) {
  const submitted = (event) => {
    event.preventDefault();
    const token = event.target.elements.token.value.trim();
    if (token) signIn(token.replace(/^.*#token=/, ""));
  };
  return html`<form class="login" @submit=${submitted}>
    <h1>${mark} Panevisor</h1>
    <label for="token">Token</label>
    <input id="token" name="token" type="password" autocomplete="current-password" spellcheck="false" autofocus aria-describedby="token-problem" />
    <p id="token-problem" class="problem" role="alert">${problem ?? ""}</p>
    <button class="strong">Sign in</button>
    <p class="quiet">On the machine of the workers, this makes a token that may look, and one that may also act:</p>
    <pre>panevisor web token add --role read me
panevisor web token add --role operate me</pre>
  </form>`;
}

const KEYS = [
  ["/", "filter the workers"], ["j k", "the next worker, the one before"], ["Enter", "show it large"], ["Esc", "back"],
  ["s l", "its screen, its log"], ["p", "type a prompt"], ["d", "list or tiles"], ["a", "activity"], ["?", "this help"],
];
const FILTERS = [
  ["disk", "in name, project, state, reason"], ["state:failed,backoff", "one of these"], ["name:web-*", "project: health: attention:"],
  ["tier=db", "a label; label:x in any of them"], ["is:need", "who needs a person; is:attached"], ["rss>1G uptime<5m", "cpu restarts processes tokens cost"], ["-nightly", "not so"],
];

export function help() {
  const list = (pairs, tag) => html`<dl>${pairs.map(([key, means]) => html`<dt>${tag === "kbd" ? key.split(" ").map((one) => html`<kbd>${one}</kbd> `) : html`<code>${key}</code>`}</dt><dd>${means}</dd>`)}</dl>`;
  return html`<form method="dialog"><h2 id="help-title">Keys</h2>${list(KEYS, "kbd")}
    <h2>Filter</h2>${list(FILTERS)}
    <button class="strong" autofocus>Close</button></form>`;
}
