"""What is wrong with a document: collected on the way, given back in document order.

This module knows the codes of all problems and how one is put into words. It does not know
what is right: those who read and check a document report here.
"""

from __future__ import annotations

from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import msgspec

from engine.errors import Problem
from engine.graph.words import plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from engine.ids import Json

Pointer: TypeAlias = tuple[str | int, ...]
"""The way to a place in a document: keys and indexes."""

ERRORS: Final[Mapping[str, str]] = {
    "BAD_JSON": "The text is not JSON.",
    "BAD_YAML": "The text is not the YAML that is read here.",
    "NOT_UTF8": "The bytes are not UTF-8.",
    "DOCUMENT_TOO_LARGE": "The document is larger than 1 MiB.",
    "TOO_DEEP": "Lists and objects are nested deeper than 64.",
    "DUPLICATE_KEY": "An object has a key twice.",
    "BAD_VALUE": "Nothing that JSON has: NaN, a number beyond 64 bits, NUL, a Python object.",
    "WRONG_TYPE": "A value of another type was expected.",
    "NOT_ONE_OF": "One of a few words was expected.",
    "OUT_OF_RANGE": "A number is too small or too large.",
    "UNKNOWN_FIELD": "There is no such field here.",
    "NOT_SUPPORTED": "The field belongs to a later version of the engine.",
    "MISSING_FIELD": "A field that must be there is not.",
    "CONFLICTING_FIELDS": "Fields that exclude each other.",
    "BAD_NAME": "A name that nodes, graphs or tools can't have.",
    "BAD_OUTCOME": "Neither `error` nor an error code.",
    "MIXED_LIST": "A list of names and rules; it is one or the other.",
    "EMPTY_GRAPH": "The graph has no node.",
    "TOO_MANY_NODES": "The graph has more than 10,000 nodes.",
    "DUPLICATE_NODE": "A node is named twice.",
    "UNKNOWN_NODE": "There is no node of this name.",
    "NO_ENTRY": "It is not said where the graph begins, and it does not follow.",
    "UNREACHABLE_NODE": "No path leads from the entry to this node.",
    "LOOP_WITHOUT_EXIT": "Every edge of a loop is always taken, so it can never end.",
    "JOIN_COUNT": "A join waits for more edges than lead to its node.",
    "CONDITION_SYNTAX": "An expression is not valid CEL.",
    "CONDITION_NOT_BOOL": "A condition that can be neither true nor false.",
    "CONDITION_MISSING_KEY": "The condition of a join uses a name that is not known there.",
    "CONDITION_TOO_EXPENSIVE": "An expression is too long or too deep.",
    "TOO_MANY_EXPRESSIONS": "The graph has more than 1,000 different expressions, or they have "
    "more than 32,768 characters together.",
    "NOT_PORTABLE": "A condition is a Python function, which no document can hold.",
    "UNKNOWN_REDUCER": "There is no reducer of this name.",
    "REDUCER_DEFAULT": "The default of a key is nothing its reducer can work on.",
    "TOOL_NAME_TAKEN": "Two Python functions of one name are used as tools.",
    "TOO_MANY_PROBLEMS": "There are more than 1,000 problems; the first are shown.",
}
"""Why a document is refused."""

WARNINGS: Final[Mapping[str, str]] = {
    "CONSTANT_CONDITION": "A condition reads nothing, so its answer is always the same.",
    "UNREACHABLE_RULE": "A rule stands behind one that always holds.",
    "DUPLICATE_TARGET": "A node is named twice in one list; it gets one message.",
    "NO_DEFAULT_ROUTE": "If no condition holds, the run fails with `NO_ROUTE`.",
    "LOOP_TWO_ENTRIES": "A loop is entered at two places, so its nodes may wait for each other.",
    "LEAF_CONFLICT": "Two branches that can end in one run write the same key, without a reducer.",
    "FOREIGN_NAME": "A word that ends or begins a graph elsewhere is read as a node.",
}
"""What a valid graph is warned of."""

MAX_PROBLEMS: Final = 1_000
# Nobody reads more, and finding 200,000 problems in 1 MiB of nonsense takes six seconds.
_ENOUGH: Final = 3 * MAX_PROBLEMS

_SIMILAR: Final = 0.7
# What looking for similar names may cost for one document, in products of lengths: about
# 0.02 s. A document of 10,000 unknown names is told what is wrong, but not 10,000 guesses.
_GUESSING: Final = 400_000
_LOOK: Final = 10
"""What a name costs that is too long or too short to be similar."""
_LONGEST_GUESS: Final = 64


TOO_MANY: Final = "TOO_MANY_PROBLEMS"


def too_many(more: int, *, at_least: bool = False) -> Problem:
    """Say that there are more problems than are told."""
    return Problem(
        TOO_MANY,
        "",
        f"there are {'at least ' if at_least else ''}{more:,} more problems",
        "mend these first; often one cause has many effects",
    )


class Enough(Exception):
    """So much is wrong that it is not worth looking any further."""


