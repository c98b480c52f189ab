"""How runs are forgotten: which may be, and that nothing of them is left.

This module knows runs and their forks. Answers, which are forgotten by time, are in `answers`,
and what is forgotten behind a store's back in `processes`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine.errors import EngineError, LogMoved
from engine.ids import RunId, Seq
from engine.store import Origin, RunFilter
from tests.stores.conformance.many import Many
from tests.stores.conformance.news import News
from tests.stores.conformance.reading import due, is_gone, names, words
from tests.stores.conformance.rows import FORK, RUN, completed, later, record, row
from tests.stores.conformance.writing import fork, keep, rest, run_of

if TYPE_CHECKING:
    from engine.store import Status, Store


class Forgetting(Many):
    """What has ended and nobody needs may go, as a whole."""

    async def test_a_run_that_is_forgotten_leaves_nothing(self, store: Store) -> None:
        over = record("a", status="completed", tags={"t": "x"}, error="E", due=later(1))
        await run_of(store, over, row(0, 3), row(3), row(4, 2))
        await run_of(store, record("b", status="completed", tags={"t": "x"}))

        assert list(await store.forget([RunId("a")])) == ["a"]

        assert await is_gone(store, "a")
        assert not await is_gone(store, "b")
        assert await names(store) == "b"
        assert await names(store, RunFilter(tags={"t": "x"})) == "b"
        assert await names(store, RunFilter(error="E")) == ""
        assert await due(store) == ""
        assert list(await store.orphans()) == []

    @pytest.mark.parametrize("status", ["running", "paused"])
    async def test_a_run_that_has_not_ended_is_never_forgotten(
        self, store: Store, status: Status
    ) -> None:
        await run_of(store, record("a", status=status))

        assert list(await store.forget([RunId("a")])) == []
        assert not await is_gone(store, "a")

    @pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
    async def test_a_run_that_has_ended_may_be_forgotten(
        self, store: Store, status: Status
    ) -> None:
        await run_of(store, record("a", status=status))

        assert list(await store.forget([RunId("a")])) == ["a"]
        assert await is_gone(store, "a")

    async def test_to_forget_what_is_not_there_is_no_error(self, store: Store) -> None:
        await run_of(store, record("a", status="completed"))

        assert list(await store.forget([])) == []
        assert list(await store.forget([RunId("no"), RunId("a"), RunId("a")])) == ["a"]
        assert list(await store.forget([RunId("a")])) == []

    async def test_an_origin_stays_until_no_fork_needs_it(self, store: Store) -> None:
        await run_of(store, record("a", status="failed"), row(0, word="a"), row(1, word="b"))
        of_a = Origin(RunId("a"), Seq(0))
        await run_of(store, record("f", status="failed", origin=of_a), row(1, word="f"))
        of_f = Origin(RunId("f"), Seq(1))
        await run_of(store, record("g", origin=of_f), row(2, word="g"))

        assert list(await store.forget([RunId("a"), RunId("f"), RunId("g")])) == []
        assert await words(store, "g") == "afg"

        await keep(store, row(3), run_id="g", record=record("g", status="completed", origin=of_f))
        assert list(await store.forget([RunId("a")])) == []
        assert list(await store.forget([RunId("f"), RunId("a")])) == []
        assert await words(store, "g") == "afgx"
        assert list(await store.forget([RunId("g")])) == ["g"]
        assert await words(store, "f") == "af"
        assert set(await store.forget([RunId("a"), RunId("f")])) == {"a", "f"}
        assert await names(store) == ""

    @pytest.mark.parametrize("order", ["afgh", "hgfa", "gahf"])
    async def test_forks_go_before_their_origins_in_whatever_order_they_are_named(
        self, store: Store, order: str
    ) -> None:
        await run_of(store, record("a", status="failed"), row(0), row(1))
        for name, of, at in (("f", "a", 0), ("g", "f", 1), ("h", "a", 1)):
            origin = Origin(RunId(of), Seq(at))
            await run_of(store, record(name, status="failed", origin=origin), row(at + 1))

        removed = await store.forget([RunId(each) for each in order])

        assert set(removed) == set("afgh")
        assert [await is_gone(store, each) for each in "afgh"] == [True] * 4
        assert list(await store.orphans()) == []

    async def test_the_name_of_a_run_that_was_forgotten_is_free(self, store: Store) -> None:
        await run_of(store, record("a", status="failed", tags={"old": "1"}), row(0, 3), row(3))
        await run_of(store, record("z", status="completed"))
        await store.forget([RunId("a"), RunId("z")])

        anew = record("a", began=later(60), tags={"new": "1"})
        await run_of(store, anew, row(0, word="n"), row(1, word="o"))

        assert await words(store, "a") == "no"
        assert await store.record(RunId("a")) == anew
        assert await names(store, RunFilter(tags={"old": "1"})) == ""
        assert list(await store.orphans()) == []

    async def test_the_log_of_a_run_that_was_forgotten_can_not_be_gone_on_with(
        self, store: Store
    ) -> None:
        await run_of(store, record("a", status="completed"), row(0), row(1))
        await store.forget([RunId("a")])

        for expected in (0, 1, 2):
            with pytest.raises(LogMoved, match=f"ends at seq -1, not at {expected}"):
                await keep(store, row(expected + 1), run_id="a")
        with pytest.raises(EngineError, match="without a record"):
            await keep(store, row(0), run_id="a")
        with pytest.raises(LogMoved):
            await rest(store, record("a"), at=1)
        assert await is_gone(store, "a")
        with pytest.raises(LogMoved, match="no batch that ends there"):
            await fork(store, FORK, "a", 1, row(2))

    async def test_the_list_goes_on_after_a_run_that_was_forgotten(self, store: Store) -> None:
        for second, name in enumerate("abcd"):
            await run_of(store, record(name, began=later(second), status="completed"))
        page = await store.runs(limit=2)

        await store.forget([each.run_id for each in page])

        assert await names(store, before=page[-1]) == "ba"

    async def test_hundreds_of_long_runs_are_forgotten_and_others_go_on_meanwhile(
        self, store: Store
    ) -> None:
        news = News()
        for n in range(120):
            name, over = f"{n:03}", record(f"{n:03}", status="completed")
            for k in range(20):
                at_once = store.append(
                    RunId(name),
                    row(k, word="long" * 100),
                    expected=Seq(k - 1),
                    kept=news.of(name),
                    record=None if k else over,
                )
                if at_once:
                    news.at_once()
        await news.all()
        await keep(store, row(0), record=record())

        async with asyncio.TaskGroup() as tasks:
            wanted = [RunId(f"{n:03}") for n in range(120) if n != 60]
            forgetting = tasks.create_task(store.forget(wanted))
            for n in range(1, 40):
                await keep(store, row(n))

        assert set(forgetting.result()) == set(wanted)
        assert await words(store) == "x" * 40
        assert await words(store, "060") == "long" * 2000
        assert [each.run_id for each in await store.runs()] == [RUN, "060"]
        assert list(await store.orphans()) == []

    async def test_of_two_that_forget_one_run_one_did_it(self, store: Store) -> None:
        for name in "abcdef":
            await run_of(store, record(name, status="completed"))

        async with asyncio.TaskGroup() as tasks:
            asked = [
                tasks.create_task(store.forget([RunId(name) for name in each]))
                for each in ("abcd", "cdef", "fa")
            ]

        assert sorted(name for each in asked for name in each.result()) == list("abcdef")

    async def test_room_may_be_given_back_at_any_time(self, store: Store) -> None:
        await store.shrink()
        await run_of(store, record("a", status="completed"), completed(0, {"x": "y" * 500_000}))
        await run_of(store, record("b"))
        before = await store.size()
        await store.forget([RunId("a")])

        await store.shrink()

        assert await store.size() <= before
        assert await names(store) == "b"
        await keep(store, row(1), run_id="b")
        assert await words(store, "b") == "xx"

    async def test_nothing_is_orphaned_in_a_store_that_nobody_damaged(self, many: Store) -> None:
        await fork(many, FORK, "a", 0, row(1))
        await many.forget([RunId("b"), RunId("e")])

        assert list(await many.orphans()) == []
