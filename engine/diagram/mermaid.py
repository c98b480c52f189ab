"""A diagram written down as a flowchart in the text of Mermaid.

This module knows the words and the traps of that language. It does not know what is drawn
(`sketch`).

Nodes are called `n0`, `n1` ... in node order, for a name may be a word of the language, such
as `end`; `s` is the start, and `e0` the end of a branch of `n0`. In texts every character
that could mean anything is written by its number (`#34;`), also `:` and `;`, which the
language looks for before it knows what is a text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from engine.diagram.palette import ERROR, LOOKS, TAKEN
from engine.diagram.sketch import sketch
from engine.diagram.text import TIMES, shortened, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.diagram.run_path import RunPath
    from engine.diagram.sketch import Arrow, Box
    from engine.graph import Graph

_LONGEST: Final = 80
"""Characters of one label."""

_MOST_LABELS: Final = 4

_SIGNS: Final = {
    "completed": "✓",
    "running": "▶",
    "waiting": "⏸",
    "failed": "✗",
    "withdrawn": "\u2212",
    "stopped": "■",
}

_PLAIN: Final = re.compile(
    r"[^\w .,=+/()'!?✓▶⏸✗\u2212■\u00d7·…-]|--|\b(?:end|graph|subgraph|click|call|href)\b"
)
"""What is not written as it is: signs of the language, and words that it trips over."""


def mermaid(graph: Graph, path: RunPath | None = None) -> str:
    """Write a graph as a flowchart, with what a run of it did if that is given.

    Nodes show their policies, edges their conditions; edges that only errors take are dotted,
    those that the run took are thick. Any graph can be written, though programs that show
    Mermaid stop at 500 edges unless they are told otherwise.
    """
    drawn = sketch(graph)
    ids = {box.name: f"n{number}" for number, box in enumerate(drawn.boxes)}
    lines = ["flowchart TD", "  s(( ))"]
    lines += [f'  {ids[box.name]}["{"<br/>".join(_rows(box, path))}"]' for box in drawn.boxes]
    coloured: dict[str, list[int]] = {}
    for number, arrow in enumerate(drawn.arrows):
        source = "s" if arrow.source is None else ids[arrow.source]
        target = f"{source.replace('n', 'e')}((( )))" if arrow.target is None else ids[arrow.target]
        count = 0 if path is None else path.edges.get((arrow.source, arrow.target), 0)
        lines.append(f"  {source} {_link(arrow, count)} {target}")
        if arrow.kind == "error" or count:
            colour = ERROR[0] if arrow.kind == "error" else TAKEN[0]
            coloured.setdefault(colour, []).append(number)
    for colour, numbers in coloured.items():
        lines.append(f"  linkStyle {','.join(map(str, numbers))} stroke:{colour}")
    if path is not None:
        lines += _classes(ids, path)
    return "\n".join(lines) + "\n"


def _rows(box: Box, path: RunPath | None) -> Iterator[str]:
    yield f"<b>{_escaped(box.name)}</b>"
    if box.tool:
        yield _escaped(box.tool)
    yield from map(_escaped, box.notes)
    seen = None if path is None else path.nodes.get(box.name)
    if seen is not None:
        times = f" {TIMES}{seen.visits:,}" if seen.visits > 1 else ""
        yield _escaped(f"{_SIGNS[seen.status]} {seen.status}{times}")


def _link(arrow: Arrow, count: int) -> str:
    labels = [_escaped(label) for label in arrow.labels]
    if len(labels) > _MOST_LABELS:
        labels[_MOST_LABELS - 1 :] = [f"and {len(labels) - _MOST_LABELS + 1:,} more"]
    if count > 1:
        labels.append(f"{TIMES}{count:,}")
    line = "==>" if count else "-->" if arrow.kind == "way" else "-.->"
    return f'{line}|"{"<br/>".join(labels)}"|' if labels else line


def _classes(ids: dict[str, str], path: RunPath) -> Iterator[str]:
    members: dict[str, list[str]] = {}
    for name, seen in path.nodes.items():
        if name in ids:
            members.setdefault(seen.status, []).append(ids[name])
    for status, look in LOOKS.items():
        if status in members:
            dash = f",stroke-dasharray:{look.dash}" if look.dash else ""
            yield (
                f"  classDef {status} fill:{look.ground[0]},stroke:{look.line[0]},"
                f"color:#1b2430,stroke-width:2px{dash}"
            )
            yield f"  class {','.join(members[status])} {status}"


def _escaped(text: str) -> str:
    """Write a text so that it is shown as it is, whatever is in it."""
    return _PLAIN.sub(_numbers, shortened(visible(text), _LONGEST))


def _numbers(found: re.Match[str]) -> str:
    """Write the first character of what was found by its number; that is enough."""
    text = found.group()
    return f"#{ord(text[0])};{text[1:]}" if text != "--" else "#45;#45;"