class Problems:
    """The problems and warnings of one document."""

    def __init__(self) -> None:
        self.document: Json = None
        """What the pointers point into; decides the order in which problems are given."""
        self._errors: list[tuple[Pointer, Problem]] = []
        self._warnings: list[tuple[Pointer, Problem]] = []
        self._guesses_left = _GUESSING

    def copy(self) -> Problems:
        """Give as many problems, to which others can be added."""
        other = Problems()
        other._errors = list(self._errors)
        other._warnings = list(self._warnings)
        return other

    def add(self, code: str, path: Pointer, message: str, hint: str = "") -> None:
        """Report why the document is refused.

        Raises:
            Enough: There are 3,000 problems already.
        """
        assert code in ERRORS, code  # noqa: S101  # the tables above are the documentation
        self._errors.append((path, Problem(code, _pointer(path), message, hint)))
        if len(self._errors) >= _ENOUGH:
            raise Enough

    def warn(self, code: str, path: Pointer, message: str, hint: str = "") -> None:
        """Report what the author probably did not mean."""
        assert code in WARNINGS, code  # noqa: S101  # as above
        if len(self._warnings) < _ENOUGH:
            self._warnings.append((path, Problem(code, _pointer(path), message, hint)))

    def wrong_type(self, path: Pointer, value: Json, expected: str, hint: str = "") -> None:
        """Report a value of the wrong type, unless what is wrong with it was said already."""
        if value is not UNREADABLE:
            self.add("WRONG_TYPE", path, f"expected {expected}, got {shown(value)}", hint)

    def nearest(self, word: str, known: Iterable[str]) -> str | None:
        """Find the known word that was probably meant."""
        if len(word) > _LONGEST_GUESS or self._guesses_left < 0:
            return None
        wanted = plain(word)
        candidates: dict[str, str] = {}
        for name in known:
            total = len(name) + len(word)
            similar = 2 * min(len(name), len(word)) >= _SIMILAR * total
            self._guesses_left -= len(name) * len(word) if similar else _LOOK
            if self._guesses_left < 0:
                return None
            if similar:
                candidates.setdefault(plain(name), name)
        near = get_close_matches(wanted, candidates, n=1, cutoff=_SIMILAR)
        return candidates[near[0]] if near else None

    def did_you_mean(self, word: str, known: Iterable[str]) -> str:
        """Give the hint that names the nearest known word, or nothing."""
        near = self.nearest(word, known)
        return f"did you mean {near!r}?" if near is not None else ""

    def errors(self) -> tuple[Problem, ...]:
        """Give what is wrong, in document order; at most the first 1,000, and how many more."""
        found = self._sorted(self._errors)
        more = len(found) - MAX_PROBLEMS
        if more <= 0:
            return found
        return (*found[:MAX_PROBLEMS], too_many(more, at_least=len(found) >= _ENOUGH))

    def warnings(self) -> tuple[Problem, ...]:
        """Give the warnings in document order, at most the first 1,000."""
        return self._sorted(self._warnings)[:MAX_PROBLEMS]

    def _sorted(self, found: list[tuple[Pointer, Problem]]) -> tuple[Problem, ...]:
        places: dict[int, dict[str, int]] = {}

        def place(item: tuple[Pointer, Problem]) -> list[int]:
            steps: list[int] = []
            here: Json = self.document
            for step in item[0]:
                if isinstance(here, dict) and isinstance(step, str) and step in here:
                    if id(here) not in places:
                        places[id(here)] = {key: i for i, key in enumerate(here)}
                    steps.append(places[id(here)][step])
                    here = here[step]
                elif isinstance(here, list) and isinstance(step, int) and step < len(here):
                    steps.append(step)
                    here = here[step]
                else:
                    steps.append(len(here) if isinstance(here, (dict, list)) else 0)
                    break
            return steps

        return tuple(problem for _, problem in sorted(found, key=place))


UNREADABLE: Final = cast("Json", object())
"""Stands in a document for what could not be read, so that it is reported once. Ask with `is`."""


def shown(value: Json) -> str:
    """Give a value as it is quoted in messages: as JSON, and not at length."""
    match value:
        case dict():
            return "an object" if value else "an empty object"
        case list():
            return "a list" if value else "an empty list"
        case str() if len(value) > _LONGEST_GUESS:
            return msgspec.json.encode(f"{value[:_LONGEST_GUESS]}...").decode()
        case _:
            return msgspec.json.encode(value).decode()


def listed(names: Collection[str], conjunction: str = "and") -> str:
    """Give names as a sentence lists them: `a`, `b` and `c`; many are cut short."""
    shown_of_them = len(names) if len(names) <= _MOST_LISTED else _MOST_LISTED - 1
    quoted = [f"'{name}'" for name in islice(names, shown_of_them)]
    if len(names) > _MOST_LISTED:
        quoted.append(f"{len(names) - shown_of_them} more")
    if len(quoted) <= 1:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} {conjunction} {quoted[-1]}"


_MOST_LISTED: Final = 16


def _pointer(path: Pointer) -> str:
    """Write a JSON pointer (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)
