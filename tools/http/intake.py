"""The body of an answer: read as far as it may be, and unpacked no further than that.

This module knows bytes. It does not know what they mean (`answer`).
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

import httpx2

from engine import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

SLACK: Final = 64 * 1024
"""Bytes that an answer may have packed beyond those it may have unpacked: packed, what can't be
packed is a little longer."""

_WINDOWS: Final[Mapping[str, int]] = {
    "gzip": 16 + zlib.MAX_WBITS,
    "x-gzip": 16 + zlib.MAX_WBITS,
    "deflate": zlib.MAX_WBITS,
}
"""By the name of a packing: how zlib is told of it. Only gzip is asked for."""


async def read(response: httpx2.Response, url: str, limit: int) -> bytes:
    """Read the body of an answer.

    Args:
        response: Of which nothing but the head was read.
        url: Whose answer it is, for messages.
        limit: Bytes that it may have, unpacked.

    Raises:
        ToolError: It has more (`ANSWER_TOO_LARGE`), breaks off (`CONNECTION_FAILED`), or is
            packed in a way that is not known (`ANSWER_UNREADABLE`).
    """
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit + SLACK:
        raise _too_large(url, limit)
    unpack = _unpacker(response.headers.get("content-encoding", ""), url)
    body = bytearray()
    packed = 0
    try:
        async for chunk in response.aiter_raw():
            packed += len(chunk)
            body += chunk if unpack is None else unpack.more(chunk, limit + 1 - len(body))
            if len(body) > limit or packed > limit + SLACK:
                raise _too_large(url, limit)
    except httpx2.TransportError as error:
        raise ToolError(
            f"the answer of {url} broke off: {type(error).__name__}: {error}",
            code="CONNECTION_FAILED",
            hint="it may answer later",
        ) from error
    except zlib.error as error:
        raise _unreadable(url, f"can't be unpacked: {error}") from error
    return bytes(body)


class _Unpacker:
    """Unpacks what comes piece by piece, never more than is asked for."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._inner = zlib.decompressobj(window)

    def more(self, packed: bytes, limit: int) -> bytes:
        """Unpack the next piece, at most so many bytes of it."""
        made = bytearray()
        while packed and len(made) < limit:
            if self._inner.eof:  # a file of gzip may be several, one after the other
                self._inner = zlib.decompressobj(self._window)
            made += self._inner.decompress(packed, limit - len(made))
            packed = self._inner.unconsumed_tail or self._inner.unused_data
        return bytes(made)


def _unpacker(encoding: str, url: str) -> _Unpacker | None:
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return None
    if name not in _WINDOWS:
        raise _unreadable(url, f"is packed as {name[:40]!r}, gzip was asked for")
    return _Unpacker(_WINDOWS[name])


def _too_large(url: str, limit: int) -> ToolError:
    return ToolError(
        f"the answer of {url} is larger than {limit:,} bytes",
        code="ANSWER_TOO_LARGE",
        hint="ask for less, or raise 'max_bytes' of the declaration",
        retryable=False,
    )


def _unreadable(url: str, problem: str) -> ToolError:
    return ToolError(
        f"the answer of {url} {problem}",
        code="ANSWER_UNREADABLE",
        hint="look at what it answers to curl",
        retryable=False,
    )
