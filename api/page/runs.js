// The list of runs: filtered, paged, and kept up to date while it is looked at.
//
// This module knows the list of runs. It does not know what a run is made of.

import { fill, make, set } from "./dom.js";
import { RUNS, get, problem } from "./http.js";
import { OVER, STATUSES, ago, between, clock, duration, since } from "./words.js";

const PAGE = 25;
const EVERY = 2000; // ms between two looks at the page that is shown

/** Shows runs: of one graph, or of all with a filter. */
export class RunList {
  element;
  #graph;
  #fixed;
  #statuses = new Set();
  #pages = [null]; // the cursors of the pages up to the one that is shown
  #body = make("tbody", { role: "rowgroup" });
  #scrolls;
  #trouble = make("div.trouble");
  #empty = make("p.quiet", { hidden: true });
  #newer;
  #older;
  #next = null;
  #leaving;
  #asked = 0;
  #rows = new Map();

  constructor({ graph = "", leaving, query = new URLSearchParams() }) {
    this.#leaving = leaving;
    this.#fixed = graph;
    for (const status of query.getAll("status"))
      if (STATUSES.includes(status)) this.#statuses.add(status);
    this.#graph = make(
      "select",
      { "aria-label": "Of which graph", onchange: () => this.#filtered() },
      make("option", { value: "" }, "every graph"),
    );
    if (query.get("graph")) this.know([query.get("graph")], query.get("graph"));
    this.#newer = make("button", { type: "button", onclick: () => this.#turn(-1) }, "← Newer");
    this.#older = make("button", { type: "button", onclick: () => this.#turn(1) }, "Older →");
    this.element = make(
      "section.runs",
      { "aria-labelledby": "runs" },
      make("h2", { id: "runs" }, graph ? "Its last runs" : "Last runs"),
      this.#filters(),
      this.#trouble,
      this.#table(),
      this.#empty,
      make("div.pages", {}, this.#newer, this.#older),
    );
    this.#load();
    const timer = setInterval(() => {
      if (!document.hidden) this.#load();
    }, EVERY);
    leaving.addEventListener("abort", () => clearInterval(timer));
  }

  /** Offer these graphs in the filter. */
  know(graphs, chosen = this.#graph.value) {
    const known = new Set([...this.#graph.options].map((each) => each.value));
    for (const name of graphs)
      if (!known.has(name)) this.#graph.append(make("option", { value: name }, name));
    this.#graph.value = chosen;
  }

  #filters() {
    const statuses = STATUSES.map((status) => {
      const box = make("input", {
        type: "checkbox",
        checked: this.#statuses.has(status),
        onchange: () => {
          if (box.checked) this.#statuses.add(status);
          else this.#statuses.delete(status);
          this.#filtered();
        },
      });
      return make("label.pill", {}, box, status);
    });
    return make(
      "fieldset.filters",
      {},
      make("legend.unseen", {}, "Which runs"),
      this.#fixed ? null : this.#graph,
      make("div.pills", {}, statuses),
    );
  }

  #table() {
    const heads = ["Status", "Run", this.#fixed ? "Version" : "Graph", "Began", "Took", "Error"];
    this.#scrolls = make(
      "div.scrolls",
      { hidden: true },
      make(
        "table",
        { role: "table" }, // told by name: on a phone it is laid out as something else
        make(
          "thead",
          { role: "rowgroup" },
          make(
            "tr",
            { role: "row" },
            heads.map((each) => make("th", { role: "columnheader", scope: "col" }, each)),
          ),
        ),
        this.#body,
      ),
    );
    return this.#scrolls;
  }

  #filtered() {
    this.#pages = [null];
    const [path, given = ""] = location.hash.split("?", 2);
    const query = new URLSearchParams(given); // what is not ours in it stays
    query.delete("status");
    query.delete("graph");
    for (const status of this.#statuses) query.append("status", status);
    if (this.#graph.value) query.append("graph", this.#graph.value);
    history.replaceState(null, "", `${path || "#/"}${query.size ? `?${query}` : ""}`);
    this.#load();
  }

  #turn(by) {
    if (by > 0 && this.#next) this.#pages.push(this.#next);
    else if (by < 0 && this.#pages.length > 1) this.#pages.pop();
    this.#load();
  }

  async #load() {
    const mine = ++this.#asked; // an answer that comes after a later question is not shown
    const query = {
      limit: PAGE,
      status: [...this.#statuses],
      graph: this.#fixed || this.#graph.value,
      before: this.#pages.at(-1),
    };
    try {
      const page = await get(RUNS, query, this.#leaving);
      if (mine !== this.#asked) return;
      this.#trouble.replaceChildren();
      this.#show(page);
    } catch (error) {
      if (!this.#leaving.aborted && mine === this.#asked) fill(this.#trouble, problem(error));
    }
  }

  #show({ runs, next }) {
    this.#next = next;
    const rows = new Map();
    for (const run of runs) {
      const row = this.#rows.get(run.run_id) ?? this.#row(run);
      this.#change(row, run);
      rows.set(run.run_id, row);
    }
    this.#rows = rows;
    const wanted = [...rows.values()].map((each) => each.line);
    const same =
      wanted.length === this.#body.children.length &&
      wanted.every((line, i) => this.#body.children[i] === line);
    if (!same) this.#body.replaceChildren(...wanted); // moving a line would lose the focus in it
    this.#empty.hidden = runs.length > 0;
    this.#scrolls.hidden = !runs.length;
    this.#empty.textContent =
      this.#statuses.size || this.#graph.value || this.#pages.length > 1
        ? "No run is like that."
        : "Nothing has run yet.";
    this.#newer.hidden = this.#pages.length === 1;
    this.#older.hidden = !next;
  }

  #row(run) {
    const cells = {
      status: make("td", { role: "cell" }),
      began: make("td", { role: "cell" }),
      took: make("td.number", { role: "cell" }),
      error: make("td", { role: "cell" }),
    };
    const graph = this.#fixed
      ? make("td", { role: "cell" }, run.version === null ? "–" : `version ${run.version}`)
      : make(
          "td.name",
          { role: "cell" },
          make("a", { href: `#/graphs/${encodeURIComponent(run.graph_id)}` }, run.graph_id),
        );
    const line = make(
      "tr",
      { role: "row" },
      cells.status,
      make(
        "th",
        { role: "rowheader", scope: "row" },
        make("a.mono", { href: `#/runs/${encodeURIComponent(run.run_id)}` }, run.run_id),
        run.origin
          ? make(
              "span.quiet",
              { title: `of ${run.origin.run_id}, entry ${run.origin.seq}` },
              " fork",
            )
          : null,
      ),
      graph,
      cells.began,
      cells.took,
      cells.error,
    );
    return { line, cells };
  }

  #change({ cells }, { status, began, changed, error }) {
    const look = `${status} ${error ?? ""}`;
    if (cells.status.dataset.look !== look) {
      cells.status.dataset.look = look;
      fill(cells.status, badge(status));
      fill(cells.error, error ? make("code.bad", {}, error) : "");
    }
    set(cells.began, { title: clock(began) });
    cells.began.textContent = ago(began);
    const over = OVER.has(status);
    cells.took.textContent = duration(over ? between(began, changed) : since(began));
  }
}

/** Show a status. */
export function badge(status) {
  return make(`span.badge.${STATUSES.includes(status) ? status : "other"}`, {}, status || "…");
}
