"""The list of runs: its order, and how it goes on page by page.

This module knows the list of all runs. Which runs are wanted is in `finding`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from engine.store import RunFilter, RunRecord
from tests.stores.conformance.rows import NOON, record, row
from tests.stores.conformance.writing import keep

if TYPE_CHECKING:
    from engine.store import Store


class Lists:
    """Each run is listed once, the latest first, whatever happens meanwhile."""

    async def test_runs_are_listed_the_latest_first(self, store: Store) -> None:
        for name, minute in (("b", 2), ("c", 3), ("a", 1)):
            began = NOON + timedelta(minutes=minute)
            await keep(store, row(0), run_id=name, record=record(name, began=began))

        assert [each.run_id for each in await store.runs()] == ["c", "b", "a"]

    async def test_runs_that_began_at_one_time_are_listed_by_name(self, store: Store) -> None:
        for name in ("b", "c", "a", "é", "B", "🦆"):
            await keep(store, row(0), run_id=name, record=record(name))

        assert [each.run_id for each in await store.runs()] == ["🦆", "é", "c", "b", "a", "B"]

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
    async def test_the_list_goes_on_where_a_page_ended_however_many_began_at_once(
        self, store: Store, size: int
    ) -> None:
        names = [f"{n:02}" for n in range(12)]
        for n, name in enumerate(names):  # three at a time
            began = NOON + timedelta(seconds=n // 3)
            await keep(store, row(0), run_id=name, record=record(name, began=began))

        listed: list[RunRecord] = []
        while page := await store.runs(before=listed[-1] if listed else None, limit=size):
            listed += page
            assert len(page) <= size

        assert [each.run_id for each in listed] == names[::-1]

    async def test_the_list_goes_on_after_a_run_that_has_changed_since(self, store: Store) -> None:
        for name in ("a", "b", "c"):
            await keep(store, row(0), run_id=name, record=record(name))
        (last,) = await store.runs(RunFilter(status=["running"]), limit=1)
        await keep(store, row(1), run_id="c", record=record("c", status="completed"))

        rest = await store.runs(RunFilter(status=["running"]), before=last)

        assert [each.run_id for each in rest] == ["b", "a"]

    async def test_no_more_runs_are_listed_than_asked_for(self, store: Store) -> None:
        await keep(store, row(0), record=record())

        assert list(await store.runs(limit=0)) == []
