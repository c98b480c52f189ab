// What things are called: durations, times, statuses, and an entry in one line.
//
// This module knows the words of the log. It does not know the document, nor the network.

import { number, preview } from "./exact.js";

export const STATUSES = ["running", "paused", "completed", "failed", "cancelled"];
export const OVER = new Set(["completed", "failed", "cancelled"]);

/** Write a duration, given in seconds. */
export function duration(given) {
  const seconds = number(given);
  if (!(seconds >= 0)) return "–";
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 99.95) return `${seconds < 9.995 ? seconds.toFixed(2) : seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 172800) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} days`;
}

/** Seconds between two times of the log. */
export function between(from, to) {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}

/** Seconds since a time of the log. */
export function since(from) {
  return Math.max(0, (Date.now() - Date.parse(from)) / 1000);
}

/** Write how long ago something was. */
export function ago(time) {
  const seconds = since(time);
  if (seconds < 2) return "now";
  if (seconds < 100) return `${Math.round(seconds)} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h ago`;
  return new Date(time).toLocaleDateString();
}

/** Write a time as the clock of this machine shows it. */
export function clock(time) {
  return new Date(time).toLocaleString();
}

/** Count things: `count(2, "node")` is "2 nodes". */
export function count(number, thing) {
  return `${number.toLocaleString()} ${thing}${number === 1 ? "" : "s"}`;
}

const error = (each) => `${each.code}: ${each.message}`;
const counts = ({ sent, ...rest }) =>
  [
    `${count(sent, "message")} sent`,
    ...["consumed", "withdrawn", "open"]
      .filter((how) => rest[how])
      .map((how) => `${rest[how].toLocaleString()} ${how}`),
  ].join(", ");
const took = (entry) => (entry.took === undefined ? "" : `${duration(entry.took)}  `);
const attempt = (entry) => ((entry.attempt ?? 1) > 1 ? `attempt ${entry.attempt}` : "");
/** Write values of an entry, and those that it only names because they are large. */
const values = (given, blobs) => {
  const large = Object.entries(blobs ?? {}).map(
    ([key, each]) => `${key}: ${Math.round(number(each.bytes) / 1000).toLocaleString()} kB`,
  );
  return [preview(given, 160).slice(1, -1), ...large].filter(Boolean).join(", ");
};
const wrote = (e) => {
  const inner = values(e.patch, e.blobs);
  return inner ? `wrote ${inner}` : "wrote nothing";
};
const breakpoint = (each) =>
  `${each.where ?? "before"} ${each.node}${each.when ? ` when ${each.when}` : ""}`;

const SUMMARIES = {
  "run.started": (e) => `${e.graph} with {${values(e.state, e.blobs)}}`,
  "run.forked": (e) => `from ${e.origin} after entry ${e.at_seq}`,
  "message.sent": (e) => `${e.from ?? "start"} → ${e.to}`,
  "message.withdrawn": (e) =>
    `${count(e.messages.length, "message")}, ${e.reason ?? "late"}, by ${e.by}`,
  "node.started": (e) => attempt(e) || `on message ${e.messages.join(", ")}`,
  "node.completed": (e) =>
    `${took(e)}${e.cached ? "from the cache, " : ""}${wrote(e)}` +
    (e.goto?.length ? `, on to ${e.goto.join(", ")}` : ""),
  "node.failed": (e) => `${took(e)}${error(e.error)}`,
  "node.retrying": (e) =>
    `${took(e)}attempt ${e.attempt} failed, again in ${duration(between(e.at, e.due))}: ${error(e.error)}`,
  "node.skipped": (e) => `in its place: ${wrote(e)}`,
  "breakpoint.hit": (e) => `${e.where} ${e.node}${e.problem ? `: ${e.problem}` : ""}`,
  "breakpoints.set": (e) => e.breakpoints.map(breakpoint).join("; ") || "none",
  "state.patched": wrote,
  "limit.raised": (e) => `${e.limit} is ${e.value === undefined ? "none" : preview(e.value)}`,
  "run.paused": (e) => (e.error ? error(e.error) : (e.reason ?? "")),
  "run.completed": (e) => counts(e.messages),
  "run.failed": (e) => error(e.error),
  "run.cancelled": (e) => e.reason || counts(e.messages),
};

const COMMON = new Set([
  "type",
  "seq",
  "batch",
  "at",
  "run_id",
  "node",
  "command",
  "actor",
  "activation",
]);

/** Say what an entry says, in a line. */
export function summary(entry) {
  try {
    const says = SUMMARIES[entry.type];
    if (says) return says(entry);
  } catch {
    // An entry of a later version, whose fields are others: shown as it stands.
  }
  const rest = Object.fromEntries(Object.entries(entry).filter(([name]) => !COMMON.has(name)));
  return preview(rest, 160).slice(1, -1);
}
