// Why a run failed, or waits for a person, and what can be done about it: at the press of a button.
//
// This module knows the report. It does not know which action helps against what: the server
// has tried each on a copy of the run, and its request is sent as it stands.

import { fill, make, say } from "./dom.js";
import { write } from "./exact.js";
import { RUNS, acting, at, get, post, problem } from "./http.js";
import { Tree } from "./tree.js";
import { clock } from "./words.js";

const GONE = "NOTHING_TO_REPORT"; // it has gone on since

/** Shows the report of a run while there is one. */
export class Report {
  element = make("section.report", { hidden: true, "aria-labelledby": "report" });
  #run;
  #follow;
  #leaving;
  #of = null;

  /** `follow(runId)` is told which run an action has made. */
  constructor(run, follow, leaving) {
    this.#run = run;
    this.#follow = follow;
    this.#leaving = leaving;
  }

  /** Show the report if the run stands still for an error, and nothing otherwise. */
  async update(path) {
    const wanted =
      path.error && (path.status === "failed" || path.status === "paused") ? path.moved : null;
    if (wanted === this.#of) return;
    this.#of = wanted;
    if (wanted === null) {
      this.element.hidden = true;
      return;
    }
    try {
      const found = await get(at(RUNS, this.#run, "report"), {}, this.#leaving);
      if (this.#of === wanted) this.#show(found);
    } catch (error) {
      if (this.#leaving.aborted || error.code === GONE || this.#of !== wanted) return;
      fill(this.element, problem(error));
      this.element.hidden = false;
      this.#of = undefined; // asked again with the next entry
    }
  }

  #show({ status, error, node, attempt, state, actions, earlier = [] }) {
    const where =
      node === undefined ? "" : ` at ${node}${attempt > 1 ? `, attempt ${attempt}` : ""}`;
    const ran = new Tree();
    ran.show(state, 1);
    const trouble = make("div.trouble");
    fill(
      this.element,
      make(
        "h2",
        { id: "report" },
        `${status === "failed" ? "It failed" : "It waits for you"}${where}`,
      ),
      make("p", {}, make("code.bad", {}, error.code), " ", make("span.says", {}, error.message)),
      error.hint ? make("p.hint", {}, error.hint) : null,
      actions.length
        ? make(
            "div.actions",
            { role: "group", "aria-label": "What can be done" },
            actions.map((action, i) => this.#action(action, i === 0, trouble)),
          )
        : null,
      trouble,
      error.cause?.length
        ? folded(
            "What lies behind it",
            make(
              "ol",
              {},
              error.cause.map((each) => make("li.mono", {}, each)),
            ),
          )
        : null,
      earlier.length
        ? folded(
            "Earlier attempts",
            make(
              "ol",
              {},
              earlier.map((each) =>
                make(
                  "li",
                  { value: each.attempt },
                  make("code", {}, each.error.code),
                  ` ${each.error.message} `,
                  make("span.quiet", {}, clock(each.at)),
                ),
              ),
            ),
          )
        : null,
      folded(node === undefined ? "The state then" : "The state it ran on", ran.element),
    );
    this.element.classList.toggle("waits", status === "paused");
    this.element.hidden = false;
    say(`${status}: ${error.code}, ${error.message}`);
  }

  #action({ path, body, says }, first, trouble) {
    const button = make(first ? "button.main" : "button", { type: "button" }, says);
    button.addEventListener("click", () =>
      acting(button, trouble, async () => {
        const done = await post(path, body, { makes: true });
        if (done?.run_id && done.run_id !== this.#run) this.#follow(done.run_id);
        else say("done");
      }),
    );
    return make(
      "div.action",
      {},
      button,
      make(
        "details",
        {},
        make("summary", {}, "what is sent"),
        make("pre", { tabindex: 0 }, `POST ${path}\n${write(body, 2)}`),
      ),
    );
  }
}

function folded(title, inside) {
  return make("details", {}, make("summary", {}, title), inside);
}
