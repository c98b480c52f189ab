// Where a run is, folded from its entries: what each node does, which edges were taken.
//
// This module knows what entries do to a drawing. It does not know how anything is drawn, nor
// what the state is: that, only the server says.

/** One node of a run. */
class Place {
  waiting = new Set(); // messages that are there, and have fired nothing yet
  active = new Map(); // activation -> {attempt, since, due, progress}
  completed = 0;
  failed = 0;
  skipped = 0;
  last = ""; // how what was there last ended
  error = null;
  over = false; // the run has ended

  copy() {
    const twin = Object.assign(new Place(), this);
    twin.waiting = new Set(this.waiting);
    twin.active = new Map([...this.active].map(([name, each]) => [name, { ...each }]));
    return twin;
  }

  /** How it is with the node, in a word; empty: nothing has come to it. */
  get now() {
    const calls = [...this.active.values()];
    if (this.over && (calls.length || this.waiting.size || this.last === "waiting")) return "stopped";
    if (calls.some((each) => !each.due)) return "running";
    return calls.length || this.waiting.size ? "waiting" : this.last;
  }
}

/** What the entries of a run, up to one of them, make of its graph. */
export class Path {
  nodes = new Map();
  edges = new Map(); // source -> target -> how often; "" is the start, and the end of a branch
  status = "";
  graph = "";
  began = null;
  ended = null;
  error = null;
  reason = "";
  hit = null; // the breakpoint at which it is paused
  breakpoints = [];
  tags = {};
  origin = null;
  moved = -1; // the entry that last changed the status
  #closing = null; // the activation that ended last, as long as it has sent nothing
  seq = -1;

  copy() {
    const twin = Object.assign(new Path(), this);
    twin.nodes = new Map([...this.nodes].map(([name, each]) => [name, each.copy()]));
    twin.edges = new Map([...this.edges].map(([name, each]) => [name, new Map(each)]));
    twin.#closing = this.#closing;
    return twin;
  }

  node(name) {
    let found = this.nodes.get(name);
    if (!found) this.nodes.set(name, (found = new Place()));
    return found;
  }

  /** What is going on: `{node, activation, attempt, since, due, progress}` each. */
  get going() {
    return [...this.nodes].flatMap(([node, place]) =>
      [...place.active].map(([activation, each]) => ({ node, activation, ...each })),
    );
  }

  add(entry) {
    this.seq = entry.seq;
    FOLD[entry.type]?.(this, entry);
  }

  /** Take what a tool says while it runs. */
  hear(frame) {
    const call = this.nodes.get(frame.node)?.active.get(frame.activation);
    if (!call) return;
    if (frame.type === "node.progressed") call.progress = frame;
    if (frame.type === "node.streamed") call.streamed = frame.data;
  }

  /** Count a message along an edge, or take one back. */
  along(source, target, by = 1) {
    if (!this.edges.has(source)) this.edges.set(source, new Map());
    const targets = this.edges.get(source);
    targets.set(target, (targets.get(target) ?? 0) + by);
  }

  /** An activation ended. Its messages follow in the same batch; if there are none, its branch ends. */
  close({ node, activation }) {
    this.along(node, "");
    this.#closing = { node, activation };
  }

  /** A message was sent: the branch of its sender goes on. */
  goOn({ activation }) {
    if (activation === undefined || this.#closing?.activation !== activation) return;
    this.along(this.#closing.node, "", -1);
    this.#closing = null;
  }

  become(status, entry, error = null) {
    this.status = status;
    this.moved = entry.seq;
    this.error = error;
    this.reason = entry.reason ?? "";
    this.hit = status === "paused" ? this.hit : null;
    this.ended = null;
  }

  /** Nothing follows: what was going on, or waited, stands still for good. */
  end(status, entry, error = null) {
    this.become(status, entry, error);
    this.ended = entry.at;
    for (const place of this.nodes.values()) place.over = true;
  }
}

const FOLD = {
  "run.started": (path, entry) => {
    path.become("running", entry);
    path.graph = entry.graph;
    path.began = entry.at;
    path.tags = entry.tags ?? {};
    path.breakpoints = entry.breakpoints ?? [];
  },
  "run.forked": (path, entry) => {
    path.become("running", entry);
    path.origin = { run_id: entry.origin, seq: entry.at_seq };
    for (const place of path.nodes.values()) Object.assign(place, { over: false, error: null });
  },
  "message.sent": (path, entry) => {
    path.along(entry.from ?? "", entry.to);
    path.goOn(entry);
    path.node(entry.to).waiting.add(entry.seq);
  },
  "message.withdrawn": (path, entry) => {
    const place = path.node(entry.node);
    for (const message of entry.messages) place.waiting.delete(message);
    if (entry.activation !== undefined) place.active.delete(entry.activation);
    place.last = "withdrawn";
  },
  "node.started": (path, entry) => {
    const place = path.node(entry.node);
    for (const message of entry.messages) place.waiting.delete(message);
    place.active.set(entry.activation, { attempt: entry.attempt ?? 1, since: entry.at });
  },
  "node.completed": (path, entry) => ended(path, entry, "completed"),
  "node.skipped": (path, entry) => ended(path, entry, "skipped"),
  "node.failed": (path, entry) => {
    ended(path, entry, "failed");
    path.node(entry.node).error = entry.error;
    if (entry.then === "paused") path.node(entry.node).last = "waiting"; // for a person
  },
  "node.retrying": (path, entry) => {
    const place = path.node(entry.node);
    place.error = entry.error;
    place.active.set(entry.activation, { attempt: entry.attempt, since: entry.at, due: entry.due });
  },
  "breakpoint.hit": (path, entry) => {
    path.hit = { node: entry.node, where: entry.where };
  },
  "breakpoints.set": (path, entry) => {
    path.breakpoints = entry.breakpoints;
  },
  "run.paused": (path, entry) => path.become("paused", entry, entry.error ?? null),
  "run.resumed": (path, entry) => path.become("running", entry),
  "run.stepped": (path) => {
    path.hit = null;
  },
  "run.completed": (path, entry) => path.end("completed", entry),
  "run.failed": (path, entry) => path.end("failed", entry, entry.error),
  "run.cancelled": (path, entry) => path.end("cancelled", entry),
};

function ended(path, entry, how) {
  const place = path.node(entry.node);
  place.active.delete(entry.activation);
  for (const message of entry.messages ?? []) place.waiting.delete(message);
  place[how] += 1;
  place.last = how === "skipped" ? "completed" : how;
  if (how !== "failed") place.error = null;
  if (how !== "failed" || entry.then === "routed") path.close(entry);
}
