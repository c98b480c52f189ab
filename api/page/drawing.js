// The drawing of a graph, with what a run does in it: coloured where it stands, not drawn anew.
//
// This module knows how the server marks nodes and edges in a drawing, and how a path is
// shown on them. It does not know what follows when a node is chosen.

import { GRAPHS, at } from "./http.js";
import { fill, make, set } from "./dom.js";
import { draw, fetchDrawing } from "./svg.js";

const LEGIBLE = 0.7; // the least share of its size to which a drawing shrinks; it scrolls below
const ROUND = 9; // the radius of a badge
const RIM = 7; // between the count in a badge and its round end
const DIGIT = 7.7; // the width of a character of a count, rather too much than too little

// What the badge of a node shows, around 0,0: a status is told by more than its colour.
const SIGNS = {
  completed: "M-4 0.5 -1.2 3.2 4-3",
  running: "M-2-3.6V3.6L4 0Z",
  waiting: "M-2-3.5V3.5M2-3.5V3.5",
  failed: "M-3-3 3 3M3-3-3 3",
  withdrawn: "M-3.5 0H3.5",
  stopped: "M-2.8-2.8H2.8V2.8H-2.8Z",
};

/** Shows a graph; `choose(node)` hears which node is chosen. */
export class Drawing {
  element = make("div.drawing", { role: "group", "aria-label": "Drawing of the graph" });
  #choose;
  #nodes = new Map(); // name -> {group, count, pill, sign}
  #edges = []; // {line, from, to}
  #chosen = null;
  #path = null;
  #breakpoints = [];

  constructor(choose) {
    this.#choose = choose;
  }

  /** Draw a version of a graph, or list `names` where the server has no drawing of it. */
  async load(graph, version, names, signal) {
    const address = `${at(GRAPHS, graph, "diagram.svg")}?version=${version}`;
    const svg = await fetchDrawing(address, signal);
    this.#nodes.clear();
    this.#edges = [];
    const nodes = svg ? [...svg.querySelectorAll("[data-node]")] : [];
    if (nodes.length) this.#place(svg, nodes);
    else this.#list(names);
    if (this.#path) this.show(this.#path, this.#breakpoints);
  }

  /** Show where a run is. */
  show(path, breakpoints = path?.breakpoints ?? []) {
    this.#path = path;
    this.#breakpoints = breakpoints;
    for (const [name, node] of this.#nodes) this.#showNode(name, node, path?.nodes.get(name));
    for (const { line, from, to } of this.#edges) {
      line.classList.toggle("taken", (path?.edges.get(from)?.get(to) ?? 0) > 0);
    }
  }

  /** Mark a node as the one that is looked at; null: none. */
  choose(name) {
    this.#chosen = name;
    for (const [each, { group }] of this.#nodes)
      set(group, { "aria-pressed": String(each === name) });
  }

  #place(svg, nodes) {
    const [, , width, height] = (svg.getAttribute("viewBox") ?? "0 0 600 300")
      .split(/[\s,]+/)
      .map(Number);
    svg.style.width = `clamp(${width * LEGIBLE}px, 100%, ${width}px)`;
    svg.style.height = "auto";
    svg.style.maxHeight = `max(61vh, ${height * LEGIBLE}px)`;
    svg.removeAttribute("width");
    svg.removeAttribute("height");
    svg.querySelector(":scope > rect")?.classList.add("ground");
    fill(this.element, svg);
    for (const group of nodes) this.#placeNode(group);
    for (const line of svg.querySelectorAll(".edge")) {
      this.#edges.push({ line, from: line.dataset.from ?? "", to: line.dataset.to ?? "" });
    }
    this.choose(this.#chosen);
  }

  #placeNode(group) {
    const name = group.dataset.node;
    const { x, y, width, height } = group.querySelector(".box").getBBox();
    const pill = draw("rect", {
      x: -ROUND,
      y: -ROUND,
      width: 2 * ROUND,
      height: 2 * ROUND,
      rx: ROUND,
    });
    const count = draw("text", { class: "count", x: ROUND - RIM, y: 4, "text-anchor": "end" });
    const sign = draw("path");
    const badge = draw("g", { class: "badge", transform: `translate(${x + width} ${y})` });
    badge.append(pill, sign, count);
    group.append(badge, draw("circle", { class: "mark", cx: x, cy: y + height / 2, r: 6 }));
    this.#add(name, { group, count, pill, sign });
    set(group, { role: "button", tabindex: 0 });
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      this.#choose(name);
    });
  }

  #list(names) {
    const items = names.map((name) => {
      const count = make("span.count");
      const group = make("button.node", { type: "button" }, make("span.mark"), name, " ", count);
      this.#add(name, { group, count });
      return make("li", {}, group);
    });
    fill(this.element, make("ul.names", {}, items));
  }

  #add(name, node) {
    this.#nodes.set(name, node);
    node.group.addEventListener("click", () => this.#choose(name));
  }

  #showNode(name, { group, count, pill, sign }, place) {
    const now = place?.now ?? "";
    const breaks = this.#breakpoints.some((each) => each.node === name);
    const hit = this.#path?.hit?.node === name;
    const times = (place?.completed ?? 0) + (place?.skipped ?? 0);
    const look = `node ${now} ${breaks ? "breaks" : ""} ${hit ? "hit" : ""}`;
    if (group.dataset.look !== look) {
      group.dataset.look = look;
      set(group, { class: look });
      if (sign) set(sign, { d: SIGNS[now] ?? "" });
    }
    const text = times > 1 ? `×${times}` : "";
    if (count.textContent !== text) {
      count.textContent = text;
      if (pill) {
        // It grows to the left, for what it says.
        const beside = text ? text.length * DIGIT + RIM : 0;
        set(pill, { x: -ROUND - beside, width: 2 * ROUND + beside });
        set(sign, { transform: `translate(${-beside} 0)` });
      }
    }
    const says = [
      now || "not reached",
      times > 1 && `${times} times`,
      breaks && "breakpoint",
      hit && "paused here",
    ];
    set(group, { "aria-label": `${name}: ${says.filter(Boolean).join(", ")}` });
  }
}
