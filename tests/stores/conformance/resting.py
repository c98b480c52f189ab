"""Runs that rest: they change their record without a batch, and are due at some time.

This module knows rests, and the list of what is due. It does not know what time it is, and no
more does a store.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from engine.errors import LogMoved
from engine.ids import RunId, Seq
from engine.store import Origin, RunFilter
from tests.stores.conformance.news import News
from tests.stores.conformance.reading import due, names, words
from tests.stores.conformance.rows import FORK, RUN, later, record, row
from tests.stores.conformance.writing import fork, keep, keep_all, rest, run_of

if TYPE_CHECKING:
    from engine.store import Store


class Resting:
    """A rest keeps its place among the batches of its run."""

    async def test_runs_that_are_due_are_listed_the_earliest_first(self, store: Store) -> None:
        for name, seconds in (("b", 2), ("e", None), ("c", 3), ("a", 1), ("d", 2)):
            when = None if seconds is None else later(seconds)
            await run_of(store, record(name, due=when))

        assert await due(store) == "abdc"
        assert await due(store, limit=2) == "ab"
        assert await due(store, limit=0) == ""
        listed = list(await store.due())
        assert [each.due for each in listed] == [later(1), later(2), later(2), later(3)]
        assert [await due(store, after=each) for each in listed] == ["bdc", "dc", "c", ""]

    async def test_a_run_is_due_when_its_last_record_says(self, store: Store) -> None:
        for name in "abc":
            await run_of(store, record(name, due=later(10)))

        await keep(store, row(1), run_id="a", record=record("a", status="completed"))
        await keep(store, row(1), run_id="b", record=record("b", due=later(5)))
        await keep(store, row(1), run_id="c")

        assert await due(store) == "bc"
        assert await store.record(RunId("b")) == record("b", due=later(5))

    async def test_a_run_that_rests_changes_its_record_and_not_its_log(self, store: Store) -> None:
        await keep_all(store, [row(0), row(1)])

        await rest(store, record(due=later(60), tags={"a": "b"}, status="paused"), at=1)

        assert await store.record(RUN) == record(due=later(60), tags={"a": "b"}, status="paused")
        assert await due(store) == RUN
        assert await names(store, RunFilter(tags={"a": "b"}, status=["paused"])) == RUN
        assert await words(store) == "xx"
        assert await store.last(RUN) == 1

    async def test_a_run_may_rest_again_and_go_on(self, store: Store) -> None:
        await keep_all(store, [row(0)])

        for seconds in (60, 30, 30):
            await rest(store, record(due=later(seconds)), at=0)
            assert [each.due for each in await store.due()] == [later(seconds)]
        await rest(store, record(), at=0)
        assert await due(store) == ""
        await keep(store, row(1), record=record(due=later(9)))
        assert await due(store) == RUN

    @pytest.mark.parametrize("at", [-1, 0, 1, 4, 9])
    async def test_a_run_whose_log_ends_elsewhere_does_not_rest(
        self, store: Store, at: int
    ) -> None:
        await keep_all(store, [row(0, 2), row(2)])

        with pytest.raises(LogMoved, match=f"ends at seq 2, not at {at}"):
            await rest(store, record(due=later(1)), at=at)

        assert await store.record(RUN) == record()
        assert await due(store) == ""

    @pytest.mark.parametrize("at", [-1, 0])
    async def test_a_run_that_is_not_there_does_not_rest(self, store: Store, at: int) -> None:
        with pytest.raises(LogMoved):
            await rest(store, record(due=later(1)), at=at)

        assert await store.record(RUN) is None
        assert list(await store.due()) == []

    async def test_a_fork_rests_like_any_run(self, store: Store) -> None:
        await keep_all(store, [row(0), row(1)])
        await fork(store, FORK, RUN, 1, row(2))
        given = record(FORK, origin=Origin(RUN, Seq(1)), due=later(5))

        with pytest.raises(LogMoved):
            await rest(store, given, at=1)
        await rest(store, replace(given, began=later(3), origin=None), at=2)

        assert await store.record(FORK) == given

    async def test_what_is_handed_over_before_a_rest_is_kept_before_it(self, store: Store) -> None:
        news = News()
        at_once = 0
        for n in range(5):
            given = None if n else record()
            at_once += store.append(
                RUN, row(n), expected=Seq(n - 1), kept=news.of(f"{n}"), record=given
            )
            resting = record(due=later(n))
            at_once += store.rest(resting, at=Seq(n), kept=news.of(f"{n} rests"))
        for _ in range(at_once):
            news.at_once()
        heard = await news.all()

        if not at_once:
            assert [name for name, _ in heard] == [
                name for n in range(5) for name in (f"{n}", f"{n} rests")
            ]
        assert all(error is None for _, error in heard)
        assert [each.due for each in await store.due()] == [later(4)]
        assert await words(store) == "xxxxx"

    async def test_a_rest_that_follows_a_refused_batch_is_refused(self, store: Store) -> None:
        await keep_all(store, [row(0), row(1)])
        news = News()

        with suppress(LogMoved):
            store.append(RUN, row(1, word="late"), expected=Seq(0), kept=news.of("late"))
            store.rest(record(due=later(1)), at=Seq(1), kept=news.of("rests"))
            assert [type(error) for _, error in await news.all()] == 2 * [LogMoved]

        assert await store.record(RUN) == record()
        await rest(store, record(due=later(1)), at=1)  # who has read the log again may

    async def test_what_follows_a_refused_rest_is_refused(self, store: Store) -> None:
        await keep_all(store, [row(0)])
        news = News()

        with suppress(LogMoved):
            store.rest(record(due=later(1)), at=Seq(7), kept=news.of("rests"))
            store.append(RUN, row(1, word="late"), expected=Seq(0), kept=news.of("late"))
            assert [type(error) for _, error in await news.all()] == 2 * [LogMoved]

        assert await words(store) == "x"

    async def test_a_refused_rest_stops_no_other_run(self, store: Store) -> None:
        for name in "abc":
            await keep_all(store, [row(0)], run_id=name)
        news = News()
        for name, at in (("a", 0), ("b", 5), ("c", 0)):
            try:
                given = record(name, due=later(1))
                if store.rest(given, at=Seq(at), kept=news.of(name)):
                    news.at_once()
            except LogMoved:
                news.at_once()
        await news.all()

        assert await due(store) == "ac"
