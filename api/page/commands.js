// What a person can tell a run: buttons, each for as long as the run can be told that.
//
// This module knows the commands. It does not know what follows from them: that comes by
// the stream, like everything else.

import { field, fill, make, say } from "./dom.js";
import { JsonField, ask } from "./forms.js";
import { RUNS, acting, at, post } from "./http.js";

const GOES_ON = ["running", "paused"];

// [name, label, when it can be told, what it does]
const PLAIN = [
  ["pause", "Pause", ["running"], "Let no further node begin"],
  ["resume", "Resume", ["paused"], "Let the run go on"],
  ["step", "Step", ["paused"], "Let one node fire, and pause again"],
];

/** The buttons of a run; `told.follow(runId)` hears which run was made, `told.nodes()` gives names. */
export class Commands {
  element = make("div.commands", { role: "group", "aria-label": "Commands" });
  #run;
  #told;
  #buttons = [];
  #trouble = make("div.trouble");

  constructor(run, told) {
    this.#run = run;
    this.#told = told;
    for (const [name, label, when, title] of PLAIN) {
      this.#button(label, title, when, (button) =>
        acting(button, this.#trouble, () => this.#send(name, {})),
      );
    }
    this.#button("Patch…", "Set keys of the state of what is in flight", GOES_ON, () =>
      this.#patch(),
    );
    this.#button("Cancel…", "End the run now", GOES_ON, () => this.#cancel());
    this.#button(
      "Retry",
      "A new run goes on where this one ended",
      ["cancelled"], // of what failed, the report offers it
      (button) => acting(button, this.#trouble, () => this.#make("retry", {})),
    );
    fill(
      this.element,
      this.#buttons.map(({ button }) => button),
      this.#trouble,
    );
  }

  /** Offer what fits the run as it is now. */
  update({ status }) {
    for (const { button, when } of this.#buttons) {
      const fits = when.includes(status);
      if (button.hidden === !fits) continue;
      if (!fits && document.activeElement === button) this.#pass(button, status);
      button.hidden = !fits;
    }
    this.element.hidden = this.#buttons.every(({ button }) => button.hidden);
  }

  /** Ask with what a fork is to begin, after an entry; null: after the last one. */
  fork(seq) {
    const patch = new JsonField(
      "Keys of the state to set in it",
      {},
      { rows: 4, hint: "{}: as it was" },
    );
    const keep = make("input", { type: "checkbox" });
    ask(
      `Fork after ${seq === null ? "the last entry" : `entry ${seq}`}`,
      [
        make(
          "p",
          {},
          "A new run begins with the log up to there, and goes on by itself. This one does not notice.",
        ),
        patch.element,
        make(
          "label.check",
          {},
          keep,
          "It mends this run: tools keep their idempotency keys, so that no effect is made twice",
        ),
      ],
      "Fork",
      () =>
        this.#make("fork", { at: seq ?? undefined, patch: patch.read(), keep_keys: keep.checked }),
    );
  }

  /** Put breakpoints in place of those there are; problems are shown in `place`. */
  async setBreakpoints(breakpoints) {
    await this.#send("breakpoints", { breakpoints });
  }

  #button(label, title, when, act) {
    const button = make("button", { type: "button", title, hidden: true });
    button.textContent = label;
    button.addEventListener("click", () => act(button));
    this.#buttons.push({ button, when });
  }

  // Whoever pressed "Pause" by keyboard finds "Resume" under the finger.
  #pass(gone, status) {
    const next = this.#buttons.find(({ button, when }) => button !== gone && when.includes(status));
    if (!next) return;
    next.button.hidden = false;
    next.button.focus();
  }

  async #send(name, body) {
    const done = await post(at(RUNS, this.#run, name), body);
    say(`${name}: ${done.status}`);
  }

  async #make(name, body) {
    const made = await post(at(RUNS, this.#run, name), body, { makes: true });
    this.#told.follow(made.run_id);
  }

  #patch() {
    const patch = new JsonField(
      "Keys and their values",
      {},
      { rows: 6, hint: "Reducers are skipped: a key has the value that is given here." },
    );
    const node = make(
      "select",
      {},
      make("option", { value: "" }, "everything in flight"),
      this.#told.nodes().map((name) => make("option", { value: name }, `what is at ${name}`)),
    );
    ask("Patch the state", [patch.element, field("Of", node)], "Patch", () =>
      this.#send("patch", { patch: patch.read(), ...(node.value && { node: node.value }) }),
    );
  }

  #cancel() {
    const reason = make("input", { type: "text", maxlength: 500, autofocus: true });
    ask(
      "Cancel the run?",
      [
        make("p", {}, "It ends now, and the tools that are running are stopped."),
        field("Why", reason),
      ],
      "Cancel the run",
      () => this.#send("cancel", { reason: reason.value }),
      "danger",
    );
  }
}
