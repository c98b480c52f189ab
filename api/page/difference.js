// What is different between two states: keys, and in long texts the lines.
//
// This module knows two values. It does not know which states they are of.

import { make } from "./dom.js";
import { Tree } from "./tree.js";

const AROUND = 2; // equal lines that are shown beside those that differ
const MOST_WORK = 1_000_000; // pairs of lines that are compared

/** Show a difference, as the server tells it: `{added, removed, changed}`. */
export function showDifference({ added, removed, changed }) {
  const parts = [
    ...Object.entries(added).map(([key, value]) => part("+", "added", key, tree(value))),
    ...Object.entries(changed).map(([key, { from, to }]) =>
      part("~", "changed", key, change(from, to)),
    ),
    ...Object.entries(removed).map(([key, value]) => part("−", "removed", key, tree(value))),
  ];
  return parts.length
    ? make("dl.difference", {}, parts)
    : make("p.quiet", {}, "Nothing of the state is different.");
}

function part(sign, word, key, value) {
  return [
    make(
      `dt.${word}`,
      {},
      make("span.sign", { "aria-hidden": "true" }, sign),
      make("span.unseen", {}, word),
      " ",
      make("span.key", {}, key),
    ),
    make("dd", {}, value),
  ];
}

function tree(value) {
  const made = new Tree();
  made.show(value);
  return made.element;
}

function change(from, to) {
  const texts = typeof from === "string" && typeof to === "string";
  if (texts && (from.includes("\n") || to.includes("\n")))
    return lines(from.split("\n"), to.split("\n"));
  return make(
    "div.change",
    {},
    make("div", {}, make("span.quiet", {}, "was "), tree(from)),
    make("div", {}, make("span.quiet", {}, "is "), tree(to)),
  );
}

function lines(old, fresh) {
  const out = make("pre.lines-changed", { tabindex: 0 });
  const steps = compared(old, fresh);
  const near = new Set();
  steps.forEach(({ sign }, i) => {
    if (sign !== " ") for (let j = i - AROUND; j <= i + AROUND; j++) near.add(j);
  });
  let gap = false;
  steps.forEach(({ sign, text }, i) => {
    if (!near.has(i)) {
      if (!gap) out.append(make("span.gap", {}, "⋯\n"));
      gap = true;
      return;
    }
    gap = false;
    out.append(make(sign === "+" ? "ins" : sign === "−" ? "del" : "span", {}, `${sign} ${text}\n`));
  });
  return out;
}

// The longest common lines, between what is equal at both ends.
function compared(old, fresh) {
  let head = 0;
  while (head < old.length && head < fresh.length && old[head] === fresh[head]) head++;
  let tail = 0;
  while (
    tail < old.length - head &&
    tail < fresh.length - head &&
    old.at(-1 - tail) === fresh.at(-1 - tail)
  )
    tail++;
  const gone = old.slice(head, old.length - tail);
  const come = fresh.slice(head, fresh.length - tail);
  const same = (text) => ({ sign: " ", text });
  return [
    ...old.slice(0, head).map(same),
    ...middle(gone, come),
    ...old.slice(old.length - tail).map(same),
  ];
}

function middle(gone, come) {
  const removed = (text) => ({ sign: "−", text });
  const added = (text) => ({ sign: "+", text });
  if (gone.length * come.length > MOST_WORK) return [...gone.map(removed), ...come.map(added)];
  const width = come.length + 1;
  const longest = new Uint32Array((gone.length + 1) * width);
  for (let i = gone.length - 1; i >= 0; i--) {
    for (let j = come.length - 1; j >= 0; j--) {
      longest[i * width + j] =
        gone[i] === come[j]
          ? longest[(i + 1) * width + j + 1] + 1
          : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  const steps = [];
  let i = 0;
  let j = 0;
  while (i < gone.length || j < come.length) {
    if (i < gone.length && j < come.length && gone[i] === come[j]) {
      steps.push({ sign: " ", text: gone[i++] });
      j++;
    } else if (
      j === come.length ||
      (i < gone.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])
    ) {
      steps.push(removed(gone[i++]));
    } else steps.push(added(come[j++]));
  }
  return steps;
}
