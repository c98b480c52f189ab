"""A batch as stores keep it: a row.

This module knows that a row is made of entries, or of their bytes, and makes one of the
other when it is asked to. It does not know what the entries say, nor where rows are kept.

Most rows of a run that nobody watches are never read as bytes in a store that keeps them in
memory, and those that were read from a disk are mostly passed on without being decoded. So
each side is made once and when it is first needed.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec

from engine.blob import LARGE, MARK, put_back, take_out
from engine.entry import AnyEntry, decode_batch, encode_batch, first_seq
from engine.ids import BEGINNING, Seq

if TYPE_CHECKING:
    from collections.abc import Mapping


_NONE: Final[Mapping[str, bytes]] = MappingProxyType({})


class Row(msgspec.Struct, gc=False, eq=False):
    """One batch: all of its entries, or their bytes, one line of JSON for each.

    Attributes:
        first: The seq of its first entry.
        last: The seq of its last entry.
    """

    # A store in memory keeps each row for good. Nothing in one leads back to it, and what the
    # collector does not track it does not visit: that was a seventh of a hop.
    _entries: tuple[AnyEntry, ...] | None = None
    _data: bytes | None = None
    first: Seq = BEGINNING
    last: Seq = BEGINNING
    _blobs: Mapping[str, bytes] | None = None

    def __post_init__(self) -> None:
        """Say which entries it has."""
        entries, data = self._entries, self._data
        if entries is not None:
            self.first = entries[0].seq
            self.last = entries[-1].seq
        elif data is not None:
            self.first = first_seq(data)
            self.last = Seq(self.first + data.count(b"\n"))

    @classmethod
    def read(cls, data: bytes, blobs: Mapping[str, bytes] = _NONE) -> Row:
        """Make a row of the bytes that a store has kept; they are decoded when needed.

        Raises:
            msgspec.ValidationError: The first line is not an entry.
        """
        return cls(None, data, _blobs=blobs or None)

    @property
    def data(self) -> bytes:
        """The bytes: one line of JSON for each entry, without a newline at the end.

        Large values are not in them, but in `blobs`.
        """
        entries, data = self._entries, self._data  # read once: another thread may read, too
        if data is None:
            assert entries is not None  # noqa: S101  # a row has one of the two
            data = encode_batch(entries)
            if len(data) > LARGE:
                data, blobs = take_out(entries, data)
                self._blobs = blobs or None
            self._data = data
            self._entries = None  # the bytes are smaller, and whoever reads them reads them again
        return data

    @property
    def is_written(self) -> bool:
        """Whether its bytes are there, because somebody asked for them."""
        return self._data is not None

    @property
    def blobs(self) -> Mapping[str, bytes]:
        """The large values that `data` only names, by their SHA-256 in hex; mostly none.

        A store keeps them with the row, in the same commit, and gives them to `read` with it.
        """
        if self._data is None:
            _ = self.data
        return self._blobs or _NONE

    @property
    def entries(self) -> tuple[AnyEntry, ...]:
        """The entries.

        Raises:
            ValueError: The row is torn, or a large value is missing.
            msgspec.ValidationError: A line is not an entry.
        """
        entries = self._entries
        if entries is None:
            data = self.data
            entries = decode_batch(data)
            if MARK in data:
                entries = put_back(entries, self.blobs)
        return entries

    def __eq__(self, other: object) -> bool:
        """Tell whether two rows are the same, byte for byte."""
        return self.data == other.data if isinstance(other, Row) else NotImplemented

    def __ne__(self, other: object) -> bool:
        """Tell whether they differ; a struct does not ask `__eq__` for that."""
        return self.data != other.data if isinstance(other, Row) else NotImplemented

    def __hash__(self) -> int:
        """Hash the bytes."""
        return hash(self.data)

    def __repr__(self) -> str:
        """Name the entries."""
        return f"<Row {self.first}-{self.last}>"
