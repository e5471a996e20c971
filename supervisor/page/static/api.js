// Questions and orders to the server of this page. Nothing else is ever asked.

const BASE = "/api/v1/";

/** An answer that is no success: `message` is for people, `code` one word of docs/web.md. */
export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** Ask; returns the body, or null where nothing has changed since `etag`. Raises Problem. */
export async function ask(path, { etag } = {}) {
  const answer = await sent("GET", path, { headers: etag ? { "If-None-Match": etag } : {} });
  if (answer.status === 304) return null;
  const body = await answer.json();
  return etag === undefined ? body : { body, etag: answer.headers.get("ETag") ?? "" };
}

/** Order; the same order is never carried out twice, even where its answer was lost. Raises Problem. */
export async function order(method, path, body = {}) {
  const headers = { "X-Panevisor": "1", "Content-Type": "application/json" };
  if (method === "POST") headers["Idempotency-Key"] = newId();
  const answer = await sent(method, path, { headers, body: JSON.stringify(body) });
  return answer.status === 204 ? null : answer.json();
}

/** Return the path of something about a worker. */
export const of = (name, ...rest) => ["workers", encodeURIComponent(name), ...rest].join("/");

export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function sent(method, path, more) {
  let answer;
  try {
    answer = await fetch(BASE + path, { method, credentials: "same-origin", cache: "no-store", ...more });
  } catch {
    throw new Problem(0, "no-contact", "panevisor web does not answer");
  }
  if (answer.ok || answer.status === 304) return answer;
  const told = await answer.json().catch(() => ({}));
  const detail = told.detail ?? told.title ?? `${answer.status} ${answer.statusText}`;
  throw new Problem(answer.status, told.code ?? "", detail);
}
