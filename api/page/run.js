// One run: its live trace beside its drawing, its state at any entry, and what can be done.
//
// This module knows how the parts of the view go together. Each part knows its own.

import { Commands } from "./commands.js";
import { fill, make, perFrame, say } from "./dom.js";
import { Drawing } from "./drawing.js";
import { GRAPHS, STATE, at, get, problem } from "./http.js";
import { Inspector } from "./inspector.js";
import { Log } from "./log.js";
import { Going, NodePanel } from "./node.js";
import { Report } from "./report.js";
import { badge } from "./runs.js";
import { Stream } from "./stream.js";
import { Trace } from "./trace.js";
import { OVER, between, clock, duration, since } from "./words.js";

/** Show the view until `leaving` is aborted. */
export async function showRun(main, { name: run, query, leaving }) {
  fill(main, make("p.quiet", {}, "…"));
  document.title = `${run} – run`;
  let state;
  let graph;
  try {
    state = await get(at(STATE, run), {}, leaving);
    graph = await get(at(GRAPHS, state.graph_id), { version: state.version }, leaving);
  } catch (error) {
    if (!leaving.aborted) fill(main, make("h1.mono", { tabindex: -1 }, run), problem(error));
    return;
  }
  new RunView(main, run, state, graph.document, query, leaving);
}

class RunView {
  #run;
  #graph;
  #document;
  #leaving;
  #log = new Log();
  #at = null; // the entry that is looked at; null: now
  #node = null;
  #link = { word: "connecting" };
  #status = make("span");
  #times = make("span.quiet");
  #connection = make("span.connection");
  #tags = make("div.tags");
  #past = make("p.quiet", { hidden: true });
  #origin = make("span");
  #view;
  #stream;
  #said = "";
  #writing = 0;

