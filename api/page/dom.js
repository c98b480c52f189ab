// Elements are made of names, attributes and text, never of markup.
//
// What runs hold comes from anywhere: nothing of it is ever read as HTML. This module knows
// the document. It does not know what is shown in it.

/**
 * Make an element: `make("button.main", {type: "button", onclick: act}, "Start")`.
 *
 * A function is an event's listener; true is an attribute without a value; null, undefined
 * and false leave it out. Children that are no nodes are text; null is no child.
 */
export function make(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  set(element, attributes);
  element.append(...nodes(children));
  return element;
}

/** Give an element these attributes. */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === null || value === undefined || value === false)
      element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  return element;
}

/** Put these children in place of those there are. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

function nodes(children) {
  return children
    .flat(Infinity)
    .filter((each) => each !== null && each !== undefined && each !== false)
    .map((each) => (each instanceof Node ? each : String(each)));
}

/** Say something to those who hear the page. */
export function say(text) {
  const said = document.getElementById("said");
  if (said.textContent !== text) said.textContent = text;
}

/** Call a function at most once in a frame, however often it is asked for. */
export function perFrame(draw) {
  let due = false;
  return () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      draw();
    });
  };
}

let ids = 0;

/** Give a field its label: `field("Name", input)`. */
export function field(label, input, hint) {
  input.id ||= `field-${++ids}`;
  const told = hint && make("small", { id: `${input.id}-hint` }, hint);
  if (told) input.setAttribute("aria-describedby", told.id);
  return make("div.field", {}, make("label", { for: input.id }, label), input, told);
}
