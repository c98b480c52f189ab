// The first view: which graphs there are, and the last runs of all of them.
//
// This module knows how graphs are listed. It does not know how one is shown.

import { fill, make } from "./dom.js";
import { GRAPHS, get, problem } from "./http.js";
import { RunList } from "./runs.js";
import { count } from "./words.js";

const MOST = 200; // graphs that are listed; a filter finds the others

/** Show the view until `leaving` is aborted. */
export async function showHome(main, { query, leaving }) {
  const graphs = make("div.graphs", {}, make("p.quiet", {}, "…"));
  const runs = new RunList({ query, leaving });
  fill(
    main,
    make("h1.unseen", { tabindex: -1 }, "Graphs and runs"),
    make(
      "div.home",
      {},
      make(
        "section",
        { "aria-labelledby": "graphs" },
        make("h2", { id: "graphs" }, "Graphs"),
        graphs,
      ),
      runs.element,
    ),
  );
  document.title = "Workflows";
  try {
    const found = (await get(GRAPHS, {}, leaving)).graphs;
    runs.know(found.map((each) => each.graph_id));
    listed(graphs, found);
  } catch (error) {
    if (!leaving.aborted) fill(graphs, problem(error));
  }
}

function listed(place, graphs) {
  if (!graphs.length) {
    fill(
      place,
      make("p", {}, "There is no graph yet. Create one:"),
      make(
        "pre",
        { tabindex: 0 },
        `curl ${location.origin}/api/v1/graph/create --json '{"name": "hello", "edges": {"greet": "count_words"}}'`,
      ),
    );
    return;
  }
  const list = make("ul.cards");
  const search = make("input", {
    type: "search",
    placeholder: "Find a graph",
    "aria-label": "Find a graph",
    hidden: graphs.length < 8,
    oninput: () => show(),
  });
  const show = () => {
    const wanted = search.value.trim().toLowerCase();
    const found = graphs.filter((each) =>
      [each.graph_id, each.description ?? "", ...(each.tags ?? [])].some((text) =>
        text.toLowerCase().includes(wanted),
      ),
    );
    fill(list, found.slice(0, MOST).map(card));
    if (found.length > MOST)
      list.append(make("li.quiet", {}, `and ${count(found.length - MOST, "more graph")}`));
    if (!found.length) list.append(make("li.quiet", {}, "none of that name"));
  };
  show();
  fill(place, search, list);
}

function card({ graph_id, version, nodes, description, tags }) {
  const many = typeof nodes === "number" ? nodes : nodes?.length;
  return make(
    "li",
    {},
    make(
      "a.card",
      { href: `#/graphs/${encodeURIComponent(graph_id)}` },
      make("strong.name", {}, graph_id),
      make(
        "span.quiet",
        {},
        ` version ${version}`,
        many === undefined ? "" : `, ${count(many, "node")}`,
      ),
      description ? make("span.about", {}, description) : null,
      tags?.length
        ? make(
            "span.tags",
            {},
            tags.map((tag) => make("span.tag", {}, tag)),
          )
        : null,
    ),
  );
}
