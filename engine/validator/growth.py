"""How large a schema is when its references are followed.

This module knows references. It does not know what is held against a schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.errors import Problem
from engine.validator.effort import named
from engine.validator.place import pointer

if TYPE_CHECKING:
    from engine.ids import Json
    from engine.validator.place import Steps

MAX_CHAIN: Final = 32
"""References that may lead from one to the next."""

REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_RENAMING: Final = ("$id", "$anchor", "$dynamicAnchor")


class Growth:
    """Counts the parts that a schema has when its references are followed."""

    def __init__(self, root: dict[str, Json]) -> None:
        self.problems: list[Problem] = []
        self.words: int = 0
        """Keys, and items of lists, each once: whatever an error may come of."""
        self._root = root
        self._sizes: dict[str, int] = {}
        self._open: set[str] = set()

    def of(self, part: Json, at: Steps) -> int:
        """Count a part and all that is in it."""
        self.words += len(part) if isinstance(part, dict | list) else 0
        if isinstance(part, list):
            return sum(self.of(each, (*at, index)) for index, each in enumerate(part))
        if not isinstance(part, dict):
            return 0
        size = 1
        for key, value in part.items():
            here = (*at, key)
            if key in REFERENCES and isinstance(value, str):
                size += self._of_reference(value, here)
            elif key in _RENAMING and isinstance(value, str) and at:
                self._wrong(here, f"'{key}' is not supported inside a schema", "leave it out")
            elif here != ("$defs",):  # they count where they are named
                size += self.of(value, here)
        return size

    def _of_reference(self, reference: str, at: Steps) -> int:
        if reference in self._sizes:
            return self._sizes[reference]
        if reference in self._open:
            self._wrong(at, "the schema contains itself", "say {} where it would begin again")
            return 0
        if reference != "#" and not reference.startswith("#/"):
            problem = f"'{reference}' is not in this schema, and nothing is fetched"
            self._wrong(at, problem, "put it under $defs, and name it as '#/$defs/...'")
            return 0
        if len(self._open) >= MAX_CHAIN:
            self._wrong(at, f"more than {MAX_CHAIN} references lead to each other", "name it here")
            return 0
        self._open.add(reference)
        size = self.of(named(self._root, reference), at)
        self._open.discard(reference)
        self._sizes[reference] = size
        return size

    def _wrong(self, at: Steps, message: str, hint: str) -> None:
        self.problems.append(Problem("BAD_SCHEMA", pointer(*at), message, hint))
