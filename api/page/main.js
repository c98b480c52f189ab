// The page: which view is shown for which address.
//
// This module knows the addresses, which are kept in the fragment so that the server has one
// page only. It does not know what the views show.

import { fill, make } from "./dom.js";
import { showGraph } from "./graph.js";
import { showHome } from "./home.js";
import { showRun } from "./run.js";

const VIEWS = [
  [/^#?\/?$/, showHome],
  [/^#\/graphs\/([^/]+)$/, showGraph],
  [/^#\/runs\/([^/]+)$/, showRun],
];

const main = document.getElementById("main");
let leaving = new AbortController();
let shown = false;

async function show() {
  if (location.hash === "#main") return; // the way past the head, and no view
  leaving.abort();
  leaving = new AbortController();
  document.querySelectorAll("dialog").forEach((each) => each.close());
  const [path, text = ""] = location.hash.split("?", 2);
  const query = new URLSearchParams(text);
  for (const [pattern, view] of VIEWS) {
    const found = pattern.exec(path);
    if (!found) continue;
    const name = decoded(found[1]);
    if (name === null) break;
    const { signal } = leaving;
    await view(main, { name, query, leaving: signal });
    if (!signal.aborted) entered();
    return;
  }
  fill(
    main,
    make("h1", { tabindex: -1 }, "There is nothing here"),
    make("p", {}, make("a", { href: "#/" }, "Graphs and runs")),
  );
  entered();
}

// Whoever went here by keyboard or ear goes on at the heading.
function entered() {
  if (shown) main.querySelector("h1")?.focus({ preventScroll: true });
  if (shown) scrollTo(0, 0);
  shown = true;
}

function decoded(text) {
  try {
    return decodeURIComponent(text ?? "");
  } catch {
    return null;
  }
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", show);
show();
