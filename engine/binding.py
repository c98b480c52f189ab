"""Whether a graph can be run with the tools there are, and a document looked at as a whole.

This module knows that a node names a tool and gives it arguments. It does not know what tools
do, nor who asks: a graph is bound when it is created, and may be looked at before, when
nothing is to be kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from engine.errors import InvalidGraph, Problem
from engine.graph import strict_json
from engine.graph import yaml as yaml_text
from engine.graph.document import read
from engine.graph.graph import graph_from
from engine.graph.problems import MAX_PROBLEMS, TOO_MANY, Enough, Problems, listed, too_many

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

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
        InvalidGraph: With everything that is wrong; the first 1,000, and how many more.
    """
    if problems := _told((), graph.nodes.values(), tools):
        raise InvalidGraph(problems)


def judge(
    document: Mapping[str, object] | str | bytes, tools: Tools, *, yaml: bool = False
) -> Verdict:
    """Say everything that is wrong with a document, its tools included; keep nothing.

    Args:
        document: The document, or the text of it.
        tools: Those there are.
        yaml: Whether the text is YAML; else it is JSON.
    """
    problems = Problems()
    given: object = document
    if isinstance(document, str | bytes):
        found = (yaml_text if yaml else strict_json).read(document, problems)
        if found is None:
            return Verdict(problems.errors(), ())
        (given,) = found
    try:
        draft = read(given, problems)
    except Enough:
        return Verdict(problems.errors(), ())
    try:
        graph = graph_from(draft, problems)
    except InvalidGraph as error:
        readable = draft.nodes.values() if draft.readable else ()
        nodes = [each.node for each in readable if each.sound]
        return Verdict(_told(error.problems, nodes, tools), ())
    return Verdict(_told((), graph.nodes.values(), tools), graph.warnings)


class _Misfit(NamedTuple):
    """A node names no tool there is, or gives one what it does not take."""

    node: Node
    among: str = ""
    """`args` or `inputs`; empty where there is no such tool."""
    name: str = ""


def _told(told: Sequence[Problem], nodes: Iterable[Node], tools: Tools) -> tuple[Problem, ...]:
    """Put the misfits of nodes behind what is told already, as many as there is room for."""
    if told and told[-1].code == TOO_MANY:  # there is no room, and it says how many more
        return tuple(told)
    misfits = [*_misfits(nodes, tools)]
    room = MAX_PROBLEMS - len(told)
    words = _Words(tools)
    found = [*told, *map(words.of, misfits[:room])]
    return (*found, too_many(len(misfits) - room)) if len(misfits) > room else tuple(found)


def _misfits(nodes: Iterable[Node], tools: Tools) -> Iterator[_Misfit]:
    """Find nodes that name no tool there is, or give one what it does not take."""
    for node in nodes:
        if node.tool not in tools:
            yield _Misfit(node)
        elif node.args or node.inputs:
            tool = tools[node.tool]
            takes = {*tool.required, *tool.optional}
            for among, given in (("args", node.args), ("inputs", node.inputs)):
                yield from (_Misfit(node, among, name) for name in given if name not in takes)


class _Words:
    """Says what is wrong, and which tool was perhaps meant, as long as guessing is cheap."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._hints: dict[str, str] = {}
        self._guesses = max(_GUESSED, _GUESSING // max(len(tools), 1))

    def of(self, misfit: _Misfit) -> Problem:
        """Put a misfit into words."""
        node, among, name = misfit
        where = f"/nodes/{_escaped(node.name)}"
        if not among:
            return Problem(
                code="UNKNOWN_TOOL",
                path=f"{where}/tool",
                message=f"node '{node.name}' names the tool '{node.tool}', which does not exist",
                hint=self._hint(node.tool),
            )
        tool = self._tools[node.tool]
        takes = (*tool.required, *tool.optional)
        return Problem(
            code="UNKNOWN_PARAMETER",
            path=f"{where}/{among}/{_escaped(name)}",
            message=f"tool '{tool.name}' has no parameter '{name}'",
            hint=f"it takes {', '.join(takes) or 'nothing'}",
        )

    def _hint(self, tool: str) -> str:
        hint = self._hints.get(tool)
        if hint is None:
            if len(self._hints) >= self._guesses:
                return self._all
            hint = self._hints[tool] = self._tools.hint(tool)
        return hint

    @cached_property
    def _all(self) -> str:
        return f"there are {listed(sorted(self._tools))}"


_GUESSING: Final = 4_000
"""Tools that unknown names are held against, of one document; each takes some 10 us."""
_GUESSED: Final = 5
"""Names that are guessed at however many tools there are."""


def _escaped(name: str) -> str:
    """Write a name as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")
