"""What several processes do to one store at once: one is kept, the late one is refused.

This module knows a second store over the same data, the fixture `another`. Who of them drives is
in `claims`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from engine.errors import LogMoved
from engine.ids import BEGINNING, RunId
from engine.store import Document
from tests.stores.conformance.news import News
from tests.stores.conformance.reading import is_gone, words
from tests.stores.conformance.rows import FORK, NOON, RUN, later, record, row
from tests.stores.conformance.writing import fork, keep, keep_all, rest, run_of

if TYPE_CHECKING:
    from engine.store import Store


class Processes:
    """Each finds what the others have kept, and overwrites none of it."""

    async def test_another_process_finds_everything(self, store: Store, another: Store) -> None:
        await keep_all(store, [row(0, 2), row(2)])
        await fork(store, FORK, RUN, 1, row(2, word="y"))
        await store.put("graph", "g", b"x")
        await store.remember("k", b"a", at=NOON)
        listed = list(await store.runs())

        await another.open()
        try:
            assert await words(another) == "xxx"
            assert await words(another, FORK) == "xxy"
            assert list(await another.runs()) == listed
            assert list(await another.documents("graph")) == [Document("g", 1, b"x")]
            assert await another.answer("k") == b"a"
        finally:
            await another.close()

    async def test_of_two_processes_that_write_one_log_the_late_one_is_refused(
        self, store: Store, another: Store
    ) -> None:
        await another.open()
        try:
            await keep_all(store, [row(0, word="a")])
            await keep(another, row(1, word="b"))
            with pytest.raises(LogMoved, match="ends at seq 1, not at 0"):
                await keep(store, row(1, word="late"), record=record(status="failed"))
            with pytest.raises(LogMoved):
                await keep(store, row(2, word="late"), expected=0)

            await keep(store, row(2, word="c"))  # it has read the log again
            with pytest.raises(LogMoved):
                await keep(another, row(2, word="late"))

            assert await words(store) == await words(another) == "abc"
            assert await store.record(RUN) == record()
        finally:
            await another.close()

    async def test_a_fork_does_not_take_the_name_of_a_run_of_another_process(
        self, store: Store, another: Store
    ) -> None:
        await another.open()
        await keep_all(store, [row(0), row(1)])
        await keep_all(another, [row(0, word="a"), row(1, word="b")], run_id=FORK)

        with pytest.raises(LogMoved, match="there is a run 'fork' already"):
            await fork(store, FORK, RUN, 1, row(2, word="y"))

        assert await words(store, FORK) == await words(another, FORK) == "ab"
        await another.close()

    async def test_two_processes_that_race_for_a_log_never_both_win(
        self, store: Store, another: Store
    ) -> None:
        await another.open()
        wins: list[str] = []

        async def write(which: Store, name: str) -> None:
            for n in range(60):
                try:
                    await keep(which, row(n, word=name), record=None if n else record())
                except LogMoved:
                    continue
                wins.append(name)

        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(write(store, "a"))
                tasks.create_task(write(another, "b"))

            assert len(wins) == 60
            assert sorted(await words(store)) == sorted(wins)
        finally:
            await another.close()

    async def test_processes_that_answer_at_once_all_give_the_same(
        self, store: Store, another: Store
    ) -> None:
        await another.open()
        try:
            for n in range(10):
                async with asyncio.TaskGroup() as tasks:
                    one = tasks.create_task(store.remember(f"{n}", b"a", at=NOON))
                    two = tasks.create_task(another.remember(f"{n}", b"b", at=NOON))
                assert one.result() == two.result()
                async with asyncio.TaskGroup() as tasks:
                    first = tasks.create_task(store.put("tool", "t", b"a%d" % n))
                    second = tasks.create_task(another.put("tool", "t", b"b%d" % n))
                assert {first.result(), second.result()} == {2 * n + 1, 2 * n + 2}
        finally:
            await another.close()

    async def test_a_rest_does_not_go_over_what_another_process_has_written(
        self, store: Store, another: Store
    ) -> None:
        await another.open()
        try:
            await keep_all(store, [row(0)])
            await keep(another, row(1), record=record(status="completed"))

            with pytest.raises(LogMoved, match="ends at seq 1, not at 0"):
                await rest(store, record(due=later(1)), at=0)
            assert await store.record(RUN) == record(status="completed")
        finally:
            await another.close()

    async def test_a_run_that_another_process_has_forgotten_may_begin_anew(
        self, store: Store, another: Store
    ) -> None:
        await another.open()
        try:
            for name in "abc":
                await run_of(store, record(name, status="completed"), row(0), row(1))
            assert set(await another.forget([RunId(name) for name in "abc"])) == set("abc")
            await run_of(another, record("other"), row(0, word="o"))

            with pytest.raises(LogMoved):
                await keep(store, row(2), run_id="a")
            with pytest.raises(LogMoved):
                await rest(store, record("a", due=later(1)), at=1)
            assert await is_gone(store, "a")
            await run_of(store, record("a"), row(0, word="n"), row(1, word="o"))
            news = News()  # and in one go with others
            for name in "bc":
                begun = record(name)
                store.append(
                    RunId(name),
                    row(0, word="n"),
                    expected=BEGINNING,
                    kept=news.of(name),
                    record=begun,
                )
            assert all(error is None for _, error in await news.all())

            assert await words(store, "a") == await words(another, "a") == "no"
            assert await words(another, "b") == await words(another, "c") == "n"
            assert await words(store, "other") == "o"
            assert [each.run_id for each in await another.runs()] == ["other", "c", "b", "a"]
            assert list(await store.orphans()) == []
        finally:
            await another.close()

    async def test_an_origin_is_not_forgotten_while_another_process_forks_it(
        self, store: Store, another: Store
    ) -> None:
        await another.open()
        try:
            for n in range(20):
                name, of = f"fork-{n}", f"origin-{n}"
                await run_of(store, record(of, status="failed"), row(0, word="o"))
                async with asyncio.TaskGroup() as tasks:
                    forgetting = tasks.create_task(another.forget([RunId(of)]))
                    with suppress(LogMoved):
                        await fork(store, name, of, 0, row(1, word="f"))
                gone = await is_gone(store, of)
                assert bool(forgetting.result()) == gone
                assert await words(another, name) == ("" if gone else "of")
        finally:
            await another.close()
