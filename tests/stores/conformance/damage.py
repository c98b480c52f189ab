"""Rows that somebody else has written over: no entry is read out of what is left.

This module knows one row that has lost something. How it was lost, the fixture `overwrite`
knows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

import pytest

from engine.errors import EngineError
from tests.stores.conformance.rows import RUN, row
from tests.stores.conformance.writing import keep_all

if TYPE_CHECKING:
    from engine.store import Store


Overwrite: TypeAlias = Callable[[str, int, bytes], Awaitable[None]]
"""Puts other bytes in the place of the row of a run that ends at a seq."""


class Damage:
    """What is not whole can not be read."""

    @pytest.mark.parametrize(
        "data",
        [
            row(2, 3).data[:-20],
            row(2, 3).data.rpartition(b"\n")[0],
            row(2, 3).data.partition(b"\n")[2],
            b"",
            b"notes",
            b"{}",
            row(2, 2).data,
        ],
        ids=["a line", "the end", "the beginning", "all", "its words", "its fields", "its number"],
    )
    async def test_a_row_that_has_lost_some_of_what_it_was_can_not_be_read(
        self, store: Store, overwrite: Overwrite, data: bytes
    ) -> None:
        await keep_all(store, [row(0, 2), row(2, 3), row(5)])

        await overwrite(RUN, 4, data)

        with pytest.raises((EngineError, ValueError)):  # noqa: PT012  # whoever looks first
            for each in await store.read(RUN):
                assert each.entries
