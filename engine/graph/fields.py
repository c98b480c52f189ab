"""One object of a document, read field by field.

This module knows types, ranges and how a field that does not fit is reported. It does not
know what the fields mean. A field that is null counts as left out, except in a rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from engine.graph.problems import listed, shown
from engine.graph.words import FIELDS, LATER, RANGES, foreign

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.graph.problems import Pointer, Problems
    from engine.ids import Json

Word = TypeVar("Word", bound=str)

MAX_NAME: Final = 200
"""Characters of the name of a node, a graph or a tool."""

_NOTHING: Final[Mapping[str, Json]] = {}


class Fields:
    """An object at a place of a document; `close` reports the fields nobody knows."""

    def __init__(
        self, given: Mapping[str, Json], path: Pointer, place: str, problems: Problems
    ) -> None:
        self.given = given
        self.path = path
        self.place = place
        self.problems = problems

    @classmethod
    def of(cls, value: Json, path: Pointer, place: str, problems: Problems) -> Fields:
        """Take a value that must be an object; null is an empty one."""
        if not isinstance(value, dict):
            if value is not None:
                problems.wrong_type(path, value, f"an object with {_any_of(place)}")
            return cls(_NOTHING, path, place, problems)
        return cls(value, path, place, problems)

    def at(self, field: str) -> Pointer:
        """Point to a field."""
        return (*self.path, field)

    def get(self, field: str) -> Json:
        """Give a field as it is; null if it is left out."""
        return self.given.get(field)

    def text(self, field: str, default: str = "") -> str:
        """Give a string."""
        value = self.get(field)
        if value is None or isinstance(value, str):
            return default if value is None else value
        self.problems.wrong_type(self.at(field), value, "a string")
        return default

    def wrong(self, field: str, value: Json, expected: str, hint: str = "") -> None:
        """Report a field of the wrong type."""
        self.problems.wrong_type(self.at(field), value, expected, hint)

    def integer(self, field: str) -> int | None:
        """Give an integer within its range; true and 3.0 are none."""
        value = self.get(field)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.wrong(field, value, "an integer")
            return None
        return value if self._in_range(field, value) else None

    def number(self, field: str) -> float | None:
        """Give a number within its range, as a float."""
        value = self.get(field)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.wrong(field, value, "a number")
            return None
        return float(value) if self._in_range(field, value) else None

    def _in_range(self, field: str, value: float) -> bool:
        least, most = RANGES[field]
        if least <= value <= most:
            return True
        self.problems.add(
            "OUT_OF_RANGE",
            self.at(field),
            f"expected {_number(least)} to {_number(most)}, got {shown(value)}",
            _CURES.get(field, "") if value < least else "",
        )
        return False

    def choice(self, field: str, words: Sequence[Word], default: Word) -> Word:
        """Give one of a few words."""
        value = self.get(field)
        if value is None:
            return default
        for word in words:
            if value == word:
                return word
        if isinstance(value, str):
            self.problems.add(
                "NOT_ONE_OF",
                self.at(field),
                f"expected {listed(words, 'or')}, got {shown(value)}",
                self.problems.did_you_mean(value, words),
            )
        else:
            self.wrong(field, value, listed(words, "or"))
        return default

    def mapping(self, field: str) -> dict[str, Json]:
        """Give an object with keys of the author's own."""
        value = self.get(field)
        if value is None:
            return {}
        if isinstance(value, dict):
            return ordered(value)
        self.wrong(field, value, "an object")
        return {}

    def texts(self, field: str, expected: str) -> Iterator[tuple[str, Pointer]]:
        """Give the strings of a list, each with its place and only once."""
        value = self.get(field)
        if value is None:
            return
        if not isinstance(value, list):
            hint = f"write [{shown(value)}]" if isinstance(value, str) else ""
            self.wrong(field, value, f"a list of {expected}", hint)
            return
        seen: set[str] = set()
        for i, item in enumerate(value):
            path = (*self.at(field), i)
            if not isinstance(item, str):
                self.problems.wrong_type(path, item, "a string")
            elif item not in seen:
                seen.add(item)
                yield item, path

    def close(self) -> bool:
        """Report the fields that are not known here; tell whether there was none."""
        known = FIELDS[self.place]
        strange = [field for field in self.given if field not in known]
        for field in strange:
            self._report(field, known)
        return not strange

    def _report(self, field: str, known: Sequence[str]) -> None:
        if field in LATER.get(self.place, ()):
            self.problems.add(
                "NOT_SUPPORTED",
                self.at(field),
                f"this version of the engine does not have {field!r} yet",
                "see docs/graphs.md for what it has",
            )
            return
        self.problems.add(
            "UNKNOWN_FIELD",
            self.at(field),
            f"there is no field {field!r:.80} here",
            foreign(self.place, field)
            or self.problems.did_you_mean(field, known)
            or f"the fields here are {listed(known)}",
        )


_CURES: Final[Mapping[str, str]] = {
    "timeout": "leave it out for no limit",
    "total_timeout": "leave it out for no limit",
    "deadline": "leave it out for no limit",
    "max_attempts": "1 makes no second attempt",
}


def ordered(value: dict[str, Json]) -> dict[str, Json]:
    """Order the keys of an object and of those in it.

    Nothing may follow from the order of keys, which clients and databases change: not the
    bytes of a graph, nor the order of keys in the state of its runs.
    """
    if len(value) == 1:
        return {key: _ordered(item) for key, item in value.items()}
    return {key: _ordered(value[key]) for key in sorted(value)}


def _ordered(value: Json) -> Json:
    if isinstance(value, dict):
        return ordered(value)
    if isinstance(value, list):
        return [_ordered(i) if type(i) is dict or type(i) is list else i for i in value]
    return value


def _any_of(place: str) -> str:
    return listed(FIELDS[place], "or")


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value}"


_BANNED: Final[Mapping[str, tuple[str, str]]] = {
    "node": ("/[]", "nodes within others are written 'b/reviews[3]'"),
    "graph": ("/", "the name stands in addresses"),
}
"""Whose name it is to characters that mean something where the name is written."""


def check_name(name: str, path: Pointer, what: str, problems: Problems) -> bool:
    """Report a name that a node, graph or tool (`what`) can't have; tell whether it can."""
    ban, why = _BANNED.get(what, ("", ""))
    found = None
    if not name.isprintable() or any(c in name for c in ban):
        found = next(c for c in name if c in ban or not c.isprintable())
    if not name.strip():
        reason, hint = "is empty", "give it a name"
    elif len(name) > MAX_NAME:
        reason, hint = f"has {len(name):,} characters, at most {MAX_NAME} are allowed", "shorten it"
    elif name != name.strip():
        reason, hint = "begins or ends with a space", f"write {name.strip()!r}"
    elif found is not None:
        reason = f"has the character {found!r}, which names can't have"
        hint = f"take it out: {why}" if found in ban else "take it out"
    else:
        return True
    problems.add("BAD_NAME", path, f"the name {name!r:.80} of the {what} {reason}", hint)
    return False
