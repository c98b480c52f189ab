"""A batch as stores keep it: a row.

This module knows that a row is made of entries, or of their bytes, and makes one of the
other when it is asked to. It does not know what the entries say, nor where rows are kept.

Most rows of a run that nobody watches are never read as bytes in a store that keeps them in
memory, and those that were read from a disk are mostly passed on without being decoded. So
each side is made once and when it is first needed.
"""

from __future__ import annotations

import msgspec

from engine.entry import AnyEntry, decode_batch, encode_batch, first_seq
from engine.ids import BEGINNING, Seq


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
    def read(cls, data: bytes) -> Row:
        """Make a row of the bytes that a store has kept; they are decoded when needed.

        Raises:
            msgspec.ValidationError: The first line is not an entry.
        """
        return cls(None, data)

    @property
    def data(self) -> bytes:
        """The bytes: one line of JSON for each entry, without a newline at the end."""
        entries, data = self._entries, self._data  # read once: another thread may read, too
        if data is None:
            assert entries is not None  # noqa: S101  # a row has one of the two
            data = self._data = encode_batch(entries)
            self._entries = None  # the bytes are smaller, and whoever reads them reads them again
        return data

    @property
    def entries(self) -> tuple[AnyEntry, ...]:
        """The entries.

        Raises:
            ValueError: The row is torn.
            msgspec.ValidationError: A line is not an entry.
        """
        entries = self._entries
        return decode_batch(self.data) if entries is None else entries

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
