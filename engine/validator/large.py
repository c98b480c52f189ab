"""What is wrong with a value that is too large to ask the library for all of it.

The library finds all errors before it gives the first, and each has a copy of what it is about:
of a list of a million, that it is too long takes a quarter of a second to be said. But whether
something fits is answered without either. So a large value is taken apart the way its schema
does, keyword by keyword, until what does not fit is small enough to be told in full.

This module knows which keywords look into a value, and that all of this may be refused nothing
but time: it looks at few places, and says so where there may be more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias, cast

import jsonschema_rs

from engine.errors import Problem
from engine.graph.problems import shown
from engine.validator.effort import exceeds, named
from engine.validator.growth import REFERENCES
from engine.validator.place import Steps, pointer
from engine.validator.words import MAX_PROBLEMS, missing, more, said, told, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.ids import Json

MAX_DEPTH: Final = 4
"""Levels of large values that are looked into; each takes as long as asking whether all fits."""

MAX_ASKED: Final = 400
"""Parts of a value that are asked for all their errors; each takes some 50 us and more."""

_PIECE: Final = 256
"""Items of a list that are asked about together."""

_ROOT: Final = "urn:awe:root"
_WAYS: Final = {"anyOf": "fits none of the {} ways", "oneOf": "does not fit one of the {} ways"}
_BESIDE: Final = {
    "if": ("then", "else"),
    "contains": ("minContains", "maxContains"),
}
"""Keywords that mean something else without others beside them."""
_ALONE: Final = frozenset(
    {"$defs", "$id", "$schema", *(one for each in _BESIDE.values() for one in each)}
)
"""Keywords that mean nothing without another."""
_DATA: Final = frozenset({"const", "enum", "default", "examples"})


def made(schema: Json) -> jsonschema_rs.Validator:
    """Make what holds values against a schema.

    Raises:
        ValueError: It is none.
    """
    return jsonschema_rs.Draft202012Validator(
        cast("dict[str, Json]", schema),
        offline=True,
        pattern_options=jsonschema_rs.RegexOptions(),
        validate_formats=True,
    )


_Part: TypeAlias = "tuple[Json, Json, str | int]"
"""A part of a value, the schema that it is held against, and its place."""


class Large:
    """Takes one large value apart.

    Args:
        root: The schema, in which references lead somewhere.
        few: The size of a part up to which it may be asked for all its errors.
    """

    def __init__(self, root: dict[str, Json], few: int) -> None:
        self._root = root
        self._few = few
        self._found: dict[Problem, None] = {}
        self._asked = 0
        self._all = True
        """Nothing was left out, so far."""

    def problems(self, value: Json, at: Steps) -> tuple[Problem, ...]:
        """Say what is wrong with a value that does not fit; at most the first 100 things."""
        self._look(self._root, value, at, MAX_DEPTH)
        if not self._found:
            self._found[_vague(value, at)] = None
        found = tuple(self._found)[:MAX_PROBLEMS]
        return found if self._all and len(found) == len(self._found) else (*found, more())

    def _look(self, schema: Json, value: Json, at: Steps, levels: int) -> None:
        """Find what is wrong with `value`, which does not fit `schema`."""
        if self._is_full:
            self._all = False
        elif not isinstance(schema, dict) or levels <= 0:
            self._all = self._all and levels > 0
            self._found[_vague(value, at)] = None
        elif not exceeds(value, self._few):
            self._asked += 1
            errors = self._of(schema).iter_errors(value)
            self._found |= dict.fromkeys(told(errors, at, schema))
        else:
            for key in schema:
                if key not in _ALONE and not self._fits(key, schema, value):
                    self._say(key, schema, value, at, levels - 1)

    def _of(self, schema: Json) -> jsonschema_rs.Validator:
        """Make what holds values against a part of the schema, whose references still lead."""
        part = _renamed(schema)
        if not isinstance(part, dict) or part == schema:
            return made(part)
        return made({**part, "$defs": {"root": {**self._root, "$id": _ROOT}}})

    def _fits(self, key: str, schema: dict[str, Json], value: Json) -> bool:
        """Tell whether a value is what one keyword says of it."""
        alone: dict[str, Json] = {key: schema[key]}
        alone |= {each: schema[each] for each in _BESIDE.get(key, ()) if each in schema}
        if key == "items":
            before: list[Json] = [True] * _length(schema.get("prefixItems"))
            alone |= {"prefixItems": before} if before else {}
        if key == "additionalProperties":  # what they say themselves is asked on its own
            for each in ("properties", "patternProperties"):
                alone[each] = dict.fromkeys(_names(schema.get(each)), True)
        if key.startswith("unevaluated"):
            alone = schema
        return self._of(alone).is_valid(value)

    def _say(self, key: str, schema: dict[str, Json], value: Json, at: Steps, levels: int) -> None:
        """Say what is wrong with a large value by one keyword, which it does not fit."""
        said_of_it = schema[key]
        if (parts := self._parts(key, schema, value)) is not None:
            self._look_at(parts, at, levels)
            return
        match key, said_of_it, value:
            case "allOf", list(), _:
                for sub in said_of_it:
                    if not self._of(sub).is_valid(value):
                        self._look(sub, value, at, levels)
            case "$ref", str(), _:
                self._look(named(self._root, said_of_it), value, at, levels)
            case "required", list(), dict():
                self._tell(missing([str(n) for n in said_of_it if n not in value], at))
            case "additionalProperties", False, dict() if "patternProperties" not in schema:
                known = _names(schema.get("properties"))
                self._tell(unknown((name for name in value if name not in known), [*known], at))
            case (("anyOf" | "oneOf"), list(), _):
                message = f"{shown(value)} {_WAYS[key].format(len(said_of_it))} of '{key}'"
                self._tell([Problem("BAD_VALUE", pointer(*at), message)])
            case _:
                self._tell([said(key, said_of_it, value, at) or _vague(value, at)])

    def _parts(self, key: str, schema: dict[str, Json], value: Json) -> Iterator[_Part] | None:
        """Give the parts of a value that a keyword is about; None: it is about the whole."""
        match key, schema[key], value:
            case "properties", dict() as subs, dict():
                return ((value[name], sub, name) for name, sub in subs.items() if name in value)
            case "prefixItems", list() as subs, list():
                pairs = enumerate(zip(value, subs, strict=False))
                return ((one, sub, place) for place, (one, sub) in pairs)
            case "items", sub, list():
                return self._items(sub, value, _length(schema.get("prefixItems")))
            case "additionalProperties", dict() as sub, dict() if "patternProperties" not in schema:
                known = _names(schema.get("properties"))
                return ((one, sub, name) for name, one in value.items() if name not in known)
            case _:
                return None

    def _items(self, schema: Json, value: list[Json], first: int) -> Iterator[_Part]:
        """Give the items of a list from `first` on, but for pieces of it that fit."""
        piece = self._of({"items": schema})
        for start in range(first, len(value), _PIECE):
            some = value[start : start + _PIECE]
            if not piece.is_valid(some):
                yield from ((one, schema, start + i) for i, one in enumerate(some))

    def _look_at(self, parts: Iterable[_Part], at: Steps, levels: int) -> None:
        """Look at parts of a value."""
        held: dict[int, jsonschema_rs.Validator] = {}
        for value, schema, step in parts:
            if self._is_full:
                self._all = False
                return
            if id(schema) not in held:
                held[id(schema)] = self._of(schema)
            if not held[id(schema)].is_valid(value):
                self._look(schema, value, (*at, step), levels)

    @property
    def _is_full(self) -> bool:
        return len(self._found) >= MAX_PROBLEMS or self._asked >= MAX_ASKED

    def _tell(self, problems: Iterable[Problem]) -> None:
        for each in problems:
            if len(self._found) >= MAX_PROBLEMS:
                self._all = False
                return
            self._found[each] = None


def _vague(value: Json, at: Steps) -> Problem:
    return Problem("BAD_VALUE", pointer(*at), f"{shown(value)} is not what its schema says")


def _names(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _length(value: Json) -> int:
    return len(value) if isinstance(value, list) else 0


def _renamed(part: Json) -> Json:
    """Write a part of a schema so that its references lead to the root, wherever it stands."""
    if isinstance(part, list):
        return [_renamed(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        key: f"{_ROOT}{value}"
        if key in REFERENCES and isinstance(value, str)
        else value
        if key in _DATA
        else _renamed(value)
        for key, value in part.items()
    }
