"""Rows as they come from a disk: whether they are what was written, without a gap.

This module knows how the rows of a log follow each other. It does not know where they are
kept.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec

from engine.errors import EngineError
from engine.row import Row
from engine.stores.refusal import CORRUPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.ids import RunId, Seq

NO_BLOBS: Final[Mapping[str, bytes]] = MappingProxyType({})
"""What nearly every row has."""


def rows_read(
    found: Iterable[tuple[Seq, bytes, Mapping[str, bytes]]], *, run_id: RunId, after: Seq
) -> list[Row]:
    """Make rows of what a store has kept.

    Args:
        found: What holds entries after `after`, in order: the last entry of each row, its
            bytes, and its blobs.
        run_id: Whose log it is.
        after: Where reading begins; the first row may begin at or before it.

    Raises:
        EngineError: A row is torn, or missing.
    """
    rows: list[Row] = []
    begins = after + 1
    for last, data, blobs in found:
        try:
            row = Row.read(data, blobs)
        except msgspec.DecodeError as error:
            raise _damaged(run_id, last, str(error)) from error
        if row.last != last:
            raise _damaged(run_id, last, f"it holds entries {row.first} to {row.last}")
        if row.first != begins and (rows or row.first > begins):
            raise _damaged(run_id, last, f"it begins at {row.first}, and not at {begins}")
        rows.append(row)
        begins = last + 1
    return rows


def _damaged(run_id: RunId, last: Seq, what: str) -> EngineError:
    return EngineError(
        f"the log of run '{run_id}' is damaged at the row that ends at seq {last}: {what}",
        code=CORRUPT,
        hint="what is kept was changed by another program, or the disk has failed: restore a "
        "backup",
        details={"run_id": run_id, "last": last},
    )
