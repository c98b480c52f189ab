"""The query of a request, read parameter by parameter, and what headers say of the same kind.

This module knows how a parameter is read. It does not know what any of them is for. As in a
body, all that is wrong is said at once, and what does not exist is refused: a filter that is
misspelt would otherwise give everything.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar

from api.problem import BadRequest
from engine import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import HTTPConnection

Word = TypeVar("Word", bound=str)

# ASCII digits only, and no more than 64 bits hold: int() reads more than that, such as '1_0'.
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")

_SHOWN: Final = 40
"""Characters of a value in a message."""


class Query:
    """Reads parameters; `done` raises if anything was wrong with them.

    Args:
        connection: What was asked.
    """

    def __init__(self, connection: HTTPConnection) -> None:
        self._given = connection.query_params
        self._headers = connection.headers
        self._known: list[str] = []
        self._problems: list[Problem] = []

    def text(self, name: str) -> str | None:
        """Read a parameter; None if it is not there."""
        self._known.append(name)
        values = self._given.getlist(name)
        if len(values) > 1:
            self._wrong("WRONG_TYPE", name, f"{name}: expected one value, got {len(values)}")
        return values[0] if values else None

    def number(self, name: str, *, least: int, most: int | None = None) -> int | None:
        """Read a whole number; None if it is not there, or wrong."""
        text = self.text(name)
        return None if text is None else self._number(f"?{name}", text, least, most)

    def number_in_header(self, name: str, *, least: int) -> int | None:
        """Read a whole number in a header; None if it is not there or empty, or wrong."""
        text = self._headers.get(name)
        return self._number(name, text, least, None) if text else None

    def _number(self, where: str, text: str, least: int, most: int | None) -> int | None:
        name = where.removeprefix("?")
        value = int(text) if _WHOLE.fullmatch(text) else least - 1
        if value < least or (most is not None and value > most):
            span = f"from {least}" if most is None else f"from {least} to {most:,}"
            got = f"got '{text[:_SHOWN]}'"
            message = f"{name}: expected a whole number {span}, {got}"
            self._problems.append(Problem("OUT_OF_RANGE", where, message, ""))
            return None
        return value

    def words(self, name: str, among: Sequence[Word]) -> tuple[Word, ...]:
        """Read a parameter that may be there several times, each time one of some words."""
        self._known.append(name)
        found: dict[Word, None] = {}
        for text in self._given.getlist(name):
            known = [word for word in among if word == text]
            if not known:
                message = f"{name}: expected one of {', '.join(among)}, got '{text[:_SHOWN]}'"
                self._wrong("NOT_ONE_OF", name, message)
            found |= dict.fromkeys(known)
        return tuple(found)

    def must_have(self, name: str) -> None:
        """See that a parameter is there."""
        if name not in self._given:
            self._wrong("MISSING_FIELD", name, f"the parameter '{name}' is missing")

    def wrong(self, name: str, message: str) -> None:
        """Take note of a value that its reader can do nothing with."""
        self._wrong("WRONG_TYPE", name, f"{name}: {message}")

    def done(self) -> None:
        """See that nothing was wrong, and that there is nothing else.

        Raises:
            BadRequest: Everything that is wrong.
        """
        for name in self._given:
            if name not in self._known:
                close = get_close_matches(name, self._known, n=1)
                known = f"there are: {', '.join(self._known) or 'none'}"
                hint = f"did you mean '{close[0]}'?" if close else known
                message = f"there is no parameter '{name[:_SHOWN]}'"
                self._problems.append(Problem("UNKNOWN_FIELD", f"?{name[:_SHOWN]}", message, hint))
        if self._problems:
            raise BadRequest(
                "; ".join(each.message for each in self._problems),
                code="INVALID_QUERY",
                status=HTTPStatus.UNPROCESSABLE_ENTITY,
                problems=self._problems,
            )

    def _wrong(self, code: str, name: str, message: str) -> None:
        self._problems.append(Problem(code, f"?{name}", message, ""))
