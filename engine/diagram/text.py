"""Texts in a diagram: how wide they are, and how long ones are cut.

This module knows characters. It does not know what a text says, nor where it stands.
"""

from __future__ import annotations

import unicodedata
from typing import Final

# In units of the size of the font; those of DejaVu Sans, which is wider than most, so that a
# text fits whatever font there is.
_NARROW: Final = {**dict.fromkeys("ijlI|'.,:;!` ", 0.34), **dict.fromkeys('frt()[]-/\\"', 0.42)}
_WIDE: Final = {**dict.fromkeys("mw", 0.92), **dict.fromkeys("MWQOGDN%@", 0.86)}
_CAPITAL: Final = 0.7
_ORDINARY: Final = 0.62
_FULL: Final = 1.05
TIMES: Final = "\u00d7"
"""Stands before a number of times."""

FIXED: Final = 0.62
"""The width of a character of a font in which all have the same."""


def visible(text: str) -> str:
    """Write a text in one line, so that every character of it can be seen for what it is."""
    plain = " ".join(text.split())
    if plain.isprintable():
        return plain
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in plain)


def shortened(text: str, most: int) -> str:
    """Cut a text that has more than so many characters."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Estimate how wide a text is in a proportional font; rather too much than too little."""
    return sum(map(_width, text)) * size * (1.1 if bold else 1.0)


def fixed_width(text: str, size: float) -> float:
    """Tell how wide a text is in a font of fixed width."""
    return sum(_FULL if _is_full(c) else FIXED for c in text) * size


def pieces(text: str, most: int) -> list[str]:
    """Cut a text without spaces into pieces of at most so many characters."""
    return [text[start : start + most] for start in range(0, len(text), most)]


def wrapped(words: list[str], most: int, separator: str) -> list[str]:
    """Join short texts to lines of at most so many characters; each stays in one piece."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(separator) + len(word) <= most:
            lines[-1] += separator + word
        else:
            lines.append(word)
    return lines


def _width(character: str) -> float:
    if (own := _NARROW.get(character) or _WIDE.get(character)) is not None:
        return own
    if character.isascii():
        return _CAPITAL if character.isupper() else _ORDINARY
    if unicodedata.combining(character):
        return 0.0
    return _FULL if _is_full(character) else _CAPITAL


def _is_full(character: str) -> bool:
    return not character.isascii() and (
        unicodedata.east_asian_width(character) in "WF" or ord(character) > 0xFFFF  # noqa: PLR2004  # emoji
    )
