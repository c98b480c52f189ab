// The form that starts a run of a graph: its initial state, with what is known of its keys.
//
// This module knows how a run is asked for. It does not know how a graph or a run is shown.

import { field, fill, make } from "./dom.js";
import { JsonField, form } from "./forms.js";
import { START, at, get, post, problem } from "./http.js";

const TOOLS = "/api/v1/tools";

// What stands in the form for a key that must be given, by its type.
const BLANK = { string: "", integer: 0, number: 0, boolean: false, array: [], object: {} };

/** Make the form; `breakpoints()` says where the run pauses, and `pauses` tells of it. */
export async function starter(graph, breakpoints, pauses, signal) {
  const { graph_id, version, document: about } = graph;
  const keys = await known(about, signal);
  const blanks = keys
    .filter((each) => each.needed)
    .map((each) => [each.key, BLANK[each.type] ?? null]);
  const state = new JsonField(
    "Initial state",
    { ...Object.fromEntries(blanks), ...(about.state?.defaults ?? {}) },
    { rows: 9, hint: "A default of the graph stands for each key that is left out." },
  );
  const name = line({ maxlength: 128, placeholder: "made up" });
  const fields = [
    state.element,
    told(keys),
    insertion(state, keys),
    field("Name of the run", name),
    pauses,
  ];
  return form("Start", fields, async () => {
    const wanted = {
      graph_id,
      version,
      initial_state: state.read(),
      breakpoints: breakpoints(),
      ...(name.value.trim() && { run_id: name.value.trim() }),
    };
    const made = await post(START, wanted, { makes: true });
    location.hash = `#/runs/${encodeURIComponent(made.run_id)}`;
  });
}

function line(attributes) {
  return make("input.mono", {
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    ...attributes,
  });
}

// What is known of the keys, for people.
function told(keys) {
  const lines = keys
    .filter((each) => each.about || each.needed)
    .flatMap(({ key, type, about, needed }) => [
      make("dt", {}, make("code", {}, key), needed ? " must be given" : ""),
      make("dd.quiet", {}, [type, about].filter(Boolean).join(": ")),
    ]);
  if (!lines.length) return null;
  const list = make("dl.keys", {}, lines);
  return make("details", {}, make("summary", {}, "What its keys mean"), list);
}

// A text of many lines can't be typed as JSON: it is put in here.
function insertion(state, keys) {
  const first = keys.find((each) => each.needed && each.type === "string");
  const key = line({ value: first?.key ?? "" });
  key.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault(); // it starts nothing
  });
  const file = make("input", { type: "file" });
  const text = make("textarea.mono", { rows: 6, spellcheck: "false" });
  const trouble = make("div.trouble");
  const put = (value) => {
    try {
      state.write({ ...state.read(), [key.value.trim() || "text"]: value });
      trouble.replaceChildren();
    } catch (error) {
      fill(trouble, problem(error));
    }
  };
  file.addEventListener("change", async () => {
    if (file.files[0]) put(await file.files[0].text());
  });
  text.addEventListener("input", () => put(text.value));
  return make(
    "details.insertion",
    { open: first !== undefined },
    make("summary", {}, "Put in a text or a file"),
    field("Under the key", key),
    field("The text", text),
    field("Or a file", file),
    trouble,
  );
}

// The keys that the graph tells of, or else those that its first node needs.
async function known({ nodes, entry, state = {} }, signal) {
  const { tool, args = {}, inputs = {} } = nodes[entry] ?? {};
  const { defaults = {}, schema = {} } = state;
  if (schema.properties) return listed(schema, (key) => Object.hasOwn(defaults, key));
  if (tool === undefined) return [];
  try {
    const { input_schema: needs } = await get(at(TOOLS, tool), {}, signal);
    const given = (key) => [defaults, args, inputs].some((each) => Object.hasOwn(each, key));
    return listed(needs ?? {}, given).filter((each) => each.needed);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return []; // the form does without
  }
}

function listed({ properties = {}, required = [] }, given) {
  return Object.entries(properties).map(([key, { type, description = "" }]) => ({
    key,
    type: typeof type === "string" ? type : "",
    about: description,
    needed: required.includes(key) && !given(key),
  }));
}
