// One graph: its drawing, its document, a form that starts a run of it, and its last runs.
//
// This module knows how the parts of the view go together. It does not know how a run is asked for.

import { fill, make } from "./dom.js";
import { Drawing } from "./drawing.js";
import { GRAPHS, at, get, getText, listed, problem } from "./http.js";
import { NodePanel } from "./node.js";
import { RunList } from "./runs.js";
import { starter } from "./start.js";
import { Tree } from "./tree.js";

const NOWHERE = "Choose a node in the drawing to pause there.";

/** Show the view until `leaving` is aborted. */
export async function showGraph(main, { name, query, leaving }) {
  fill(main, make("p.quiet", {}, "…"));
  document.title = `${name} – graph`;
  try {
    const graph = await get(at(GRAPHS, name), { version: query.get("version") }, leaving);
    await build(main, graph, query, leaving);
  } catch (error) {
    if (!leaving.aborted) fill(main, make("h1.name", { tabindex: -1 }, name), problem(error));
  }
}

async function build(main, graph, query, leaving) {
  const { graph_id, version, versions, document: about, warnings } = graph;
  let breakpoints = [];
  let chosen = null;
  const runs = new RunList({ graph: graph_id, query, leaving });
  const choose = (node) => {
    chosen = node === chosen ? null : node;
    drawing.choose(chosen);
    panel.show(chosen, chosen === null ? undefined : about.nodes[chosen]);
    panel.update(null, breakpoints, true);
  };
  const pauses = make("p.quiet", {}, NOWHERE);
  const start = await starter(graph, () => breakpoints, pauses, leaving);
  const panel = new NodePanel({
    close: () => choose(chosen),
    setBreakpoints: (list) => {
      breakpoints = list;
      drawing.show(null, breakpoints);
      panel.update(null, breakpoints, true);
      fill(
        pauses,
        list.length
          ? `Pauses ${list.map((each) => `${each.where} ${each.node}`).join(", ")}.`
          : NOWHERE,
      );
    },
  });
  const drawing = new Drawing(choose);
  drawing.load(graph_id, version, Object.keys(about.nodes), leaving).catch(() => {}); // left meanwhile
  fill(
    main,
    make(
      "div.head",
      {},
      make("h1.name", { tabindex: -1 }, graph_id),
      versionChoice(graph_id, version, versions),
    ),
    about.description ? make("p.about", {}, about.description) : null,
    about.tags?.length
      ? make(
          "div.tags",
          {},
          about.tags.map((tag) => make("span.tag", {}, tag)),
        )
      : null,
    warnings?.length
      ? make("div.warnings", {}, make("p", {}, "It can be run, and yet:"), listed(warnings))
      : null,
    make(
      "div.columns",
      {},
      make(
        "div.left",
        {},
        make("section", { "aria-label": "Graph" }, drawing.element, written(graph)),
        panel.element,
      ),
      make(
        "section.start",
        { "aria-labelledby": "start" },
        make("h2", { id: "start" }, "Start a run"),
        start,
      ),
    ),
    runs.element,
  );
}

function versionChoice(name, version, versions) {
  if (versions.length < 2) return make("span.quiet", {}, `version ${version}`);
  const select = make(
    "select",
    {
      "aria-label": "Version",
      onchange: () => {
        location.hash = `#/graphs/${encodeURIComponent(name)}?version=${select.value}`;
      },
    },
    versions
      .toSorted((a, b) => b - a)
      .map((each) =>
        make("option", { value: each, selected: each === version }, `version ${each}`),
      ),
  );
  return select;
}

function written({ graph_id, version, document: about }) {
  const tree = new Tree();
  tree.show(about, 1);
  const mermaid = make(
    "details",
    {
      ontoggle: async () => {
        if (!mermaid.open || mermaid.childElementCount > 1) return;
        try {
          mermaid.append(
            make(
              "pre",
              { tabindex: 0 },
              await getText(at(GRAPHS, graph_id, "diagram"), { version }),
            ),
          );
        } catch (error) {
          mermaid.append(problem(error));
        }
      },
    },
    make("summary", {}, "As Mermaid"),
  );
  return make(
    "div.written",
    {},
    make("details", {}, make("summary", {}, "The document"), tree.element),
    mermaid,
  );
}
