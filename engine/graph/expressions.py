"""The expressions of a document: compiled once each, their problems reported in place.

This module knows where an expression may stand and what to say if it is none. It does not
know CEL; `engine.condition` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.condition import Condition, Expression
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

# Compiling takes about 1 ms each.
MAX_EXPRESSIONS: Final = 1_000


class Expressions:
    """Compiles the expressions of one document."""

    def __init__(
        self, problems: Problems, functions: Mapping[str, Callable[[dict[str, Json]], object]]
    ) -> None:
        self.problems = problems
        self.functions = functions
        """The Python functions that stand behind names, if the document comes from a builder."""
        self._seen: set[str] = set()
        self._told = False

    def condition(
        self, value: Json, path: Pointer, facts: frozenset[str] | None = None
    ) -> Condition | None:
        """Compile a condition; None if it is none, which has been reported then."""
        if facts is None and isinstance(value, dict) and value.keys() == {PYTHON}:
            return self._function(value[PYTHON], (*path, PYTHON))
        if not self._may_compile(value, path):
            return None
        try:
            condition = Condition.compile(str(value), facts=facts)
        except InvalidCondition as error:
            self._refuse(error, path)
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
        try:
            return Expression.compile(str(value))
        except InvalidCondition as error:
            self._refuse(error, path)
            return None

    def _refuse(self, error: InvalidCondition, path: Pointer) -> None:
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
        self._seen.add(value)
        if len(self._seen) <= MAX_EXPRESSIONS:
            return True
        if not self._told:
            self._told = True
            self.problems.add(
                "TOO_MANY_EXPRESSIONS",
                path,
                f"this is expression {len(self._seen):,} of the graph",
                "let nodes work out what is to be decided, and write it into a key",
            )
        return False
