"""Large values, which stand beside the rows that have them, once however many have them.

This module knows where a large value is and for how long. Any other value is in `values`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import LogMoved
from engine.ids import RunId, Seq
from engine.store import Origin
from tests.stores.conformance.rows import FORK, RUN, completed, record, row
from tests.stores.conformance.writing import fork, keep, keep_all, run_of

if TYPE_CHECKING:
    from engine.store import Store


LARGE = "0123456789" * 7_000
"""A value that stands outside of its row."""


class Blobs:
    """A large value is read with its row, and stays as long as a run has it."""

    async def test_a_large_value_stands_beside_its_row_and_is_read_with_it(
        self, store: Store
    ) -> None:
        given = completed(0, {"large": LARGE, "small": 1, "other": [LARGE, 2.5, None]})
        (name,) = {
            each for each in given.blobs if given.blobs[each] == b'"' + LARGE.encode() + b'"'
        }
        await keep(store, given, record=record())

        (read,) = await store.read(RUN)

        assert read == given
        assert read.blobs == given.blobs
        assert len(read.blobs) == 2
        assert len(read.data) < 1_000
        assert f'"large":{{"sha256":"{name}","bytes":{len(LARGE) + 2}}}'.encode() in read.data
        assert read.entries[0].patch == {"large": LARGE, "small": 1, "other": [LARGE, 2.5, None]}
        assert [await store.blob(each) for each in given.blobs] == [*given.blobs.values()]
        assert await store.blob("0" * 64) is None

    async def test_to_append_a_large_value_again_is_success(self, store: Store) -> None:
        for _ in range(2):
            await keep(store, completed(0, {"large": LARGE}), record=record())
            await keep(store, completed(1, {"large": LARGE}))

        with pytest.raises(LogMoved):
            await keep(store, completed(1, {"large": LARGE + "x"}))
        assert [each.entries for each in await store.read(RUN)] == [
            completed(0, {"large": LARGE}).entries,
            completed(1, {"large": LARGE}).entries,
        ]

    async def test_large_values_are_read_page_by_page_and_by_forks(self, store: Store) -> None:
        rows = [completed(n, {"large": f"{n}" + LARGE}) for n in range(4)]
        await keep_all(store, rows)
        await fork(store, FORK, RUN, 1, completed(2, {"mine": LARGE}))

        read = [row for n in range(4) for row in await store.read(RUN, Seq(n - 1), limit=1)]
        assert [each.entries for each in read] == [each.entries for each in rows]
        forked = await store.read(FORK)
        assert [each.entries for each in forked] == [
            each.entries for each in (*rows[:2], completed(2, {"mine": LARGE}))
        ]

    async def test_a_large_value_stays_as_long_as_a_run_that_has_it(self, store: Store) -> None:
        given = completed(0, {"large": LARGE})
        (name,) = given.blobs
        for run_id in "abc":
            own = completed(1, {"own": run_id + LARGE})
            await run_of(store, record(run_id, status="completed"), given, own)
        await run_of(store, record("f", status="failed", origin=Origin(RunId("a"), Seq(0))), row(1))

        assert set(await store.forget([RunId("a"), RunId("b")])) == {"b"}
        assert await store.blob(name) == given.blobs[name]
        assert set(await store.forget([RunId("c"), RunId("f"), RunId("a")])) == set("cfa")
        assert await store.blob(name) is None
        assert list(await store.orphans()) == []
