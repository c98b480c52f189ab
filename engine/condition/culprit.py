"""The part of an expression at which an evaluation failed.

The library says what went wrong, but neither where nor with which values; and where a loop
goes through an object, which of several failures it names differs from process to process.
So after a failure the parts of the expression are evaluated one by one, in the order in which
they are written (keys of an object sorted), until the first is found that fails on its own.

This module knows trees and how a part is evaluated. It does not know what is said about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from engine.condition import cel, wire
from engine.condition.cost import size
from engine.condition.reads import reads
from engine.condition.tree import (
    CHOICE,
    Call,
    Field,
    Items,
    Loop,
    Node,
    children,
    quoted,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.ids import Json

_MAX_PARTS: Final = 2_000
"""Evaluations spent on one failure, of some 10 us each."""
_MAX_ITEMS: Final = 400_000
"""Items read for one failure: about 0.1 s, or four times all that may be read."""


@dataclass(frozen=True, slots=True)
class Culprit:
    """A part that fails although everything it consists of doesn't."""

    node: Node
    values: tuple[Json, ...]
    """What its parts are, in the order of `children(node)`; of lists and objects an outline."""
    report: str
    """The library's words."""
    loops: str
    """Where in the loops around it, such as ` (f is files[3])`."""


class _Failed:
    """The outcome of a part that can't be evaluated."""

    def __init__(self, report: str) -> None:
        self.report = report


def culprit(tree: Node, data: Mapping[str, Json]) -> Culprit | None:
    """Find the first part of `tree` that fails on `data`; None if it can't be told."""
    try:
        return _Search().find(tree, dict(data))
    except _GaveUp:
        return None


class _GaveUp(Exception):
    """The search takes too long, or the library can't evaluate a part alone."""


class _Search:
    def __init__(self) -> None:
        self._left = _MAX_PARTS
        self._items_left = _MAX_ITEMS
        self._loops: dict[str, str] = {}

    def find(self, node: Node, data: dict[str, Json]) -> Culprit | None:
        """Find the first failure in `node`, which is None if it doesn't fail."""
        outcome = self._outcome(node, data)
        if not isinstance(outcome, _Failed):
            return None
        match node:
            case Call(function=function, args=(condition, yes, no)) if function == CHOICE:
                decided = self._outcome(condition, data)
                if isinstance(decided, _Failed):
                    return self.find(condition, data)
                answer = cel.outline(decided)
                if isinstance(answer, bool):
                    return self.find(yes if answer else no, data)
                return self._found(node, (answer,), outcome)
            case Loop():
                return self._in_loop(node, data, outcome)
            case _:
                return self._in_parts(node, data, outcome)

    def _in_parts(self, node: Node, data: dict[str, Json], outcome: _Failed) -> Culprit | None:
        values: list[Json] = []
        for part in _evaluated(node):
            value = self._outcome(part, data)
            if isinstance(value, _Failed):
                return self.find(part, data)
            values.append(cel.outline(value))
        return self._found(node, tuple(values), outcome)

    def _in_loop(self, node: Loop, data: dict[str, Json], outcome: _Failed) -> Culprit | None:
        over = self._outcome(node.over, data)
        if isinstance(over, _Failed):
            return self.find(node.over, data)
        kind = over.type().name()
        if kind.startswith("LIST"):
            paths = ((f"{written(node.over)}[{n}]", item) for n, item in enumerate(cel.items(over)))
            items = ((path, cel.plain(item)) for path, item in paths)
        elif kind.startswith("MAP"):
            items = ((quoted(str(key)), cast("Json", key)) for key, _ in cel.pairs(over))
        else:
            return self._found(node, (cel.outline(over),), outcome)
        start = self._outcome(node.start, data)
        if isinstance(start, _Failed):
            raise _GaveUp
        for path, item in items:
            self._loops[node.variable] = path
            inner = {**data, node.variable: item, node.result: cel.plain(start)}
            if found := self.find(node.step, inner):
                return found
            del self._loops[node.variable]
        raise _GaveUp

    def _found(self, node: Node, values: tuple[Json, ...], outcome: _Failed) -> Culprit:
        loops = " and ".join(f"{name} is {path}" for name, path in self._loops.items())
        return Culprit(node, values, outcome.report, f" ({loops})" if loops else "")

    def _outcome(self, node: Node, data: dict[str, Json]) -> cel.Value | _Failed:
        self._left -= 1
        if self._left < 0:
            raise _GaveUp
        given = {name: data[name] for name in reads(node).names if name in data}
        self._items_left -= size(given.values())[0]
        if self._items_left < 0:
            raise _GaveUp
        try:
            answer = cel.revive(wire.wrapped(node)).eval(data=given)
        except Exception as error:
            raise _GaveUp from error
        if answer.type().name() == "ERROR":
            return _Failed(str(answer.value()))
        return answer


def _evaluated(node: Node) -> tuple[Node, ...]:
    match node:
        case Items() | Call() | Field():
            return children(node)
        case _:
            return ()
