"""Values held against a JSON Schema (draft 2020-12): all that is wrong with one, at once.

This module knows schemas, and how long holding something against one may take. It does not
know what a schema is of.

Schemas come from outside, so none of them may make the server work or wait for long: nothing
is fetched, patterns are matched in linear time, and a schema may neither contain itself nor
grow beyond all measure when its references are followed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import jsonschema_rs

from engine.errors import EngineError, Problem
from engine.validator.effort import exceeds, most_items
from engine.validator.growth import Growth
from engine.validator.large import Large, made
from engine.validator.place import Steps, pointer
from engine.validator.words import told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from jsonschema_rs import ValidationError

    from engine.ids import Json

MAX_PARTS: Final = 1_000
"""Parts that a schema may have, each counted as often as references lead to it: twenty that
name the one before twice would else be a million."""

# The library finds all errors before it gives the first, at 13 us each; each error, and each
# of every branch of an `anyOf` or `oneOf`, has a copy of what it is about, at 6 us an item.
_FEW: Final = 2_000
"""Size of a value up to which all errors are looked for; a larger one is taken apart."""

_LITTLE: Final = 8_000
"""Words of a schema times the size of a value up to which all errors are looked for."""

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class InvalidSchema(EngineError):
    """Something is no JSON Schema, or none that values are held against here."""

    code = "BAD_SCHEMA"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("; ".join(f"{each.path or '/'}: {each.message}" for each in problems))


class Validator:
    """Holds values against one schema.

    Raises:
        InvalidSchema: It is none, or none that may be used here; all problems are told.
    """

    __slots__ = ("_few", "_held", "_most", "_schema")

    def __init__(self, schema: Mapping[str, Json]) -> None:
        self._schema: dict[str, Json] = dict(schema)
        growth = Growth(self._schema)
        parts = growth.of(self._schema, ())
        if problems := list(_problems_of_schema(self._schema, growth, parts)):
            raise InvalidSchema(problems)
        try:
            self._held = made(self._schema)
        except ValueError as error:
            raise InvalidSchema([_refused(error)]) from None
        self._few = min(_FEW, _LITTLE // max(growth.words, parts))
        self._most: int | None = most_items(self._schema)

    def problems(self, value: Json, *, at: Steps = ()) -> tuple[Problem, ...]:
        """Say what is wrong with a value: the first 100 things, and whether there are more.

        It takes at most some 50 ms on one core, however large the value is. One that would take
        longer is refused unseen; of one that is large, what does not fit is looked for in some
        places only, and the last problem says that there may be more.

        Args:
            value: A JSON value.
            at: Where it stands in its document, for the paths of the problems.
        """
        if self._most is not None and exceeds(value, self._most):
            return (_too_much(self._most, at),)
        if self._held.is_valid(value):
            return ()
        if exceeds(value, self._few):
            return Large(self._schema, self._few).problems(value, at)
        return told(self._held.iter_errors(value), at, self._schema)


def _too_much(most: int, at: Steps) -> Problem:
    message = "the value is too large to be held against its schema"
    hint = f"up to {most:,} items, of 16 characters each: give less, or describe less of it"
    return Problem("BAD_VALUE", pointer(*at), message, hint)


# -- what is wrong with a schema ----------------------------------------------------------

_META: Final = made({"$ref": _DIALECT})


def _problems_of_schema(schema: dict[str, Json], growth: Growth, parts: int) -> Iterator[Problem]:
    for problem in told(_errors_of_schema(schema), (), {}):
        yield Problem("BAD_SCHEMA", problem.path, problem.message, problem.hint)
    yield from growth.problems
    if parts > MAX_PARTS:
        yield Problem(
            "BAD_SCHEMA",
            "",
            f"the schema has more than {MAX_PARTS:,} parts, counted as often as references "
            "lead to them",
            "describe less of it: what is not described may be anything",
        )


def _errors_of_schema(schema: dict[str, Json]) -> Iterable[ValidationError]:
    if not exceeds(schema, _FEW):
        return _META.iter_errors(schema)
    try:
        _META.validate(schema)
    except jsonschema_rs.ValidationError as error:
        return [error]
    return []


def _refused(error: ValueError) -> Problem:
    """Say why the library makes nothing of a schema."""
    if isinstance(error, jsonschema_rs.ValidationError):
        return Problem("BAD_SCHEMA", pointer(*error.instance_path), error.message)
    return Problem("BAD_SCHEMA", "", str(error), "make it simpler")
