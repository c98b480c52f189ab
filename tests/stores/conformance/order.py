"""What becomes of batches that are handed over in one go.

This module knows the order within a run, and that runs do not hold up each other. It does not
know which batches fit: `appending` does.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from engine.errors import LogMoved
from engine.ids import BEGINNING, RunId, Seq
from tests.stores.conformance.news import News
from tests.stores.conformance.reading import words
from tests.stores.conformance.rows import RUN, record, row
from tests.stores.conformance.writing import keep, keep_all

if TYPE_CHECKING:
    from engine.store import Store


class Order:
    """Batches are kept, or refused, in the order in which they came."""

    async def test_the_batches_of_a_run_are_told_in_their_order(self, store: Store) -> None:
        news = News()
        at_once = 0
        for n in range(50):
            for run_id in ("a", "b", "c"):
                at_once += store.append(
                    RunId(run_id),
                    row(n, run_id=run_id),
                    expected=Seq(n - 1),
                    kept=news.of(run_id),
                    record=None if n else record(run_id),
                )
        for _ in range(at_once):
            news.at_once()

        heard = await news.all()

        assert all(error is None for _, error in heard)
        assert len(heard) + at_once == 150
        for run_id in ("a", "b", "c"):
            rows = list(await store.read(RunId(run_id)))
            assert rows == [row(n, run_id=run_id) for n in range(50)]

    async def test_what_follows_a_refused_batch_is_refused_even_where_it_would_fit(
        self, store: Store
    ) -> None:
        await keep_all(store, [row(0), row(1)])
        news = News()
        # Handed over in one go by somebody who knows the first row only: the log does end at
        # seq 1, but not with what the second batch was decided on.
        with suppress(LogMoved):
            for n in (1, 2, 3):
                store.append(RUN, row(n, word="late"), expected=Seq(n - 1), kept=news.of(str(n)))
            assert [type(error) for _, error in await news.all()] == 3 * [LogMoved]

        assert await words(store) == "xx"
        await keep(store, row(2))  # who has read the log again may go on
        assert await words(store) == "xxx"

    async def test_a_refused_batch_stops_no_other_run(self, store: Store) -> None:
        await keep_all(store, [row(0)])
        news = News()
        runs = ["a", "b", RUN, "c", "d"]
        for run_id in runs:
            try:
                if store.append(
                    RunId(run_id),
                    row(0, run_id=run_id, word="new"),
                    expected=BEGINNING,
                    kept=news.of(run_id),
                    record=record(run_id),
                ):
                    news.at_once()
            except LogMoved:
                news.at_once()
        await news.all()

        assert [await words(store, run_id) for run_id in runs] == ["new", "new", "x", "new", "new"]
