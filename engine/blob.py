"""Large values, which stand beside the entries of a log and not in them.

This module knows which values of an entry may be large, what stands in their place when it is
written down, and how they are put back. It does not know where they are kept.

A value of more than 64 KiB is named by the SHA-256 of its JSON. So a value that many entries and
many runs have is kept once; whoever follows a run gets entries that are never much larger than
that, and asks for a value if he wants it. In memory an entry always has its values.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from engine.entry import Blob, NodeCompleted, NodeSkipped, RunStarted, StatePatched, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.entry import AnyEntry, Entry
    from engine.ids import Json

LARGE: Final = 64 * 1024
"""Bytes of JSON that a value may have, and more that stand outside of its entry."""

MARK: Final = b'"blobs":{'
"""Stands in whatever has values outside; it may stand elsewhere, too."""

_FIELDS: Final[Mapping[type[Entry], str]] = {
    RunStarted: "state",
    NodeCompleted: "patch",
    NodeSkipped: "patch",
    StatePatched: "patch",
}
"""Where an entry has values, by their keys."""

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode


def take_out(batch: Iterable[AnyEntry], data: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Take the large values out of a batch that was written down.

    Args:
        batch: The entries.
        data: What was written of them.

    Returns:
        What is to be written in its place, and the values that are not in it, by their names.
    """
    blobs: dict[str, bytes] = {}
    lines = [
        _without(entry, blobs) or line if len(line) > LARGE else line
        for entry, line in zip(batch, data.split(b"\n"), strict=True)
    ]
    return (b"\n".join(lines), blobs) if blobs else (data, blobs)


def _without(entry: AnyEntry, blobs: dict[str, bytes]) -> bytes | None:
    """Write an entry down without its large values, if it has any."""
    field = _FIELDS.get(type(entry))
    if field is None:
        return None
    values: dict[str, Json] = getattr(entry, field)
    named: dict[str, Blob] = {}
    small: dict[str, Json] = {}
    for key, value in values.items():
        text = _encode(value)
        if len(text) > LARGE:
            name = sha256(text).hexdigest()
            # What the encoder gives has room to grow (measured: 4 KiB), and this is kept.
            blobs[name] = bytes(memoryview(text))
            named[key] = Blob(name, len(text))
        else:
            small[key] = value
    return encode(replace(entry, **{field: small, "blobs": named})) if named else None


def put_back(batch: tuple[AnyEntry, ...], blobs: Mapping[str, bytes]) -> tuple[AnyEntry, ...]:
    """Give the entries of a batch with all their values.

    Raises:
        ValueError: A value is missing, or is not the one that the entry names.
    """
    return tuple(_whole(entry, blobs) for entry in batch)


def _whole(entry: AnyEntry, blobs: Mapping[str, bytes]) -> AnyEntry:
    named: Mapping[str, Blob] | None = getattr(entry, "blobs", None)
    if not named:
        return entry
    field = _FIELDS[type(entry)]
    values: dict[str, Json] = dict(getattr(entry, field))
    for key, blob in named.items():
        text = blobs.get(blob.sha256)
        if text is None or sha256(text).hexdigest() != blob.sha256:
            what = "missing" if text is None else "another one"
            raise ValueError(
                f"the value of '{key}' in entry {entry.seq} is {what}: expected the "
                f"{blob.bytes} bytes of SHA-256 {blob.sha256}"
            )
        values[key] = _decode(text)
    return replace(entry, **{field: values, "blobs": None})
