"""How a log is read: what was appended, in order, from anywhere, page by page.

This module knows logs of one run each. Forks, whose logs have two parts, are in `forks`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.entry import MessageSent, RunStarted
from engine.ids import BEGINNING, RunId, Seq
from engine.row import Row
from tests.stores.conformance.news import News
from tests.stores.conformance.reading import words
from tests.stores.conformance.rows import NOON, RUN, record, row
from tests.stores.conformance.writing import keep, keep_all

if TYPE_CHECKING:
    from engine.store import Store


class Logs:
    """A log is read as it was written."""

    async def test_what_was_appended_is_read_in_order(self, store: Store) -> None:
        await keep_all(store, [row(0, 3), row(3), row(4, 2)])

        assert list(await store.read(RUN)) == [row(0, 3), row(3), row(4, 2)]

    async def test_rows_are_read_as_the_entries_that_were_given(self, store: Store) -> None:
        started = RunStarted(
            seq=Seq(0),
            batch=Seq(1),
            at=NOON,
            run_id=RUN,
            graph="g",
            version="v1",
            state={"n": 1, "list": [1.5, None, True, {"deep": "ü"}]},
        )
        sent = MessageSent(seq=Seq(1), batch=Seq(1), at=NOON, run_id=RUN, to="n")
        await keep(store, Row((started, sent)), record=record())

        (read,) = await store.read(RUN)

        assert read.entries == (started, sent)
        assert (read.first, read.last) == (0, 1)

    async def test_a_run_that_is_not_there_has_no_rows_no_last_entry_and_no_record(
        self, store: Store
    ) -> None:
        assert list(await store.read(RUN)) == []
        assert await store.last(RUN) is None
        assert await store.record(RUN) is None

    async def test_the_last_entry_is_counted_over_all_batches(self, store: Store) -> None:
        await keep_all(store, [row(0, 3), row(3, 2)])

        assert await store.last(RUN) == 4

    @pytest.mark.parametrize(
        ("after", "first"), [(-1, 0), (0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 3), (99, 3)]
    )
    async def test_reading_begins_with_the_row_that_holds_the_next_entry(
        self, store: Store, after: int, first: int
    ) -> None:
        rows = [row(0, 3), row(3, 2), row(5)]
        await keep_all(store, rows)

        assert list(await store.read(RUN, Seq(after))) == rows[first:]

    @pytest.mark.parametrize("limit", [0, 1, 2, 3, 99])
    async def test_no_more_rows_are_read_than_asked_for(self, store: Store, limit: int) -> None:
        rows = [row(0), row(1), row(2)]
        await keep_all(store, rows)

        assert list(await store.read(RUN, limit=limit)) == rows[:limit]

    async def test_a_long_log_is_read_in_order_page_by_page(self, store: Store) -> None:
        rows = [row(n) for n in range(300)]
        news = News()
        for each in rows:
            given = record() if each.first == 0 else None
            expected = Seq(each.first - 1)
            if store.append(RUN, each, expected=expected, kept=news.of("it"), record=given):
                news.at_once()
        await news.all()

        read: list[Row] = []
        while page := await store.read(RUN, read[-1].last if read else BEGINNING, limit=64):
            read += page

        assert read == rows

    async def test_runs_do_not_see_each_other(self, store: Store) -> None:
        await keep_all(store, [row(0, 2)])
        await keep_all(store, [row(0, word="y"), row(1, word="z")], run_id="other")

        assert await words(store) == "xx"
        assert await words(store, "other") == "yz"
        assert await store.last(RUN) == await store.last(RunId("other")) == 1
