"""Which runs go when a store is pruned, whatever store it is."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from engine import Engine
from engine.errors import InvalidValue, NotFound
from engine.ids import RunId, Seq
from engine.retention import PAGE, Pruned, Retention, prune
from engine.store import Origin
from engine.stores.memory import MemoryStore
from engine.stores.sqlite import SQLiteStore
from tests.stores.conformance import NOON, completed, names, record, row, run_of, words

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from datetime import datetime
    from pathlib import Path

    from engine.store import Status, Store

DAY = timedelta(days=1)
NOW = NOON + 100 * DAY


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Store, None]:
    store: Store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "runs.db")
    await store.open()
    yield store
    await store.close()


def day(n: float) -> datetime:
    return NOON + n * DAY


async def ended(  # noqa: PLR0913  # what runs differ by
    store: Store,
    name: str,
    began: float,
    *,
    status: Status = "completed",
    graph: str = "g",
    of: tuple[str, int] | None = None,
) -> None:
    """Keep a run that ended when it began, on a day."""
    origin = None if of is None else Origin(RunId(of[0]), Seq(of[1]))
    given = record(name, began=day(began), status=status, graph=graph, origin=origin)
    await run_of(store, given, row(0 if of is None else of[1] + 1, word=name))


async def pruned(store: Store, retention: Retention, *, now: datetime = NOW) -> Pruned:
    """Prune, and see that a dry run had said what comes of it, and had changed nothing."""
    before = await names(store)
    said = await prune(store, retention, now=now, dry_run=True)
    assert await names(store) == before
    done = await prune(store, retention, now=now)
    assert (said.dry_run, done.dry_run) == (True, False)
    assert (said.removed, said.needed, said.oldest) == (done.removed, done.needed, done.oldest)
    assert list(await store.orphans()) == []
    return done


async def test_runs_go_that_ended_long_ago(store: Store) -> None:
    for n, name in enumerate("abcd"):
        await ended(store, name, 20 * n)
    last = await store.runs(limit=1)

    done = await pruned(store, Retention(age=60 * DAY))

    assert await names(store) == "dc"
    assert (done.removed, done.needed, done.oldest) == (2, 0, day(40))
    assert list(await store.runs(limit=1)) == list(last)


async def test_it_matters_when_a_run_ended_and_not_when_it_began(store: Store) -> None:
    long = record("long", began=day(0))
    await run_of(store, long)
    ending = record("long", began=day(90), status="completed")  # what it began with stays
    await run_of(store, ending, row(1))
    await ended(store, "x", 10)

    done = await pruned(store, Retention(age=30 * DAY))

    assert await names(store) == "long"
    assert (done.removed, done.oldest) == (1, day(0))


async def test_of_those_that_may_go_the_latest_of_each_graph_stay(store: Store) -> None:
    for n in range(4):
        await ended(store, f"{n}", n, graph="one")
    for n in range(4, 6):
        await ended(store, f"{n}", n, graph="two")
    await run_of(store, record("r", began=day(7), graph="one"))

    done = await pruned(store, Retention(keep=3))

    assert await names(store) == "r54321"
    assert (done.removed, done.oldest) == (1, day(1))


async def test_what_is_young_stays_and_so_do_the_latest(store: Store) -> None:
    for n in range(6):
        await ended(store, f"{n}", 10 * n)

    await pruned(store, Retention(age=75 * DAY, keep=2))
    assert await names(store) == "543"
    await pruned(store, Retention(age=5 * DAY, keep=2))
    assert await names(store) == "54"
    await pruned(store, Retention(keep=0))
    assert await names(store) == ""


@pytest.mark.parametrize("retention", [Retention(keep=0), Retention(age=timedelta())], ids=str)
async def test_what_has_not_ended_stays(store: Store, retention: Retention) -> None:
    await run_of(store, record("r", began=day(0)))
    await run_of(store, record("p", began=day(0), status="paused"))
    for status in ("completed", "failed", "cancelled"):
        await ended(store, status[:2], 0, status=status)

    done = await pruned(store, retention)

    assert await names(store) == "rp"
    assert (done.removed, done.oldest) == (3, None)


async def test_only_runs_of_the_graph_that_is_named_go(store: Store) -> None:
    for n, name in enumerate("abc"):
        await ended(store, name, n, graph="one")
        await ended(store, name.upper(), n, graph="two")
    await store.remember("k", b"x", at=day(0))

    done = await pruned(store, Retention(age=DAY, graph="one"))

    assert await names(store) == "CBA"
    assert (done.removed, done.answers, done.oldest) == (3, 0, None)
    assert await store.answer("k") == b"x"


async def test_an_origin_stays_as_long_as_a_fork_that_stays(store: Store) -> None:
    await ended(store, "a", 0)
    await ended(store, "b", 1, of=("a", 0))
    await ended(store, "c", 2, of=("b", 1))
    await ended(store, "d", 90, of=("b", 1))
    await ended(store, "e", 3)
    await ended(store, "f", 4, of=("e", 0))

    done = await pruned(store, Retention(age=30 * DAY))

    assert await names(store) == "dba"
    assert await words(store, "d") == "abd"
    assert (done.removed, done.needed, done.oldest) == (3, 2, day(0))
    again = await pruned(store, Retention(keep=0))
    assert (again.removed, again.needed, again.oldest) == (3, 0, None)


async def test_an_origin_stays_as_long_as_a_fork_that_has_not_ended(store: Store) -> None:
    await ended(store, "a", 0)
    await run_of(
        store, record("f", began=day(1), origin=Origin(RunId("a"), Seq(0))), row(1, word="f")
    )

    done = await pruned(store, Retention(keep=0))

    assert (done.removed, done.needed) == (0, 1)
    assert await words(store, "f") == "af"


async def test_answers_go_with_the_runs_of_their_time(store: Store) -> None:
    for n in range(4):
        await store.remember(f"{n}", b"x", at=day(30 * n))

    done = await pruned(store, Retention(age=45 * DAY))

    assert done.answers == 2
    assert [await store.answer(f"{n}") for n in range(4)] == [None, None, b"x", b"x"]
    assert (await pruned(store, Retention(keep=0))).answers == 0


async def test_many_pages_are_pruned_in_one_go(store: Store) -> None:
    async with asyncio.TaskGroup() as tasks:
        for n in range(2 * PAGE + 7):
            tasks.create_task(ended(store, f"{n:04}", n // 100))

    done = await pruned(store, Retention(keep=5))

    assert done.removed == 2 * PAGE + 2
    assert [each.run_id for each in await store.runs()] == [
        f"{2 * PAGE + n:04}" for n in (6, 5, 4, 3, 2)
    ]


async def test_a_run_goes_that_ends_while_others_prune(store: Store) -> None:
    for n in range(300):
        await ended(store, f"{n}", 0)

    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(prune(store, Retention(keep=0), now=NOW)) for _ in range(3)]
        await run_of(store, record("r"), row(0))
        await run_of(store, record("r", status="completed"), row(1))

    assert sum(each.result().removed for each in asked) in (300, 301)
    await prune(store, Retention(keep=0), now=NOW)
    assert await names(store) == ""


async def test_what_was_given_back_is_counted(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "runs.db")
    await store.open()
    try:
        given = record("large", status="completed")
        await run_of(store, given, completed(0, {"x": "y" * 3_000_000}))
        full = await store.size()

        done = await pruned(store, Retention(keep=0))

        assert done.freed > 3_000_000
        assert await store.size() == full - done.freed
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "expected an age, or how many are to be kept"),
        ({"graph": "g"}, "expected an age, or how many are to be kept"),
        ({"keep": -1}, "expected nothing below 0, got -1"),
        ({"age": -DAY}, "expected nothing below 0:00:00, got -1 day"),
    ],
)
def test_a_retention_that_says_nothing_is_none(given: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidValue, match=message) as refused:
        Retention(**given)  # type: ignore[arg-type]  # that is what is tested
    assert refused.value.hint
    assert refused.value.path.startswith("retention")


async def test_of_a_run_that_was_removed_nobody_is_told_who_asks_for_another_of_its_name() -> None:
    async def greet(name: str) -> dict[str, str]:
        return {"greeting": f"Hello, {name}!"}

    async with Engine(tools=[greet]) as engine:
        graph = await engine.create({"nodes": ["greet"]})
        await engine.run(graph, {"name": "Ada"}, run_id="r")
        assert (await engine.prune(Retention(keep=0))).removed == 1
        with pytest.raises(NotFound):
            await engine.find("r")

        large = "Bob" * 100_000  # more than is kept in memory of a run that has ended
        await engine.run(graph, {"name": large}, run_id="r")

        state = await (await engine.find("r")).state()
        assert state["name"] == large
        assert (await (await engine.find("r")).result())["name"] == large
