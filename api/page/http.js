// Requests to the API, and the problems that come back.
//
// This module knows how the API is asked, and how a problem document is shown. It does not
// know what is asked for.

import { make } from "./dom.js";
import { read, write } from "./exact.js";

export const GRAPHS = "/api/v1/graphs";
export const RUNS = "/api/v1/runs";
export const STATE = "/api/v1/graph/state";
export const START = "/api/v1/graph/run";

/** The address of something under a path: each part is a name, which may hold anything. */
export function at(path, ...parts) {
  return [path, ...parts.map(encodeURIComponent)].join("/");
}

/** The API refused, or could not be asked. */
export class Problem extends Error {
  constructor(document, status = 0) {
    super(document.detail ?? document.title ?? `the server answered with ${status}`);
    this.status = status;
    this.code = document.code ?? `HTTP_${status}`;
    this.hint = document.hint ?? "";
    this.problems = document.problems ?? [];
  }
}

/** Ask for JSON. Raises Problem; an aborted request raises AbortError. */
export async function get(path, query = {}, signal = undefined) {
  return (await ask(address(path, query), { signal })).json;
}

/** Ask for a text, whatever it is written in. Raises as `get`. */
export async function getText(path, query = {}, signal = undefined) {
  return (await ask(address(path, query), { signal })).text;
}

/** Send JSON. What makes something is sent with a key, so that it has one effect. */
export async function post(path, body, { makes = false } = {}) {
  if (!path.startsWith("/api/")) {
    throw new Problem({ code: "NOT_OURS", detail: `${path} is not an address of this server` });
  }
  const headers = { "Content-Type": "application/json" };
  if (makes) headers["Idempotency-Key"] = madeUp();
  return (await ask(path, { method: "POST", headers, body: write(body) })).json;
}

function address(path, query) {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value]
      .flat()
      .filter((each) => each !== null && each !== undefined && each !== "")
      .map((each) => [name, each]),
  );
  return pairs.length ? `${path}?${new URLSearchParams(pairs)}` : path;
}

async function ask(path, options) {
  let answer;
  let text;
  try {
    answer = await fetch(path, { cache: "no-store", ...options });
    text = await answer.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({
      code: "NO_ANSWER",
      detail: "the server does not answer",
      hint: "see whether it still runs, and try again",
    });
  }
  let json;
  try {
    json = read(text);
  } catch {
    json = null;
  }
  if (!answer.ok) throw new Problem(json ?? {}, answer.status);
  return { text, json };
}

function madeUp() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `page-${Array.from(bytes, (each) => each.toString(16).padStart(2, "0")).join("")}`;
}

/** List problems, as the API tells of them: where, what, and what to do. */
export function listed(problems) {
  return make(
    "ul",
    {},
    problems.map(({ path, code, message, hint }) =>
      make(
        "li",
        {},
        make("code", {}, path || code),
        ` ${message}`,
        hint ? make("span.hint", {}, ` ${hint}`) : null,
      ),
    ),
  );
}

/** Show what went wrong, all of it, and what to do. */
export function problem(error) {
  if (!(error instanceof Problem)) console.error(error);
  return make(
    "div.problem",
    { role: "alert" },
    make("p", {}, make("strong", {}, error.code ?? "ERROR"), " ", error.message),
    error.problems?.length ? listed(error.problems) : null,
    error.hint ? make("p.hint", {}, error.hint) : null,
  );
}

/** Follow an action from the press of its button to its end: busy meanwhile, then its problem or nothing. */
export async function acting(button, place, act) {
  if (button.getAttribute("aria-disabled") === "true") return undefined;
  button.setAttribute("aria-disabled", "true"); // not `disabled`, which would lose the focus
  place.replaceChildren();
  try {
    return await act();
  } catch (error) {
    place.replaceChildren(problem(error));
    return undefined;
  } finally {
    button.removeAttribute("aria-disabled");
  }
}
