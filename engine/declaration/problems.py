"""What is wrong with a declaration: collected on the way, told all at once.

This module knows how a problem is put into words. It does not know what is right: those who
read a declaration report here, the engine for what all have, a kind for what is its own.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from engine.condition import Expression
from engine.errors import EngineError, InvalidCondition, Problem
from engine.validator import pointer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_EXPRESSIONS: Final = 100
"""Expressions of one declaration; to compile one takes about 1 ms."""


class InvalidDeclaration(EngineError):
    """A document declares no tool; `problems` lists everything that is wrong with it."""

    code = "INVALID_DECLARATION"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        count = len(self.problems)
        lines = "\n".join(
            f"  {each.path or '/'}: {each.message}" + (f" ({each.hint})" if each.hint else "")
            for each in self.problems
        )
        noun = "problem" if count == 1 else "problems"
        super().__init__(f"the declaration has {count} {noun}:\n{lines}")


class Problems:
    """The problems of one declaration."""

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self._expressions = 0

    def add(self, code: str, at: tuple[str | int, ...], message: str, hint: str = "") -> None:
        """Report why the declaration is refused.

        Args:
            code: A stable word for programs, such as `BAD_URL`.
            at: Where it stands in the document: keys and indexes.
            message: What was expected and what came.
            hint: The next step.
        """
        self.found.append(Problem(code, pointer(*at), message, hint))

    def unknown(
        self, what: str, name: str, known: Iterable[str], at: tuple[str | int, ...]
    ) -> None:
        """Report a name that is none: of a `parameter`, or of whatever else is so called."""
        there = sorted(known)
        close = get_close_matches(name, there, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(there)}"
        if not there:
            hint = f"there is none: declare it in 'input': [\"{name}\"]"
        code = f"UNKNOWN_{what.upper()}"
        self.add(code, at, f"there is no {what} '{name}'", hint)

    def expression(
        self,
        text: str,
        at: tuple[str | int, ...],
        *,
        names: Iterable[str] | None,
        what: str = "parameter",
    ) -> Expression | None:
        """Compile an expression; None if it is none, which is reported then.

        Args:
            text: What is to be CEL.
            at: Where it stands in the document.
            names: What it may read; None: that is not known.
            what: What those names are names of.
        """
        self._expressions += 1
        if self._expressions > MAX_EXPRESSIONS:
            if self._expressions == MAX_EXPRESSIONS + 1:
                message = f"this is expression {self._expressions} of the declaration"
                self.add("TOO_MANY_EXPRESSIONS", at, message, "declare several tools")
            return None
        try:
            made = Expression.compile(text)
        except InvalidCondition as error:
            self.add(error.code, at, error.message, error.hint)
            return None
        if names is not None:
            known = frozenset(names)
            for name in sorted(made.names - known):
                self.unknown(what, name, known, at)
        return made
