"""An evaluation gone through without doing it: how much work it is, at most.

All values that a part of an expression takes in the turns of a loop are looked at together,
so that weighing costs about as much as handing the data to the library.

It also keeps results independent of the order in which the library goes through an object,
which differs from process to process: a loop that might exceed the limit of turns in one order
and not in another isn't begun.

This module knows trees and values. It does not know the library, nor who is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.condition.cel import MAX_ITERATIONS
from engine.condition.cost import (
    BUDGET,
    CALL,
    CONTAINS,
    ITEM,
    KEY,
    LOGIC,
    MATCHES,
    SHORTEST,
    UNKNOWN_PATTERN,
    pattern_cost,
    weight,
)
from engine.condition.tree import CHOICE, Call, Field, Items, Literal, Loop, Name, children

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.condition.tree import Node
    from engine.ids import Json

_SIZED: Final = frozenset({"_+_", "string", "bytes", "dyn"})
"""Functions whose result is as large as what they are given."""


def excess(tree: Node, data: Mapping[str, Json]) -> str:
    """Say what is too much about evaluating `tree` on `data`; nothing, if nothing is."""
    weighing = _Weighing(data)
    try:
        weighing.weigh(tree, {}, _Scope(0, 1))
    except _TooMuch:
        return "it would read or copy too much, over and over again"
    if weighing.turns > MAX_ITERATIONS and weighing.unordered:
        return f"it may loop {weighing.turns:,} times, at most {MAX_ITERATIONS:,} are allowed"
    return ""


class _TooMuch(Exception):
    """The budget is spent."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """The body of a loop: how deep it is, and how often it is gone through at most."""

    depth: int
    runs: int


class _Weights:
    """What values of the data weigh, each found once, however often it is named."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[int, int] = {}

    def of(self, value: Json) -> int:
        """Give the weight of a value that lives as long as this does."""
        if type(value) is not list and type(value) is not dict:
            return weight(value)
        found = self._known.get(id(value))
        if found is None:
            found = self._known[id(value)] = weight(value)
        return found


class _Known:
    """Values in the data, all that a part takes in the scope of `depth`, each `times`."""

    __slots__ = ("_most", "_total", "_weights", "depth", "times", "values")

    def __init__(self, depth: int, values: list[Json], times: int, weights: _Weights) -> None:
        self.depth = depth
        self.values = values
        self.times = times
        self._weights = weights
        self._total = -1
        self._most = 1

    @property
    def total(self) -> int:
        """The weight of all of them together."""
        if self._total < 0:
            weights = [self._weights.of(value) for value in self.values]
            self._total = sum(weights) * self.times
            self._most = max(weights, default=1)
        return self._total

    @property
    def most(self) -> int:
        """The weight of the heaviest."""
        return self._most if self.total >= 0 else 1

    def turns(self) -> tuple[int, int]:
        """Give how many items loops over them take: together, and at most in one loop."""
        sizes = [len(value) for value in self.values if isinstance(value, list | dict)]
        return sum(sizes) * self.times, max(sizes, default=0)

    def items(self) -> list[Json]:
        """Give the items that loops over them take."""
        return [item for value in self.values if isinstance(value, list | dict) for item in value]


@dataclass(frozen=True, slots=True)
class _Computed:
    """Values that aren't in the data, of which only the size is known."""

    depth: int
    total: int
    most: int

    def turns(self) -> tuple[int, int]:
        """Give how many items loops over them may take."""
        return self.total // ITEM + 1, self.most // ITEM + 1


