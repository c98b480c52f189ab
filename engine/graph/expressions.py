"""The expressions of a document: compiled once each, their problems reported in place.

This module knows where an expression may stand and what to say if it is none. It does not
know CEL; `engine.condition` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.condition import Condition, Expression, effort
from engine.errors import InvalidCondition
from engine.graph.problems import ERRORS, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.graph.problems import Pointer, Problems
    from engine.ids import Json

PYTHON: Final = "python"
"""The field under which a document names a condition that is a Python function."""

JOIN_FACTS: Final = frozenset({"arrived", "total", "messages"})
"""The only names in the condition of a join."""

MAX_EXPRESSIONS: Final = 1_000

MAX_EFFORT: Final = 32 * 1024
"""Characters of all different expressions of a graph together. One takes up to 10 us to compile,
so that this is a third of a second; a regular expression with counts or classes counts as more."""


def foretold(document: dict[str, Json]) -> list[str]:
    """Give texts of a document that are going to be compiled, as far as they are easily found."""
    found: dict[str, None] = {}
    edges, nodes = document.get("edges"), document.get("nodes")
    room = MAX_EFFORT
    for way in edges.values() if isinstance(edges, dict) else (edges,):
        rules = way.get("all", [way]) if isinstance(way, dict) else way
        for rule in rules if isinstance(rules, list) else ():
            if not isinstance(rule, dict):
                break  # a list of names
            room = _noted(rule.get("when"), found, room)
    for node in nodes.values() if isinstance(nodes, dict) else ():
        if isinstance(node, dict):
            inputs = node.get("inputs")
            for text in inputs.values() if isinstance(inputs, dict) else ():
                room = _noted(text, found, room)
        if room <= 0:
            break
    return list(found)[:MAX_EXPRESSIONS]


def _noted(text: Json, found: dict[str, None], room: int) -> int:
    """Note a text, if there is room for it, and give how many characters there is room for."""
    if isinstance(text, str) and text not in found and len(text) <= room:
        found[text] = None
        return room - len(text)
    return room


class Expressions:
    """Compiles the expressions of one document."""

    def __init__(
        self, problems: Problems, functions: Mapping[str, Callable[[dict[str, Json]], object]]
    ) -> None:
        self.problems = problems
        self.functions = functions
        """The Python functions that stand behind names, if the document comes from a builder."""
        self._seen: dict[str, bool] = {}
        """The different expressions so far, and whether each may be compiled."""
        self._refused: dict[tuple[str, frozenset[str] | None], InvalidCondition] = {}
        self._effort = 0
        self._told = False

    def condition(
        self, value: Json, path: Pointer, facts: frozenset[str] | None = None
    ) -> Condition | None:
        """Compile a condition; None if it is none, which has been reported then."""
        if facts is None and isinstance(value, dict) and value.keys() == {PYTHON}:
            return self._function(value[PYTHON], (*path, PYTHON))
        if not self._may_compile(value, path):
            return None
        text = str(value)
        try:
            if (refused := self._refused.get((text, facts))) is not None:
                raise refused
            condition = Condition.compile(text, facts=facts)
        except InvalidCondition as error:
            self._refuse(error, path, text, facts)
            return None
        if not condition.names and not condition.whole:
            self.problems.warn(
                "CONSTANT_CONDITION",
                path,
                f"the condition {shown(value)} reads nothing, so its answer is always the same",
                "name a key of the state" if facts is None else "name one of the facts",
            )
        return condition

    def expression(self, value: Json, path: Pointer) -> Expression | None:
        """Compile an expression of any type; None if it is none, which has been reported then."""
        if not self._may_compile(value, path):
            return None
        text = str(value)
        try:
            if (refused := self._refused.get((text, None))) is not None:
                raise refused
            return Expression.compile(text)
        except InvalidCondition as error:
            self._refuse(error, path, text, None)
            return None

    def _refuse(
        self, error: InvalidCondition, path: Pointer, text: str, facts: frozenset[str] | None
    ) -> None:
        self._refused[text, facts] = error
        code = error.code if error.code in ERRORS else InvalidCondition.code
        self.problems.add(code, path, error.message, error.hint)

    def _function(self, name: Json, path: Pointer) -> Condition | None:
        function = self.functions.get(name) if isinstance(name, str) else None
        if function is None:
            self.problems.add(
                "NOT_PORTABLE",
                path,
                f"the condition is the Python function {shown(name)}, which no document can hold",
                "write the condition in CEL, or build the graph where the function is",
            )
            return None
        return Condition.of(function)

    def _may_compile(self, value: Json, path: Pointer) -> bool:
        if not isinstance(value, str):
            hint = ""
            if isinstance(value, bool):
                hint = "leave it out for a rule that always holds" if value else "take the rule out"
            self.problems.wrong_type(path, value, "an expression, as a string", hint)
            return False
        may = self._seen.get(value)
        if may is None:
            may = self._seen[value] = self._fits(value, path)
        return may

    def _fits(self, text: str, path: Pointer) -> bool:
        """Tell whether one more expression may be compiled; the first that may not is told."""
        count = len(self._seen) + 1
        fits = count <= MAX_EXPRESSIONS and self._effort <= MAX_EFFORT
        if fits:
            self._effort += effort(text)
            fits = self._effort <= MAX_EFFORT
        if not fits and not self._told:
            self._told = True
            much = f"this is expression {count:,} of the graph"
            if count <= MAX_EXPRESSIONS:
                much = f"with this the expressions of the graph take more than {MAX_EFFORT:,} "
                much += "characters, regular expressions with counts or classes counted as more"
            self.problems.add(
                "TOO_MANY_EXPRESSIONS",
                path,
                much,
                "let nodes work out what is to be decided, and write it into a key",
            )
        return fits