  constructor(main, run, state, about, query, leaving) {
    this.#run = run;
    this.#graph = state;
    this.#document = about;
    this.#leaving = leaving;
    const given = query.get("at");
    if (given !== null && /^\d{1,15}$/.test(given)) this.#at = Number(given);
    this.#stream = new Stream(run, {
      entries: (entries, characters) => this.#take(entries, characters),
      frame: (frame) => {
        this.#log.path.hear(frame);
        this.#draw();
      },
      state: (link) => {
        this.#link = link;
        this.#draw();
      },
      again: () => this.#restart(),
    });
    this.#build(main);
    const ticking = setInterval(() => this.#draw(), 250);
    leaving.addEventListener("abort", () => {
      clearInterval(ticking);
      this.#stream.close();
    });
    addEventListener("online", () => this.#stream.hurry(), { signal: leaving });
    addEventListener("visibilitychange", () => document.hidden || this.#stream.hurry(), {
      signal: leaving,
    });
    this.#stream.open();
  }

  #build(main) {
    const choose = (seq) => this.#choose(seq);
    const follow = (made) => {
      location.hash = `#/runs/${encodeURIComponent(made)}`;
    };
    const commands = new Commands(this.#run, {
      follow,
      nodes: () => Object.keys(this.#document.nodes),
    });
    const fork = make(
      "button.small",
      { type: "button", onclick: () => commands.fork(this.#at) },
      "Fork from here…",
    );
    const chooseNode = (node) => this.#chooseNode(node === this.#node ? null : node);
    this.#view = {
      commands,
      report: new Report(this.#run, follow, this.#leaving),
      drawing: new Drawing(chooseNode),
      going: new Going(),
      node: new NodePanel({
        setBreakpoints: (list) => commands.setBreakpoints(list),
        only: (node) => this.#view.trace.only(node),
        close: () => this.#chooseNode(null),
      }),
      trace: new Trace(this.#log, { choose }),
      inspector: new Inspector(this.#run, this.#log, { choose, aside: fork }, this.#leaving),
    };
    const { report, drawing, going, node, trace, inspector } = this.#view;
    const { graph_id, version } = this.#graph;
    fill(
      main,
      make(
        "div.head",
        {},
        make(
          "h1",
          { tabindex: -1 },
          make("span.quiet", {}, "Run "),
          make("span.mono", {}, this.#run),
        ),
        this.#status,
        this.#times,
        this.#connection,
      ),
      make(
        "div.under",
        {},
        make(
          "span",
          {},
          "of ",
          make(
            "a.name",
            { href: `#/graphs/${encodeURIComponent(graph_id)}?version=${version}` },
            graph_id,
          ),
          make("span.quiet", {}, ` version ${version}`),
        ),
        this.#origin,
        this.#tags,
      ),
      commands.element,
      report.element,
      make(
        "div.columns",
        {},
        make(
          "div.left",
          {},
          make("section", { "aria-label": "Graph" }, this.#past, drawing.element, going.element),
          node.element,
        ),
        trace.element,
      ),
      inspector.element,
    );
    drawing
      .load(graph_id, version, Object.keys(this.#document.nodes), this.#leaving)
      .catch((error) => {
        if (!this.#leaving.aborted) console.error(error);
      });
    inspector.look(this.#at);
  }

  #take(entries, characters) {
    this.#log.add(entries, characters);
    if (this.#at !== null && entries.some((each) => each.seq === this.#at)) {
      this.#choose(this.#at); // the address named an entry, and here it is
    }
    this.#draw();
  }

  #restart() {
    this.#log.clear();
    this.#view.trace.clear();
    this.#before = null;
  }

  #choose(seq) {
    this.#at = seq;
    clearTimeout(this.#writing); // browsers refuse an address that changes too often
    this.#writing = setTimeout(() => {
      if (this.#leaving.aborted) return;
      const [path] = location.hash.split("?");
      history.replaceState(null, "", seq === null ? path : `${path}?at=${seq}`);
    }, 200);
    this.#view.trace.choose(seq);
    this.#view.inspector.look(seq);
    this.#draw();
  }

  #chooseNode(node) {
    this.#node = node;
    this.#view.drawing.choose(node);
    this.#view.node.show(node, node === null ? undefined : this.#document.nodes[node]);
    this.#draw();
  }

  #draw = perFrame(() => {
    if (this.#leaving.aborted) return;
    const { path } = this.#log;
    const { commands, report, drawing, going, node, trace, inspector } = this.#view;
    const shown = this.#at === null ? path : this.#pathAt(this.#at);
    trace.update();
    drawing.show(shown, path.breakpoints);
    this.#past.hidden = shown === path;
    this.#past.textContent = `As it was after entry ${this.#at}.`;
    node.update(shown, path.breakpoints, !OVER.has(path.status));
    going.update(shown === path && !OVER.has(path.status) ? path : NOTHING);
    commands.update(path);
    if (path.seq >= this.#graph.seq) report.update(path); // before, it was like that once
    if (path.seq !== this.#seen) {
      this.#seen = path.seq;
      inspector.update();
    }
    this.#head(path);
  });

  #seen = -1;
  #before = null;

  #pathAt(seq) {
    if (this.#before?.seq !== seq || this.#before.last !== this.#log.last) {
      this.#before = { seq, last: this.#log.last, path: this.#log.pathAt(seq) };
    }
    return this.#before.path;
  }

  #head(path) {
    const status = path.status || this.#graph.status;
    if (this.#said !== status) {
      if (this.#said) say(`the run is ${status}`);
      this.#said = status;
      fill(this.#status, badge(status));
      document.title = `${status}: ${this.#run}`;
    }
    if (path.began) {
      const took = path.ended ? between(path.began, path.ended) : since(path.began);
      const where = path.hit ? `, at the breakpoint ${path.hit.where} ${path.hit.node}` : "";
      this.#times.textContent = `${path.ended ? "took" : "for"} ${duration(took)}${where}, began ${clock(path.began)}`;
    }
    this.#showLink();
    if (path.origin && !this.#origin.childNodes.length) {
      const { run_id, seq } = path.origin;
      fill(
        this.#origin,
        "fork of ",
        make("a.mono", { href: `#/runs/${encodeURIComponent(run_id)}?at=${seq}` }, run_id),
        ` after entry ${seq}`,
      );
    }
    if (!this.#tags.childNodes.length) {
      fill(
        this.#tags,
        Object.entries(path.tags).map(([name, value]) => make("span.tag", {}, `${name}: ${value}`)),
      );
    }
  }

  #showLink() {
    const { word, why, at: then } = this.#link;
    const says = {
      connecting: "connecting…",
      live: "live",
      over: "all entries are here",
      lost: `not followed: ${why}`,
      waiting: `${why}, again in ${Math.max(1, Math.ceil((then - Date.now()) / 1000))} s`,
    }[word];
    if (this.#connection.dataset.word === word && this.#connection.firstChild?.textContent === says)
      return;
    this.#connection.dataset.word = word;
    fill(
      this.#connection,
      make("span", {}, says),
      word === "waiting"
        ? make("button.small", { type: "button", onclick: () => this.#stream.hurry() }, "now")
        : null,
    );
  }
}

const NOTHING = { going: [] };
