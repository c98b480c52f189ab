"""What would make a file better, as a diff that git and patch can apply.

This module knows the unified format, and that a diff is of bytes: those of the file. It does
not know what the change is good for.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.commands.reviewing import Review
    from api.commands.sources import Source

_MARK = "\ufeff"
"""The byte order mark, which is no part of the code, but of the first line of the file."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A diff: as lines to be read, and as bytes to be applied."""

    lines: tuple[str, ...]
    data: bytes


def patch_of(review: Review) -> Patch:
    """Give the diff from a file to its better code; an empty one if there is none."""
    if review.source is None or not review.is_changed:
        return Patch((), b"")
    lines = tuple(_lines(review.source, review.code))
    headers, changes = lines[:2], lines[2:]
    data = b"".join(each.encode(errors="surrogateescape") for each in headers)
    return Patch(lines, data + b"".join(_encoded(review.source, each) for each in changes))


def _lines(source: Source, code: str) -> Iterator[str]:
    name = source.path.as_posix().lstrip("/")
    mark = _MARK if source.encoding == "utf-8-sig" else ""
    # A line ends at a line feed and nowhere else; `str.splitlines` knows ten other places.
    old, new = (StringIO(f"{mark}{each}").readlines() for each in (source.code, code))
    for line in difflib.unified_diff(old, new, f"a/{name}", f"b/{name}"):
        if line.endswith("\n"):
            yield line
        else:
            yield f"{line}\n"
            yield "\\ No newline at end of file\n"


def _encoded(source: Source, line: str) -> bytes:
    """Write a line of a diff as the file is written, if it is one of the file."""
    if line.startswith(("@", "\\")):
        return line.encode()
    encoding = "utf-8" if source.encoding == "utf-8-sig" else source.encoding
    return line.replace("\n", source.end).encode(encoding)
