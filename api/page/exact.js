// JSON that loses nothing: numbers are written back as they were read.
//
// JavaScript reads 1.0 as 1, and rounds whole numbers beyond 53 bits. The engine tells both
// apart, so a value that was only looked at must not come back as another one. This module
// knows texts of JSON. It does not know what they say.

// Texts with numbers that may be lossy: 16 digits in a row, a fraction of zeros, an exponent.
const LOSSY = /\d{16}|\.0+(?!\d)|\d[eE]/;

const raw = JSON.rawJSON;

/** Whether a value is a number that JavaScript can't hold as it was written. */
export const isRaw = JSON.isRawJSON ?? (() => false);

/** Read a text. Throws SyntaxError, which says where it stops being JSON. */
export function read(text) {
  return raw && LOSSY.test(text) ? JSON.parse(text, keep) : JSON.parse(text);
}

/** Write a value, as it was read. */
export function write(value, indent) {
  return JSON.stringify(value, null, indent);
}

// What is no whole number comes back as it was, if perhaps written in another way.
function keep(_, value, context) {
  if (!Number.isInteger(value) || context?.source === undefined) return value;
  return context.source === String(value) ? value : raw(context.source);
}

/** A number to reckon with. */
export function number(value) {
  return isRaw(value) ? Number(value.rawJSON) : value;
}

/** Write at most about `budget` characters of a value in one line; a large one is never written whole. */
export function preview(value, budget = 120) {
  const out = [];
  spend(value, budget, out);
  return out.join("");
}

function spend(value, budget, out) {
  if (typeof value === "string") {
    const cut = value.length > budget ? `${value.slice(0, Math.max(budget, 8))}…` : value;
    return push(JSON.stringify(cut), budget, out);
  }
  if (value === null || typeof value !== "object" || isRaw(value)) {
    return push(JSON.stringify(value) ?? "null", budget, out);
  }
  const list = Array.isArray(value);
  const keys = list ? value : Object.keys(value);
  let left = push(list ? "[" : "{", budget, out);
  for (let i = 0; i < keys.length; i++) {
    if (left <= 0) {
      out.push("…");
      break;
    }
    if (i) left = push(", ", left, out);
    if (list) left = spend(value[i], left, out);
    else left = spend(value[keys[i]], push(`${keys[i].slice(0, 60)}: `, left, out), out);
  }
  return push(list ? "]" : "}", left, out);
}

function push(text, budget, out) {
  out.push(text);
  return budget - text.length;
}
