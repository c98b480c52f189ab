"""What may be in a document at all: JSON values, of bounded depth and size.

This module makes a copy of what came, whatever it is, that holds nothing but plain JSON and
`UNREADABLE` where something else was. It does not know what the values mean.

Unlike `engine.value.admit`, which stops at the first, it reports everything that is wrong.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from engine.errors import InvalidValue
from engine.graph.problems import UNREADABLE
from engine.value import MAX_DEPTH, MAX_INTEGER, MIN_INTEGER, admit

if TYPE_CHECKING:
    from engine.graph.problems import Pointer, Problems
    from engine.ids import Json

MAX_DOCUMENT: Final = 1024 * 1024
"""Bytes of a document, as text or in canonical form."""

_Trail: TypeAlias = "tuple[_Trail, str | int] | None"
"""A pointer as a chain, so that it costs nothing where nothing is wrong."""


class Repeated(dict[str, object]):
    """An object whose text named some keys twice; readers of text make it."""

    __slots__ = ("keys_twice",)

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        count = Counter(key for key, _ in pairs)
        self.keys_twice: tuple[str, ...] = tuple(key for key, times in count.items() if times > 1)


class Plain:
    """A value that holds nothing but what may be in a document; readers of text make it.

    It is taken in as it is: what reads a text has made it, and nobody else has it.
    """

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value: Json = cast("Json", value)


def is_deep(value: object) -> bool:
    """Tell whether lists and objects of a plain value are nested deeper than is allowed."""
    level = [cast("Json", value)]
    for _ in range(MAX_DEPTH):
        inside: list[Json] = []
        for part in level:
            if isinstance(part, dict):
                inside += part.values()
            elif isinstance(part, list):
                inside += part
        level = [each for each in inside if type(each) is dict or type(each) is list]
        if not level:
            return False
    return True


def deepest(value: object) -> Pointer:
    """Point to the first part of a plain value that is nested deeper than is allowed."""
    waiting: list[tuple[Json, _Trail, int]] = [(cast("Json", value), None, MAX_DEPTH)]
    while waiting:
        here, trail, room = waiting.pop()
        if room <= 0:
            return _path(trail)
        parts = here.items() if isinstance(here, dict) else enumerate(cast("list[Json]", here))
        inside = [
            (each, (trail, step), room - 1)
            for step, each in parts
            if type(each) is dict or type(each) is list
        ]
        waiting += reversed(inside)
    return ()


class TooLarge(Exception):  # never leaves this package
    """The document is so large that nothing more is said about it."""


def taken_in(document: object, problems: Problems) -> Json:
    """Copy `document`, and report what can't be in one."""
    if isinstance(document, Plain):
        problems.document = document.value
        return problems.document
    intake = _Intake(problems)
    try:
        problems.document = intake.copy(document, None, MAX_DEPTH)
    except TooLarge:
        problems.add("DOCUMENT_TOO_LARGE", (), *too_large())
        problems.document = UNREADABLE
    return problems.document


def too_large() -> tuple[str, str]:
    """Give message and hint for a document that is too large."""
    return (
        f"the document is larger than {MAX_DOCUMENT:,} bytes",
        "keep data out of the graph: start runs with it, or let a tool load it",
    )


def too_deep() -> tuple[str, str]:
    """Give message and hint for a document that is nested too deep."""
    return (
        f"lists and objects are nested deeper than {MAX_DEPTH} levels",
        "flatten it; a value that contains itself never ends",
    )


class _Intake:
    """One pass over a document, counting what it has copied."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.size = 0
        """A lower bound of the bytes of the copy: parts that repeat are stopped on the way."""
        self.deep = False

    def copy(self, value: object, trail: _Trail, room: int) -> Json:
        """Give a plain copy of `value`, which may have `room` more levels."""
        self._count(value)
        if not isinstance(value, (dict, list, tuple)):
            return self._leaf(value, trail)
        if room <= 0:
            self._too_deep(trail)
            return UNREADABLE
        if isinstance(value, dict):
            return self._object(cast("dict[object, object]", value), trail, room - 1)
        items = cast("list[object] | tuple[object, ...]", value)
        return [self.copy(item, (trail, i), room - 1) for i, item in enumerate(items)]

    def _too_deep(self, trail: _Trail) -> None:
        if self.deep:  # what contains itself twice has 2^64 such places
            return
        self.deep = True
        self.problems.add("TOO_DEEP", _path(trail), *too_deep())

    def _count(self, value: object) -> None:
        self.size += 2 + (len(value) if isinstance(value, str) else 0)
        if self.size > MAX_DOCUMENT:
            raise TooLarge

    def _object(self, value: dict[object, object], trail: _Trail, room: int) -> Json:
        if isinstance(value, Repeated):
            for repeated in value.keys_twice:
                self.problems.add(
                    "DUPLICATE_KEY",
                    (*_path(trail), repeated),
                    f"the key {repeated!r:.80} is there twice, and it is not known which holds",
                    "take one of them out",
                )
        copy: dict[str, Json] = {}
        for key, item in dict[object, object].items(value):
            name = self._key(key, trail)
            if name is not None:
                copy[name] = self.copy(item, (trail, name), room)
        return copy

    def _key(self, key: object, trail: _Trail) -> str | None:
        if not isinstance(key, str):
            self.problems.add(
                "BAD_VALUE",
                _path(trail),
                f"a key is of type {type(key).__name__}, JSON has only string keys",
                "write the key as a string",
            )
            return None
        self._count(key)
        copy = self._leaf(key, trail)
        return copy if isinstance(copy, str) else None

    def _leaf(self, value: object, trail: _Trail) -> Json:
        # What is plain is let in at once: asking `admit` takes twenty times as long.
        if value is None or type(value) is bool:
            return value
        if type(value) is str and value.isascii() and "\0" not in value:
            return value
        if type(value) is int and MIN_INTEGER <= value <= MAX_INTEGER:
            return value
        try:
            return admit(value, what="the value")
        except InvalidValue as error:
            self.problems.add(error.code, _path(trail), error.message, error.hint)
            return UNREADABLE


def _path(trail: _Trail) -> Pointer:
    steps: list[str | int] = []
    while trail is not None:
        trail, step = trail
        steps.append(step)
    return tuple(reversed(steps))
