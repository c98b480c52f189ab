// The state of a run, now and after any entry, and what changed with it.
//
// This module knows how a state is asked for and shown. It does not know the trace, nor
// what can be done to a run.

import { fill, make } from "./dom.js";
import { preview } from "./exact.js";
import { showDifference } from "./difference.js";
import { RUNS, STATE, at, get, problem } from "./http.js";
import { Tree } from "./tree.js";

const SMALL = 600; // characters of a state
const SOON = 120; // ms after which a place that was moved to is asked for
const MOST = 2000; // ms between two looks at a run that goes on, where answers take long

/** Shows what a run is after an entry; `told.choose(seq)` hears where the user goes. */
export class Inspector {
  element;
  #run;
  #log;
  #told;
  #seq = null; // null: now
  #slider;
  #where = make("output");
  #back;
  #on;
  #now;
  #entry = new Tree();
  #state = new Tree();
  #changes = make("div");
  #notes = make("div.notes");
  #trouble = make("div.trouble");
  #entryPane;
  #changesHead = make("h3", {}, "Changes");
  #asking = null;
  #timer = 0;
  #took = 0;
  #seen = "";
  #leaving;

  constructor(run, log, told, leaving) {
    this.#run = run;
    this.#log = log;
    this.#told = told;
    this.#leaving = leaving;
    this.#slider = make("input", {
      type: "range",
      min: 0,
      max: 0,
      value: 0,
      "aria-label": "After which entry",
      oninput: () => this.#slid(),
    });
    this.#back = make(
      "button.small",
      {
        type: "button",
        title: "One entry back",
        "aria-label": "One entry back",
        onclick: () => this.#by(-1),
      },
      "‹",
    );
    this.#on = make(
      "button.small",
      {
        type: "button",
        title: "One entry on",
        "aria-label": "One entry on",
        onclick: () => this.#by(1),
      },
      "›",
    );
    this.#now = make("button.small", { type: "button", onclick: () => told.choose(null) }, "Now");
    this.#entryPane = make(
      "div.pane",
      { hidden: true },
      make("h3", {}, "Entry"),
      this.#entry.element,
    );
    this.element = make(
      "section.inspector",
      { "aria-labelledby": "state" },
      make(
        "div.bar",
        {},
        make("h2", { id: "state" }, "State"),
        this.#back,
        this.#slider,
        this.#on,
        this.#now,
        this.#where,
        told.aside,
      ),
      this.#trouble,
      make(
        "div.panes",
        {},
        this.#entryPane,
        make("div.pane", {}, make("h3", {}, "State"), this.#state.element),
        make("div.pane", {}, this.#changesHead, this.#changes),
      ),
      this.#notes,
    );
    leaving.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  /** Show the state after an entry; null: as it is now. */
  look(seq) {
    this.#seq = seq;
    this.#head();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fetch(), SOON);
  }

  /** Take note of new entries. */
  update() {
    this.#head();
    if (this.#seq !== null || this.#asking) return;
    const rests = this.#log.path.status !== "running";
    if (rests)
      clearTimeout(this.#timer); // nothing more comes: no reason to wait
    else if (this.#timer) return;
    this.#timer = setTimeout(
      () => this.#fetch(),
      rests ? SOON : Math.max(SOON, Math.min(MOST, this.#took * 4)),
    );
  }

  #head() {
    const { first, last } = this.#log;
    const here = this.#seq ?? last;
    Object.assign(this.#slider, { min: Math.min(first, last), max: Math.max(last, 0) });
    this.#slider.value = here;
    const batch = this.#seq === null ? undefined : this.#log.get(this.#seq)?.batch;
    const end =
      batch === undefined || batch === this.#seq ? "" : `, decided with those up to ${batch}`;
    this.#where.textContent =
      this.#seq === null ? `now, after entry ${last}` : `after entry ${this.#seq}${end}`;
    this.#slider.setAttribute("aria-valuetext", this.#where.textContent);
    this.#back.disabled = here <= first;
    this.#on.disabled = this.#seq === null;
    this.#now.disabled = this.#seq === null;
    const entry = this.#seq === null ? undefined : this.#log.get(this.#seq);
    this.#entryPane.hidden = entry === undefined;
    if (entry) this.#entry.show(entry, 1);
  }

  #slid() {
    const seq = Number(this.#slider.value);
    this.#told.choose(seq >= this.#log.last ? null : seq);
  }

  #by(step) {
    const seq = (this.#seq ?? this.#log.last + (step < 0 ? 1 : 0)) + step;
    this.#told.choose(seq > this.#log.last ? null : Math.max(this.#log.first, seq));
  }

  async #fetch() {
    this.#timer = 0;
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    const signal = AbortSignal.any([asking.signal, this.#leaving]);
    const began = performance.now();
    const seq = this.#seq;
    try {
      const shown = await get(at(STATE, this.#run), { at: seq }, signal);
      await this.#show(shown, signal);
      this.#trouble.replaceChildren();
      this.#took = performance.now() - began;
    } catch (error) {
      if (!signal.aborted) fill(this.#trouble, problem(error));
    }
    if (this.#asking !== asking) return;
    this.#asking = null;
    if (seq === null && this.#seq === null && this.#log.last > this.#shownSeq) this.update();
  }

  #shownSeq = -1;

  async #show(shown, signal) {
    this.#shownSeq = Math.max(shown.seq, this.#shownSeq);
    // What is small is shown at once; what is large, one level of it.
    this.#state.show(shown.state, preview(shown.state, SMALL).length < SMALL ? 1 : 0);
    const conflicts = shown.conflicts ?? [];
    fill(
      this.#notes,
      conflicts.length
        ? make(
            "p",
            {},
            "Branches disagree about ",
            make("code", {}, conflicts.join(", ")),
            "; the later write is shown.",
          )
        : null,
      (shown.branches ?? []).map((each) => this.#branch(each)),
    );
    const before = this.#log.batchBefore(shown.seq);
    const key = `${before} ${shown.seq}`;
    if (before === null || key === this.#seen) return; // null: it is to come yet
    let told = make("p.quiet", {}, "This is where it begins.");
    if (before >= 0) {
      const path = at(RUNS, this.#run, "diff");
      told = showDifference(await get(path, { from: before, to: shown.seq }, signal));
    }
    this.#changesHead.textContent = before < 0 ? "Changes" : `Changes since entry ${before}`;
    fill(this.#changes, told);
    this.#seen = key;
  }

  #branch({ node, seq, state }) {
    const tree = new Tree();
    tree.show(state, 0);
    return make(
      "details",
      {},
      make("summary", {}, "In flight at ", make("strong.name", {}, node), ` since entry ${seq}`),
      tree.element,
    );
  }
}
