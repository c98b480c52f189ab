"""What a command line brings along: texts of files and of standard input, states, tags.

This module knows how they are written. It does not know what they are for.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import orjson

from api.commands.failure import WRONG, Failure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine import Json

INPUT: Final = "-"
"""The name of standard input, where that of a file is expected."""

_DOCUMENTS: Final = (".json", ".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a run is told to begin with."""

    state: dict[str, Json]
    run_id: str | None
    tags: dict[str, str]


def is_document(name: str) -> bool:
    """Tell whether a name is that of a file with a graph in it, rather than that of a graph."""
    return name == INPUT or name.endswith(_DOCUMENTS)


def read(name: str) -> bytes:
    """Read a file, or standard input for `-`.

    Raises:
        Failure: It can't be read.
    """
    if name == INPUT:
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise Failure(f"can't read '{name}': {error.strerror}", status=WRONG) from error


def is_json(name: str, text: bytes) -> bool:
    """Tell whether a document is written in JSON: as its name says, or as it begins."""
    if name == INPUT:
        return text.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
    return name.endswith(".json")


def state(text: str) -> dict[str, Json]:
    """Read the state that a run begins with: an object of JSON, or `@file` with one in it.

    Raises:
        Failure: It is none.
    """
    where = text.removeprefix("@") if text.startswith("@") else ""
    raw = read(where) if where else text.encode(errors="surrogateescape")
    try:
        found: object = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        told = f"line {error.lineno}, column {error.colno}"
        raise Failure(
            f"the state{f' in {where}' if where else ''} is not JSON at {told}: {error.msg}",
            hint="""as in --state '{"name": "Ada"}', or --state @file.json""",
            status=WRONG,
        ) from None
    if not isinstance(found, dict):
        raise Failure(
            f"the state must be an object of JSON, got {type(found).__name__}",
            hint="""as in --state '{"name": "Ada"}'""",
            status=WRONG,
        )
    return cast("dict[str, Json]", found)


def tags(given: Iterable[str]) -> dict[str, str]:
    """Read tags, each written `key=value`.

    Raises:
        Failure: One is none.
    """
    found: dict[str, str] = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not equals or not key:
            raise Failure(
                f"the tag '{each}' has no value", hint="as in --tag team=red", status=WRONG
            )
        found[key] = value
    return found
