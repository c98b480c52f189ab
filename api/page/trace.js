// The trace of a run: an entry a line, of which only those in sight are in the document.
//
// This module knows how lines are shown, chosen and filtered. It does not know where entries
// come from, nor what becomes of one that is chosen.

import { make, set } from "./dom.js";
import { between, duration, summary } from "./words.js";

const SPARE = 12; // lines beyond both edges, so that scrolling shows no gap
const KINDS = [
  ["", "all entries"],
  ["node.", "nodes"],
  ["message.", "messages"],
  ["run.", "the run"],
];

/** Shows the entries of a log; `told.choose(seq)` hears which is chosen, null: none. */
export class Trace {
  element;
  #log;
  #told;
  #list;
  #space;
  #kind;
  #node;
  #note;
  #jump;
  #rows = new Map(); // seq -> line
  #shown = []; // the seqs that pass the filters
  #passed = -1; // the last seq that the filters saw
  #first = 0; // the first seq that was held then
  #known = new Set(KINDS.map(([value]) => value));
  #nodes = new Set([""]);
  #height = 28;
  #measured = false;
  #follows = true;
  #chosen = null;
  #sought = false; // it is to be brought into sight

  constructor(log, told) {
    this.#log = log;
    this.#told = told;
    this.#kind = make(
      "select",
      { "aria-label": "Which types", onchange: () => this.#refilter() },
      KINDS.map(([value, text]) => make("option", { value }, text)),
    );
    this.#node = make(
      "select",
      { "aria-label": "Which node", onchange: () => this.#refilter() },
      make("option", { value: "" }, "every node"),
    );
    this.#note = make("span.quiet");
    this.#jump = make(
      "button.small",
      { type: "button", hidden: true, onclick: () => this.#told.choose(null) },
      "↓ newest",
    );
    this.#space = make("div.space", { role: "presentation" });
    this.#list = make(
      "div.lines",
      {
        role: "listbox",
        tabindex: 0,
        "aria-label": "Entries of the log",
        onscroll: () => this.#scrolled(),
        onkeydown: (event) => this.#key(event),
        onclick: (event) => this.#click(event),
      },
      this.#space,
    );
    this.element = make(
      "section.trace",
      { "aria-label": "Trace" },
      make("div.bar", {}, make("h2", {}, "Trace"), this.#node, this.#kind, this.#note, this.#jump),
      this.#list,
    );
    new ResizeObserver(() => this.#rows.size && this.#measure()).observe(this.#list);
  }

  /** Show what has come since. */
  update() {
    const log = this.#log;
    if (log.first > this.#first) {
      this.#first = log.first; // entries were forgotten: their lines go, too
      this.#shown = this.#shown.filter((seq) => seq >= log.first);
    }
    for (let seq = Math.max(this.#passed + 1, log.first); seq <= log.last; seq++) {
      const entry = log.get(seq);
      this.#learn(entry);
      if (this.#passes(entry)) this.#shown.push(seq);
    }
    this.#passed = log.last;
    this.#space.style.height = `${this.#shown.length * this.#height}px`;
    if (this.#follows) this.#list.scrollTop = this.#shown.length * this.#height;
    else if (this.#sought && this.#chosen <= log.last) {
      this.#sought = false;
      this.#bringIntoSight(this.#placeOf(this.#chosen));
    }
    this.#draw();
  }

  /** Forget all lines: the log begins again. */
  clear() {
    this.#shown = [];
    this.#passed = -1;
    this.#first = 0;
    this.#dropLines();
  }

  /** Mark an entry as the one that is looked at, with the next update; null: none. */
  choose(seq) {
    this.#chosen = seq;
    this.#follows = seq === null;
    this.#sought = seq !== null;
  }

  /** Show only what is of a node. */
  only(node) {
    this.#learnNode(node);
    this.#node.value = node;
    this.#refilter();
  }

  #learn({ type, node }) {
    if (node !== undefined) this.#learnNode(node);
    if (this.#known.has(type)) return;
    this.#known.add(type);
    this.#kind.append(make("option", { value: type }, type));
  }

  #learnNode(node) {
    if (this.#nodes.has(node)) return;
    this.#nodes.add(node);
    this.#node.append(make("option", { value: node }, node));
  }

  #passes({ type, node, from, to }) {
    const wanted = this.#node.value;
    return (
      type.startsWith(this.#kind.value) &&
      (wanted === "" || node === wanted || to === wanted || from === wanted)
    );
  }

  #refilter() {
    this.#shown = [];
    this.#passed = -1;
    this.#dropLines();
    this.choose(this.#chosen);
    this.update();
  }

  #dropLines() {
    for (const line of this.#rows.values()) line.remove();
    this.#rows.clear();
  }

  // One line tells how high all are; to ask each would lay out the page anew each time.
  #measure() {
    this.#measured = true;
    const line = this.#rows.values().next().value;
    const height = line?.offsetHeight || this.#height;
    if (height === this.#height) return this.update();
    const at = this.#list.scrollTop / this.#height; // it stays where it was, in lines
    this.#height = height;
    this.#dropLines();
    this.#sought = this.#chosen !== null;
    const stays = !this.#follows && !this.#sought;
    this.update();
    if (stays) this.#list.scrollTop = at * height;
  }

  #draw() {
    const { scrollTop, clientHeight } = this.#list;
    const from = Math.max(0, Math.floor(scrollTop / this.#height) - SPARE);
    const until = Math.min(
      this.#shown.length,
      Math.ceil((scrollTop + clientHeight) / this.#height) + SPARE,
    );
    const wanted = new Set(this.#shown.slice(from, until));
    for (const [seq, line] of this.#rows) {
      if (wanted.has(seq)) continue;
      line.remove();
      this.#rows.delete(seq);
    }
    for (let place = from; place < until; place++) this.#line(place);
    if (!this.#measured && this.#rows.size) this.#measure();
    const chosen = this.#chosen === null ? undefined : this.#rows.get(this.#chosen);
    set(this.#list, { "aria-activedescendant": chosen?.id });
    this.#sayHowMany();
  }

  #line(place) {
    const seq = this.#shown[place];
    const size = this.#shown.length;
    const chosen = seq === this.#chosen;
    let line = this.#rows.get(seq);
    if (!line) {
      line = this.#made(this.#log.get(seq));
      this.#rows.set(seq, line);
      this.#space.append(line);
    } else if (line.is.place === place && line.is.size === size && line.is.chosen === chosen)
      return;
    line.is = { place, size, chosen };
    line.style.transform = `translateY(${place * this.#height}px)`;
    set(line, {
      "aria-posinset": place + 1,
      "aria-setsize": size,
      "aria-selected": String(chosen),
    });
  }

  #made(entry) {
    const began = this.#log.path.began ?? entry.at;
    const [room, word] = entry.type.split(".", 2);
    return make(
      `div.entry.of-${/^[a-z]+$/.test(room) ? room : "other"}`,
      {
        id: `entry-${entry.seq}`,
        role: "option",
        "data-seq": entry.seq,
        "data-word": word,
      },
      make("span.seq", {}, entry.seq),
      make("span.at", { title: entry.at }, `+${duration(Math.max(0, between(began, entry.at)))}`),
      make("span.type", {}, entry.type),
      make("span.node", {}, entry.node ?? ""),
      make("span.says", {}, summary(entry)),
    );
  }

  #sayHowMany() {
    const log = this.#log;
    const all = log.last + 1;
    const some = this.#shown.length === all ? "" : `${this.#shown.length.toLocaleString()} of `;
    const gone =
      log.first > 0 ? `; the first ${log.first.toLocaleString()} are no longer held here` : "";
    this.#note.textContent = `${some}${all.toLocaleString()} ${all === 1 ? "entry" : "entries"}${gone}`;
    this.#jump.hidden = this.#follows;
  }

  #scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.#list;
    const end = scrollTop + clientHeight >= scrollHeight - this.#height;
    this.#follows = end && this.#chosen === null;
    this.update();
  }

  #placeOf(seq) {
    let low = 0;
    let high = this.#shown.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#shown[middle] < seq) low = middle + 1;
      else high = middle;
    }
    return Math.min(low, this.#shown.length - 1);
  }

  #bringIntoSight(place) {
    if (place < 0) return;
    this.#follows = false;
    const top = place * this.#height;
    const { scrollTop, clientHeight } = this.#list;
    if (top < scrollTop) this.#list.scrollTop = top;
    else if (top + this.#height > scrollTop + clientHeight)
      this.#list.scrollTop = top + this.#height - clientHeight;
  }

  #click(event) {
    const line = event.target.closest(".entry");
    if (line) this.#told.choose(Number(line.dataset.seq));
  }

  #key(event) {
    const last = this.#shown.length - 1;
    const page = Math.max(1, Math.floor(this.#list.clientHeight / this.#height) - 1);
    const here = this.#chosen === null ? last + 1 : this.#placeOf(this.#chosen);
    const goal = {
      ArrowUp: here - 1,
      ArrowDown: here + 1,
      PageUp: here - page,
      PageDown: here + page,
      Home: 0,
      End: last,
    }[event.key];
    if (event.key === "Escape") this.#told.choose(null);
    else if (goal === undefined || last < 0) return;
    else this.#told.choose(this.#shown[Math.min(last, Math.max(0, goal))]);
    event.preventDefault();
  }
}