class _Weighing:
    """Goes through a tree once."""

    def __init__(self, data: Mapping[str, Json]) -> None:
        self._data = data
        self._weights = _Weights()
        self._any: dict[int, int] = {}
        """What the heaviest part of a value weighs."""
        self._work = 0
        self.turns = 0
        self.unordered = False
        """A loop may go through an object, whose order is the library's."""

    def weigh(
        self, node: Node, own: Mapping[str, _Known | _Computed], scope: _Scope
    ) -> _Known | _Computed:
        """Add the cost of `node` in `scope`, and give what it evaluates to."""
        match node:
            case Literal(value=constant):
                size = len(constant) + 1 if isinstance(constant, str | bytes) else 1
                found: _Known | _Computed = _Computed(scope.depth, size * scope.runs, size)
            case Name(name=name):
                value = self._data.get(name.removeprefix("."))
                found = own[name] if name in own else _Known(0, [value], 1, self._weights)
            case Field(operand=operand, key=key, test=test):
                found = self._part(self.weigh(operand, own, scope), key, scope)
                if test:
                    found = _small(scope)
            case Items(items=items):
                groups = [self.weigh(item, own, scope) for item in items]
                found = _joined(groups, scope, extra=ITEM * len(items))
            case Call():
                found = self._call(node, own, scope)
            case Loop():
                found = self._loop(node, own, scope)
        return found

    def _call(
        self, node: Call, own: Mapping[str, _Known | _Computed], scope: _Scope
    ) -> _Known | _Computed:
        groups = [self.weigh(part, own, scope) for part in children(node)]
        joined = _joined(groups, scope)
        match node.function, node.args:
            case ("_[_]", (_, Literal(value=str() | int() as key))):
                return self._part(groups[0], key, scope)
            case ("_[_]", _):
                self._spend(KEY * _joined(groups[1:], scope).total)
                return self._any_part(groups[0], scope)
            case (function, _) if function in LOGIC:
                return joined if function == CHOICE else _small(scope)
            case (function, args) if function == MATCHES:
                self._match(args[-1], groups, joined, scope)
                return _small(scope)
            case (function, _) if function == CONTAINS:
                # A text of nothing but "x" is searched for "xxx...y" by comparing everywhere.
                self._spend(CALL * scope.runs + joined.total * (1 + groups[-1].most // SHORTEST))
                return _small(scope)
            case (function, _):
                self._spend(CALL * scope.runs + joined.total)
                return joined if function in _SIZED else _small(scope)

    def _match(
        self,
        pattern: Node,
        groups: list[_Known | _Computed],
        joined: _Computed,
        scope: _Scope,
    ) -> None:
        given = groups[-1]
        if isinstance(pattern, Literal):
            costs = [pattern_cost(str(pattern.value))]
        elif isinstance(given, _Known):
            costs = [pattern_cost(value) for value in given.values if isinstance(value, str)]
        else:
            costs = [UNKNOWN_PATTERN]
        per_match = max((cost for cost, _ in costs), default=0)
        per_char = max((cost for _, cost in costs), default=0)
        self._spend(per_match * scope.runs + per_char * joined.total)

    def _part(self, group: _Known | _Computed, key: str | int, scope: _Scope) -> _Known | _Computed:
        """Give what stands under a key that is written down."""
        self._spend(CALL * scope.runs)
        if isinstance(group, _Computed):
            return group
        return _Known(group.depth, _under(group.values, key), group.times, self._weights)

    def _any_part(self, group: _Known | _Computed, scope: _Scope) -> _Computed:
        """Give what may stand under a key that is worked out."""
        self._spend(CALL * scope.runs)
        if isinstance(group, _Computed):
            return _Computed(scope.depth, group.most * scope.runs, group.most)
        most = 1
        for value in group.values:
            if isinstance(value, list | dict):
                if id(value) not in self._any:
                    parts = value.values() if isinstance(value, dict) else value
                    self._any[id(value)] = max(map(self._weights.of, parts), default=1)
                most = max(most, self._any[id(value)])
        return _Computed(scope.depth, most * scope.runs, most)

    def _loop(self, node: Loop, own: Mapping[str, _Known | _Computed], scope: _Scope) -> _Computed:
        over = self.weigh(node.over, own, scope)
        together, longest = over.turns()
        here = over.depth == scope.depth
        turns = together if here else longest * scope.runs
        self.turns += turns
        if isinstance(over, _Computed) or any(isinstance(value, dict) for value in over.values):
            self.unordered = True
        # The library stops at its limit, so no body is gone through more often.
        inner = _Scope(scope.depth + 1, min(turns, MAX_ITERATIONS))
        if isinstance(over, _Known) and (here or len(over.values) == 1):
            times = over.times if here else scope.runs
            item: _Known | _Computed = _Known(inner.depth, over.items(), times, self._weights)
        else:
            item = _Computed(inner.depth, over.most * inner.runs, over.most)
        self.weigh(node.step, {**own, node.variable: item, node.result: _small(inner)}, inner)
        return _small(scope)

    def _spend(self, work: int) -> None:
        self._work += work
        if self._work > BUDGET:
            raise _TooMuch


def _small(scope: _Scope) -> _Computed:
    """Give a number or a truth value."""
    return _Computed(scope.depth, scope.runs, 1)


def _joined(groups: Iterable[_Known | _Computed], scope: _Scope, extra: int = 0) -> _Computed:
    """Give something that may contain all of `groups`."""
    total, most = extra * scope.runs, extra
    for group in groups:
        at_most = group.most * scope.runs
        total += min(group.total, at_most) if group.depth == scope.depth else at_most
        most += group.most
    return _Computed(scope.depth, total, most)


def _under(values: list[Json], key: str | int) -> list[Json]:
    if isinstance(key, str):
        return [value[key] for value in values if isinstance(value, dict) and key in value]
    return [value[key] for value in values if isinstance(value, list) and 0 <= key < len(value)]
