// One node of a graph, looked at: what it is, what it does in a run, where the run pauses.
//
// This module knows what is told of a node. It does not know how breakpoints take effect.

import { field, fill, make } from "./dom.js";
import { number } from "./exact.js";
import { acting } from "./http.js";
import { Tree } from "./tree.js";
import { count, duration, since } from "./words.js";

const WHERE = [
  ["before", "Pause before it"],
  ["after", "Pause after it"],
];

/** Shows the node that is chosen; `told.setBreakpoints(list)`, `told.only(node)`, `told.close()`. */
export class NodePanel {
  element = make("section.node-panel", { hidden: true, "aria-labelledby": "node" });
  #told;
  #name = null;
  #facts = make("p");
  #boxes = {};
  #when;
  #breaks;
  #trouble = make("div.trouble");
  #seen = [null, [], true]; // what it was last updated with

  constructor(told) {
    this.#told = told;
    this.#when = make("input.mono", {
      type: "text",
      maxlength: 2000,
      placeholder: "always",
      onchange: () => this.#changed(this.#when),
    });
    const boxes = WHERE.map(([where, label]) => {
      const box = make("input", { type: "checkbox", onchange: () => this.#changed(box) });
      this.#boxes[where] = box;
      return make("label.check", {}, box, label);
    });
    this.#breaks = make(
      "fieldset",
      {},
      make("legend", {}, "Breakpoints"),
      boxes,
      field("Only when (a condition on the state)", this.#when),
    );
  }

  /** Show a node of a document; null: none. */
  show(name, description) {
    this.#name = name;
    this.element.hidden = name === null;
    this.#trouble.replaceChildren();
    if (name === null) return;
    const tree = new Tree();
    tree.show(description ?? {}, 1);
    fill(
      this.element,
      make(
        "div.bar",
        {},
        make("h3.name", { id: "node" }, name),
        this.#told.only
          ? make(
              "button.small",
              { type: "button", onclick: () => this.#told.only(name) },
              "Only its entries",
            )
          : null,
        make(
          "button.small",
          { type: "button", "aria-label": "Close the node", onclick: () => this.#told.close() },
          "×",
        ),
      ),
      this.#facts,
      this.#breaks,
      this.#trouble,
      tree.element,
    );
    this.update(...this.#seen); // at once: a box that is pressed must be what it seems
  }

  /** Show where the run is; `breakpoints` are in force, and can be changed while `open`. */
  update(path, breakpoints, open) {
    this.#seen = [path, breakpoints, open];
    if (this.#name === null) return;
    this.#showFacts(path?.nodes.get(this.#name), path !== null);
    this.#breaks.disabled = !open;
    const mine = breakpoints.filter((each) => each.node === this.#name);
    for (const [where] of WHERE) {
      this.#boxes[where].checked = mine.some((each) => (each.where ?? "before") === where);
    }
    if (document.activeElement !== this.#when)
      this.#when.value = mine.find((each) => each.when)?.when ?? "";
  }

  #showFacts(place, inRun) {
    this.#facts.hidden = !inRun;
    if (!inRun) return;
    const says = [
      place?.now || "not reached",
      place?.completed ? `completed ${count(place.completed, "time")}` : "",
      place?.skipped ? `skipped ${count(place.skipped, "time")}` : "",
      place?.failed ? `failed ${count(place.failed, "time")}` : "",
      place?.waiting.size ? `${count(place.waiting.size, "message")} there` : "",
    ]
      .filter(Boolean)
      .join(", ");
    const error = place?.error;
    fill(
      this.#facts,
      says,
      error ? [" ", make("code.bad", {}, error.code), ` ${error.message}`] : null,
    );
  }

  #changed(input) {
    const when = this.#when.value.trim();
    const mine = WHERE.filter(([where]) => this.#boxes[where].checked).map(([where]) => ({
      node: this.#name,
      where,
      ...(when && { when }),
    }));
    if (input === this.#when && !mine.length) return; // it is of no breakpoint yet
    const others = this.#seen[1].filter((each) => each.node !== this.#name);
    acting(input, this.#trouble, () => this.#told.setBreakpoints([...others, ...mine]));
  }
}

/** Lists what is going on in a run, with what its tools say of how far they are. */
export class Going {
  element = make("ul.going", { "aria-label": "What is going on" });

  update(path) {
    const all = path.going;
    const lines = all.slice(0, 8).map((each) => {
      const [done, total] = [number(each.progress?.done), number(each.progress?.total)];
      const message = each.progress?.message;
      const left = each.due ? (Date.parse(each.due) - Date.now()) / 1000 : 0;
      const when = !each.due
        ? duration(since(each.since))
        : left > 0
          ? `again in ${duration(left)}`
          : "again as soon as it may";
      return make(
        "li",
        {},
        make("strong.name", {}, each.node),
        each.attempt > 1 || each.due ? make("span.quiet", {}, `attempt ${each.attempt}`) : null,
        make("span.quiet", {}, when),
        total
          ? make("progress", {
              value: done,
              max: total,
              "aria-label": `${each.node}: ${done} of ${total}`,
            })
          : null,
        done === undefined ? null : make("span", {}, total ? `${done}/${total}` : `${done}`),
        message ? make("span.says", {}, message) : null,
      );
    });
    if (all.length > lines.length)
      lines.push(make("li.quiet", {}, `and ${all.length - lines.length} more`));
    fill(this.element, lines);
    this.element.hidden = !lines.length;
  }
}
