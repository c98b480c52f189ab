// A JSON value to look into: its parts are made when they are opened, and a refresh keeps
// open what was.
//
// This module knows JSON. It does not know what any of it means.

import { fill, make } from "./dom.js";
import { isRaw, preview } from "./exact.js";

const AT_ONCE = 100; // parts of one value
const LONG = 100; // characters of a text that is shown in one line
const MOST_TEXT = 20_000; // characters that are shown unasked

/** Shows a value; the element is `element`. */
export class Tree {
  element = make("div.tree");
  #opened = new Set();
  #closed = new Set();
  #text = null;

  /** Show another value, or the same again. What is one level deep is open. */
  show(value, opens = 0) {
    const text = preview(value, 200_000);
    if (text === this.#text && text.length < 200_000) return;
    this.#text = text;
    const scrolled = this.element.scrollTop;
    fill(this.element, isObject(value) ? this.#parts(value, "", opens) : this.#leaf(value, ""));
    this.element.scrollTop = scrolled;
  }

  /** Show a sentence in place of a value. */
  say(sentence) {
    this.#text = null;
    fill(this.element, make("p.quiet", {}, sentence));
  }

  #parts(value, path, opens) {
    const list = Array.isArray(value);
    const keys = Object.keys(value);
    if (!keys.length) return make("p.quiet", {}, list ? "an empty list" : "an empty object");
    const holder = make("ul");
    const more = (from) => {
      const until = Math.min(from + AT_ONCE, keys.length);
      for (const key of keys.slice(from, until)) {
        holder.append(make("li", {}, this.#part(key, value[key], `${path}/${key}`, opens, list)));
      }
      if (until === keys.length) return;
      const rest = make("button.link", { type: "button" }, `${keys.length - until} more`);
      const item = make("li", {}, rest);
      rest.addEventListener("click", () => {
        item.remove();
        more(until);
      });
      holder.append(item);
    };
    more(0);
    return holder;
  }

  #part(key, value, path, opens, inList) {
    const name = make(inList ? "span.index" : "span.key", {}, key);
    if (isObject(value)) {
      const size = Object.keys(value).length;
      const open = size > 0 && opens > 0;
      const shape = Array.isArray(value) ? `[${size}]` : `{${size}}`;
      return this.#folded(
        path,
        open,
        [name, make("span.size", {}, shape), this.#glimpse(value)],
        () => this.#parts(value, path, opens - 1),
      );
    }
    if (typeof value === "string" && (value.length > LONG || value.includes("\n"))) {
      const lines = value.replace(/\n$/, "").split("\n").length; // the last one has an end, too
      const size = lines > 1 ? `${lines} lines` : `${value.length.toLocaleString()} characters`;
      return this.#folded(
        path,
        false,
        [name, make("span.size", {}, size), this.#glimpse(value)],
        () => this.#long(value),
      );
    }
    return make("div.leaf", {}, name, " ", this.#leaf(value, path));
  }

  #folded(path, open, head, inside) {
    const made = make(
      "details",
      {},
      make(
        "summary",
        {},
        head.flatMap((each) => [each, " "]),
      ),
    );
    const build = () => {
      if (made.open && made.childElementCount === 1) made.append(inside());
    };
    if (this.#opened.has(path) || (open && !this.#closed.has(path))) {
      made.open = true;
      build();
    }
    made.addEventListener("toggle", () => {
      (made.open ? this.#opened : this.#closed).add(path);
      (made.open ? this.#closed : this.#opened).delete(path);
      build();
    });
    return made;
  }

  #glimpse(value) {
    return make("span.glimpse", {}, preview(value, 90));
  }

  #leaf(value) {
    if (typeof value === "string") {
      return value.length > LONG || value.includes("\n")
        ? this.#long(value)
        : make("span.text", {}, JSON.stringify(value));
    }
    const kind = value === null ? "null" : typeof value === "boolean" ? "boolean" : "number";
    return make(`span.${kind}`, {}, JSON.stringify(value));
  }

  #long(value) {
    const shown = make("pre", { tabindex: 0 }, value.slice(0, MOST_TEXT));
    if (value.length <= MOST_TEXT) return shown;
    const rest = make(
      "button.link",
      { type: "button" },
      `all ${value.length.toLocaleString()} characters`,
    );
    rest.addEventListener("click", () => {
      shown.textContent = value;
      rest.remove();
    });
    return make("div", {}, shown, rest);
  }
}

function isObject(value) {
  return value !== null && typeof value === "object" && !isRaw(value);
}
