"""The record of a run: it is kept with a batch, and changes with one.

This module knows single records. How many of them are listed is in `lists`, and how they are
found in `finding`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.ids import Seq
from engine.store import Origin, RunRecord
from tests.stores.conformance.news import News
from tests.stores.conformance.reading import words
from tests.stores.conformance.rows import FORK, NOON, RUN, record, row
from tests.stores.conformance.writing import fork, keep, keep_all

if TYPE_CHECKING:
    from engine.store import Store


class Records:
    """A record says what the last batch that brought one says."""

    async def test_the_record_of_a_run_is_kept_with_its_first_batch(self, store: Store) -> None:
        given = RunRecord(
            run_id=RUN,
            graph="review",
            version="0123abc",
            status="paused",
            began=NOON,
            changed=NOON + timedelta(microseconds=1),
            error="TOOL_MISSING",
            tags={"team": "core", "empty": "", "ü": '"'},
            tenant="other",
        )
        await keep(store, row(0), record=given)

        assert await store.record(RUN) == given
        assert list(await store.runs()) == [given]

    async def test_a_record_changes_with_the_batch_that_changes_it(self, store: Store) -> None:
        await keep(store, row(0), record=record())
        later = NOON + timedelta(days=400, microseconds=7)
        changed = replace(record(), status="failed", changed=later, error="NO_ROUTE")

        await keep(store, row(1), record=changed)

        assert await store.record(RUN) == changed
        assert list(await store.runs()) == [changed]

    async def test_when_and_from_where_a_run_began_does_not_change(self, store: Store) -> None:
        await keep_all(store, [row(0)])
        await fork(store, FORK, RUN, 0, row(1))
        later = NOON + timedelta(hours=1)

        await keep(store, row(2), run_id=FORK, record=record(FORK, began=later, status="completed"))

        found = await store.record(FORK)
        assert found is not None
        assert (found.began, found.origin) == (NOON, Origin(RUN, Seq(0)))
        assert (found.changed, found.status) == (later, "completed")
        assert [each.run_id for each in await store.runs()] == [RUN, FORK]

    async def test_a_batch_without_a_record_leaves_it_as_it_is(self, store: Store) -> None:
        await keep(store, row(0), record=record(status="paused"))
        await keep(store, row(1))

        assert await store.record(RUN) == record(status="paused")

    async def test_a_run_that_begins_and_ends_at_once_has_its_last_record(
        self, store: Store
    ) -> None:
        news = News()
        for n, status in enumerate(("running", "paused", "running", "completed")):
            given = record(status=status)  # type: ignore[arg-type]  # they are some
            if store.append(RUN, row(n), expected=Seq(n - 1), kept=news.of("it"), record=given):
                news.at_once()
        assert all(error is None for _, error in await news.all())

        assert await store.record(RUN) == record(status="completed")
        assert await words(store) == "xxxx"
