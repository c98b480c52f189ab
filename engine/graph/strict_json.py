"""A text of JSON, read strictly: what two parsers could read differently is a problem.

This module knows JSON. It does not know what the document says.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from engine.graph.intake import (
    MAX_DOCUMENT,
    Plain,
    Repeated,
    deepest,
    is_deep,
    too_deep,
    too_large,
)

if TYPE_CHECKING:
    from engine.graph.problems import Problems

# Longer integers are beyond 64 bits anyway; Python refuses to read more than 4,300 digits.
_MAX_DIGITS: Final = 30

# What a text must have for a value in it to be none that a document can hold, or to be written
# otherwise there: escapes of NUL and of halves of pairs, NaN, infinities, negative zeros,
# numbers of many digits or with a large exponent. That many texts have some of it in a string
# does no harm: they are looked through value by value.
_ODD_WORDS: Final = ("\\u0000", "\\ud", "\\uD", "NaN", "Infinity")
_ODD_ZERO: Final = re.compile(r"-0\.?0*(?:[eE,\]}\s]|$)")
_ODD_NUMBER: Final = re.compile(r"[0-9](?:[eE][+-]?[0-9]{3}|[0-9]{18})")

_LAST_COMMA: Final = "no comma is allowed before the closing bracket"

_CURES: Final = {
    "'": "strings are written in double quotes",
    "/": "JSON has no comments",
    "#": "JSON has no comments",
    "T": "write true",
    "F": "write false",
    "N": "write null",
    "u": "write null",
    "\t": "write a tab within a string as \\t",
    "\n": "write a line break within a string as \\n",
}
"""What probably happened, by the character at which reading stopped."""


def decoded(text: object, problems: Problems) -> str | None:
    """Give the characters of a text, if it is one and not too large."""
    if isinstance(text, (bytes, bytearray)):
        if len(text) > MAX_DOCUMENT:
            problems.add("DOCUMENT_TOO_LARGE", (), *too_large())
            return None
        try:
            # Editors on Windows begin files with a mark; it is no part of the document.
            return bytes(text).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            problems.add(
                "NOT_UTF8",
                (),
                f"the bytes are not UTF-8: byte {error.start} is 0x{error.object[error.start]:02x}",
                "save the text as UTF-8",
            )
            return None
    if not isinstance(text, str):
        problems.add(
            "WRONG_TYPE",
            (),
            f"expected text, got a Python {type(text).__name__}",
            "Graph.parse takes documents that are read already",
        )
        return None
    if len(text) > MAX_DOCUMENT or len(text.encode(errors="surrogatepass")) > MAX_DOCUMENT:
        problems.add("DOCUMENT_TOO_LARGE", (), *too_large())
        return None
    return text.removeprefix("\ufeff")


def read(text: str | bytes, problems: Problems) -> tuple[object] | None:
    """Read a document; None if it is not JSON, which has been reported then."""
    characters = decoded(text, problems)
    if characters is None:
        return None
    repeats = False

    def made(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal repeats
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        repeats = True
        return Repeated(pairs)

    try:
        if _is_odd(characters):
            return (json.loads(characters, object_pairs_hook=made, parse_int=_integer),)
        value: object = json.loads(characters, object_pairs_hook=made)
        if is_deep(value):  # nothing else of it matters, and looking through it takes seconds
            problems.add("TOO_DEEP", deepest(value), *too_deep())
            return None
        return (value if repeats else Plain(value),)
    except json.JSONDecodeError as error:
        at = characters[error.pos : error.pos + 1]
        found = f"found {at!r}" if at else "the text ends"
        problems.add(
            "BAD_JSON",
            (),
            f"not JSON at line {error.lineno}, column {error.colno}: {error.msg}, {found}",
            _LAST_COMMA if _after_comma(characters, error.pos) else _CURES.get(at, ""),
        )
    except RecursionError:
        problems.add("TOO_DEEP", (), too_deep()[0], "flatten it")
    return None


def _after_comma(text: str, at: int) -> bool:
    """Tell whether a comma before a closing bracket is what is wrong at `at`."""
    # Up to Python 3.12 the bracket is what was not expected, from 3.13 on the comma.
    around = text[:at].rstrip()[-1:] + text[at : at + 1] + text[at + 1 :].lstrip()[:1]
    return around[:2] in (",}", ",]") or around[1:] in (",}", ",]")


def _is_odd(text: str) -> bool:
    """Tell whether a value in a text may not be what a document can hold, as it is."""
    if any(word in text for word in _ODD_WORDS):
        return True
    if "-0" in text and _ODD_ZERO.search(text):
        return True
    return _ODD_NUMBER.search(text) is not None


def _integer(digits: str) -> int:
    return int(digits[:_MAX_DIGITS])
