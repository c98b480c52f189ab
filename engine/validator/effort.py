"""How long a value takes to be held against a schema, before it is.

The library can't be stopped once it has begun, and everybody waits for it. What is said once
of a value costs next to nothing, however much that is; what is said of each of its items, or
reads the value through, is counted for each item. Measured on one core, an item of a list held
against `{"type": "integer"}` takes 10 ns, which is the unit here.

This module knows keywords, and how large a value is. It does not know what is wrong with one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast
from urllib.parse import unquote

if TYPE_CHECKING:
    from engine.ids import Json

MAX_WORK: Final = 4_000_000
"""Units of 10 ns that a value may take."""

CHARACTERS: Final = 16
"""Characters that take as long as one item."""

_LOOK: Final = 2
"""What it takes to see how large a value is, for each item of it."""

_EACH: Final = frozenset(
    {
        "items", "additionalItems", "contains", "additionalProperties", "patternProperties",
        "propertyNames", "unevaluatedItems", "unevaluatedProperties",
    }
)  # fmt: skip
"""Keywords whose schema is held against any number of items."""

_MAPS: Final = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs"})
"""Keywords that have names for keys, which are no keywords."""

_BOUNDS: Final = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
)
_FRACTION: Final = 120
"""Comparing with a fraction is done in exact arithmetic."""
_UNIQUE: Final = 40
_PATTERN: Final = 10
_VALUE: Final = 40
"""Comparing with a list or an object."""
_NAMES: Final = 4
"""Names of required fields that take as long as one item."""
_FORMATS: Final = {"idn-hostname": 120, "email": 25, "idn-email": 25}
_FORMAT: Final = 6


def most_items(root: dict[str, Json]) -> int | None:
    """Give how many items a value may have; None: it does not matter how many.

    Args:
        root: A schema that does not contain itself.
    """
    work = _Effort(root).of(root, each=False)
    return MAX_WORK // (work + _LOOK) if work else None


class _Effort:
    """Goes through a schema, and what its references lead to."""

    def __init__(self, root: dict[str, Json]) -> None:
        self._root = root
        self._known: dict[tuple[str, bool], int] = {}

    def of(self, part: Json, *, each: bool) -> int:
        """Weigh a schema that is held against `each` item, or once against a value."""
        if isinstance(part, list):
            return sum(self.of(one, each=each) for one in part)
        if not isinstance(part, dict):
            return int(each)
        work = 0
        for key, value in part.items():
            if key == "$defs" and part is self._root:
                continue  # they count where they are named
            work += _own(key, value, each=each)
            inside = each or key in _EACH
            if key in {"const", "enum", "default", "examples"}:
                continue
            if key in {"$ref", "$dynamicRef", "$recursiveRef"} and isinstance(value, str):
                work += self._of_reference(value, each=each)
            elif key in _MAPS and isinstance(value, dict):
                work += sum(self.of(one, each=inside) for one in value.values())
            elif isinstance(value, dict | list):
                work += self.of(value, each=inside)
        return work

    def _of_reference(self, reference: str, *, each: bool) -> int:
        if (reference, each) not in self._known:
            self._known[reference, each] = 0  # should it lead to itself after all
            part = named(self._root, reference)
            self._known[reference, each] = self.of(part, each=each)
        return self._known[reference, each]


def named(root: dict[str, Json], reference: str) -> Json:
    """Give what a reference within a schema names; None if there is nothing."""
    here: Json = root
    for step in unquote(reference.removeprefix("#")).split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict):
            here = here.get(key)
        elif isinstance(here, list) and key.isdecimal() and int(key) < len(here):
            here = here[int(key)]
        else:
            return None
    return here


def _own(key: str, value: Json, *, each: bool) -> int:
    """Weigh a keyword by itself, without what is in it."""
    match key, value:
        case "uniqueItems", _:
            return _UNIQUE if value is True else 0
        case (("pattern" | "patternProperties"), _):
            return _PATTERN * (len(value) if isinstance(value, dict) else 1)
        case (("const" | "enum"), _) if _has_parts(value):
            return _VALUE
        case _ if not each:
            work = 0
        case _, float() if key in _BOUNDS:
            work = _FRACTION
        case "format", _:
            work = _FORMATS.get(str(value), _FORMAT)
        case "required", list():
            work = 1 + len(value) // _NAMES
        case _:
            work = 1
    return work


def _has_parts(value: Json) -> bool:
    parts = value if isinstance(value, list) else [value]
    return any(isinstance(one, dict | list) for one in parts)


def exceeds(value: Json, limit: int) -> bool:
    """Say whether a value is larger than so many items, long text counted as several."""
    size = 0
    level = [value] if type(value) in _LARGER else []
    while level and size <= limit:
        inside: list[Json] = []
        for each in level:
            if isinstance(each, str):
                size += len(each) // CHARACTERS
                continue
            parts = each if isinstance(each, list) else list(cast("dict[str, Json]", each).values())
            size += len(parts)
            if size > limit:
                return True
            if isinstance(each, dict):
                size += sum(map(len, each)) // CHARACTERS
            inside += [one for one in parts if type(one) in _LARGER]
        level = [one for one in inside if type(one) is not str or len(one) >= CHARACTERS]
    return size > limit


_LARGER: Final = frozenset({str, dict, list})
