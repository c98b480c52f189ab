"""What a request says beside its path and its body: parameters of the query, and headers.

This module knows how a parameter is described and how it is read, which is one thing: what a
route declares is what the description says of it, and all that can be read. It does not know
what any parameter is for. As in a body, all that is wrong is said at once, and what does not
exist is refused: a filter that is misspelt would otherwise give everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Generic, Literal, TypeAlias, TypeVar, cast

from api.problem import BadRequest
from engine import Json, Problem

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

Value = TypeVar("Value")
Value_co = TypeVar("Value_co", covariant=True)
Word = TypeVar("Word", bound=str)

Wrong: TypeAlias = Callable[[str, str], None]
"""Takes note of what is wrong with a parameter: a code, and what was expected and came."""

Place: TypeAlias = Literal["path", "query", "header"]

_TEXT: Final[Mapping[str, Json]] = {"type": "string"}

# ASCII digits only, and no more than 64 bits hold: int() reads more than that, such as '1_0'.
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")

_SHOWN: Final = 40
"""Characters of a value in a message."""


@dataclass(frozen=True, slots=True, eq=False)
class Parameter(Generic[Value_co]):
    """A part of the path or of the query, or a header."""

    name: str
    place: Place
    schema: Mapping[str, Json]
    description: str
    read: Callable[[Sequence[str], Wrong], Value_co]
    """Reads its texts, which are none if it is not there."""
    required: bool = False

    def or_else(self: Parameter[Value | None], value: Value) -> Parameter[Value]:
        """Give it a value for where it is left out, which the description tells."""

        def read(texts: Sequence[str], wrong: Wrong) -> Value:
            found = self.read(texts, wrong)
            return value if found is None else found

        schema = {**self.schema, "default": cast("Json", value)}
        return Parameter(self.name, self.place, schema, self.description, read)

    def needed(self: Parameter[Value | None]) -> Parameter[Value]:
        """Make it one that may not be left out."""
        return cast("Parameter[Value]", replace(self, required=True))


def once(
    name: str,
    read: Callable[[str, Wrong], Value | None],
    description: str,
    *,
    schema: Mapping[str, Json] = _TEXT,
    place: Place = "query",
) -> Parameter[Value | None]:
    """Declare a parameter that may be there once; None: it is left out.

    Args:
        name: What it is called.
        read: Reads its text, or takes note of what is wrong with it.
        description: What it is for.
        schema: What it may be, in words of JSON Schema.
        place: Where it stands.
    """

    def one(texts: Sequence[str], wrong: Wrong) -> Value | None:
        if len(texts) > 1:
            wrong("WRONG_TYPE", f"expected one value, got {len(texts)}")
        return read(texts[0], wrong) if texts else None

    return Parameter(name, place, schema, description, one)


def text(name: str, description: str) -> Parameter[str | None]:
    """Declare a text in the query."""
    return once(name, lambda given, _: given, description)


def whole(least: int, most: int | None = None) -> Callable[[str, Wrong], int | None]:
    """Make what reads a whole number."""
    span = f"from {least}" if most is None else f"from {least} to {most:,}"

    def read(given: str, wrong: Wrong) -> int | None:
        value = int(given) if _WHOLE.fullmatch(given) else least - 1
        if least <= value and (most is None or value <= most):
            return value
        wrong("OUT_OF_RANGE", f"expected a whole number {span}, got '{given[:_SHOWN]}'")
        return None

    return read


def number(
    name: str, least: int, description: str, *, most: int | None = None
) -> Parameter[int | None]:
    """Declare a whole number in the query."""
    schema: dict[str, Json] = {"type": "integer", "minimum": least}
    if most is not None:
        schema["maximum"] = most
    return once(name, whole(least, most), description, schema=schema)


def words(name: str, among: Sequence[Word], description: str) -> Parameter[tuple[Word, ...]]:
    """Declare a parameter of the query that may come several times, each one of some words."""

    def read(texts: Sequence[str], wrong: Wrong) -> tuple[Word, ...]:
        for each in texts:
            if each not in among:
                wrong(
                    "NOT_ONE_OF",
                    f"expected one of {', '.join(among)}, got '{each[:_SHOWN]}'",
                )
        return tuple(dict.fromkeys(word for each in texts for word in among if word == each))

    schema: Mapping[str, Json] = {"type": "array", "items": {**_TEXT, "enum": [*among]}}
    return Parameter(name, "query", schema, description, read)


def named(name: str, description: str) -> Parameter[str | None]:
    """Declare a name in the path; routes find it there."""
    return replace(once(name, lambda given, _: given, description, place="path"), required=True)


class Given:
    """What a request gives for the parameters it may have; `given[LIMIT]` is its value.

    Args:
        connection: What was asked.
        parameters: All that it may have; those of the path are read elsewhere.

    Raises:
        BadRequest: Everything that is wrong with them, and with what else is in the query.
    """

    def __init__(self, connection: HTTPConnection, parameters: Sequence[Parameter[object]]) -> None:
        self._values: dict[Parameter[object], object] = {}
        if not parameters and not connection.scope["query_string"]:
            return
        query = connection.query_params
        problems: list[Problem] = []
        for each in parameters:
            if each.place == "query":
                where, texts = f"?{each.name}", query.getlist(each.name)
            else:  # a header that is empty says nothing
                where, texts = each.name, [*filter(None, connection.headers.getlist(each.name))]

            def wrong(code: str, message: str, where: str = where) -> None:
                message = f"{where.removeprefix('?')}: {message}"
                problems.append(Problem(code, where, message, ""))

            if each.required and not texts:
                message = f"the parameter '{each.name}' is missing"
                problems.append(Problem("MISSING_FIELD", where, message, ""))
            self._values[each] = each.read(texts, wrong)
        known = [each.name for each in parameters if each.place == "query"]
        problems += [_unknown(name, known) for name in query if name not in known]
        if problems:
            raise BadRequest(
                "; ".join(each.message for each in problems),
                code="INVALID_QUERY",
                status=HTTPStatus.UNPROCESSABLE_ENTITY,
                problems=problems,
            )

    def __getitem__(self, parameter: Parameter[Value]) -> Value:
        """Give the value of a parameter; only of one that was declared."""
        return cast("Value", self._values[parameter])


def _unknown(name: str, known: Sequence[str]) -> Problem:
    close = get_close_matches(name, known, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(known) or 'none'}"
    message = f"there is no parameter '{name[:_SHOWN]}'"
    return Problem("UNKNOWN_FIELD", f"?{name[:_SHOWN]}", message, hint)
