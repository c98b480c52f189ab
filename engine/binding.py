"""Whether a graph can be run with the tools there are, and a document looked at as a whole.

This module knows that a node names a tool and gives it arguments. It does not know what tools
do, nor who asks: a graph is bound when it is created, and may be looked at before, when
nothing is to be kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import InvalidGraph, Problem
from engine.graph import strict_json
from engine.graph.document import read
from engine.graph.graph import graph_of
from engine.graph.problems import Enough, Problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.graph import Graph, Node
    from engine.tool import Tools


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of a document before a graph is created of it."""

    problems: tuple[Problem, ...]
    """Why it would be refused; none: it would not."""
    warnings: tuple[Problem, ...]
    """What the author probably did not mean. Known only of a graph without problems of its
    own: they follow from all of its edges."""

    @property
    def valid(self) -> bool:
        """Whether `Engine.create` would take it."""
        return not self.problems


def bind(graph: Graph, tools: Tools) -> None:
    """See that every node names a tool, and gives it no argument it does not take.

    Raises:
        InvalidGraph: With everything that is wrong.
    """
    if problems := _misfits(graph.nodes.values(), tools):
        raise InvalidGraph(problems)


def judge(document: Mapping[str, object] | str | bytes, tools: Tools) -> Verdict:
    """Say everything that is wrong with a document, its tools included; keep nothing.

    Args:
        document: The document, or JSON text of it.
        tools: Those there are.
    """
    problems = Problems()
    given: object = document
    if isinstance(document, str | bytes):
        found = strict_json.read(document, problems)
        if found is None:
            return Verdict(problems.errors(), ())
        (given,) = found
    try:
        graph = graph_of(given, problems)
    except InvalidGraph as error:
        return Verdict((*error.problems, *_misfits(_readable(given), tools)), ())
    return Verdict(tuple(_misfits(graph.nodes.values(), tools)), graph.warnings)


def _readable(document: object) -> list[Node]:
    """Give the nodes of a document that is no graph, as far as they can be read."""
    try:
        draft = read(document, Problems())
    except Enough:
        return []
    return [each.node for each in draft.nodes.values() if each.sound] if draft.readable else []


def _misfits(nodes: Iterable[Node], tools: Tools) -> list[Problem]:
    """Find nodes that name no tool there is, or give one what it does not take."""
    problems: list[Problem] = []
    for node in nodes:
        where = f"/nodes/{_escaped(node.name)}"
        if node.tool not in tools:
            problems.append(
                Problem(
                    code="UNKNOWN_TOOL",
                    path=f"{where}/tool",
                    message=f"node '{node.name}' names the tool '{node.tool}', "
                    "which does not exist",
                    hint=tools.hint(node.tool),
                )
            )
            continue
        tool = tools[node.tool]
        takes = (*tool.required, *tool.optional)
        problems += [
            Problem(
                code="UNKNOWN_PARAMETER",
                path=f"{where}/{among}/{_escaped(name)}",
                message=f"tool '{tool.name}' has no parameter '{name}'",
                hint=f"it takes {', '.join(takes) or 'nothing'}",
            )
            for among, given in (("args", node.args), ("inputs", node.inputs))
            for name in given
            if name not in takes
        ]
    return problems


def _escaped(name: str) -> str:
    """Write a name as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")
