// Fields that hold JSON, and questions that are asked before something is done.
//
// This module knows forms and dialogs. It does not know what is asked for.

import { field, fill, make, set } from "./dom.js";
import { read, write } from "./exact.js";
import { Problem, acting } from "./http.js";

/** A text field whose text is a JSON object. */
export class JsonField {
  element;
  #area;
  #wrong = make("small.bad", { role: "status" });

  constructor(label, value, { hint = "", rows = 8 } = {}) {
    this.#area = make("textarea.mono", {
      rows,
      spellcheck: "false",
      autocapitalize: "off",
      autocomplete: "off",
      oninput: () => this.#check(),
    });
    this.write(value);
    this.element = field(label, this.#area, hint);
    this.element.append(this.#wrong);
  }

  write(value) {
    this.#area.value = write(value, 2);
    this.#check();
  }

  /** Read the object. Raises Problem: it is none. */
  read() {
    const { value, wrong } = this.#parsed();
    if (wrong === undefined) return value;
    this.#area.focus();
    throw new Problem({
      code: "NOT_JSON",
      detail: wrong,
      hint: 'it reads {"key": value, ...}, with keys and texts in double quotes',
    });
  }

  #parsed() {
    try {
      const value = read(this.#area.value.trim() || "{}");
      const object = value !== null && typeof value === "object" && !Array.isArray(value);
      return object ? { value } : { wrong: "expected an object in { }" };
    } catch (error) {
      return { wrong: error.message };
    }
  }

  #check() {
    const { wrong } = this.#parsed();
    this.#wrong.textContent = wrong ?? "";
    set(this.#area, { "aria-invalid": wrong === undefined ? null : "true" });
  }
}

/** Make a form: `act` is called when it is sent, and its problem shown. */
export function form(label, fields, act, { kind = "main", aside = null } = {}) {
  const trouble = make("div.trouble");
  const send = make(`button.${kind}`, { type: "submit" }, label);
  const made = make(
    "form",
    { novalidate: true },
    fields,
    trouble,
    make("div.buttons", {}, send, aside),
  );
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    acting(send, trouble, act);
  });
  return made;
}

/** Ask in a dialog; it closes when `act` has done its work. */
export function ask(title, fields, label, act, kind = "main") {
  const opener = document.activeElement;
  const dialog = make("dialog", { "aria-label": title });
  const close = make("button", { type: "button", onclick: () => dialog.close() }, "Never mind");
  const asked = form(
    label,
    fields,
    async () => {
      await act();
      dialog.close();
    },
    { kind, aside: close },
  );
  fill(dialog, make("h2", {}, title), asked);
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (opener?.isConnected) opener.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
}
