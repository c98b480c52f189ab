"""A run that rests leaves the memory, and goes on when its time comes or somebody asks."""

from __future__ import annotations

import asyncio
import gc
import weakref
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from engine import Engine, MemoryStore, ToolError
from engine.hosts.local import rested
from tests.laws.host.loop import BEGAN, LoopClock, SeededLoop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from engine import RunHandle
    from engine.run import Run

HOUR = 3_600

LATER = {
    "name": "later",
    "nodes": {
        "call": {
            "tool": "call",
            "retry": {"max_attempts": 2, "delay": HOUR, "max_delay": HOUR, "jitter": 0},
        }
    },
}


class Calls:
    """A tool that fails the first time that a run calls it, and what it was asked."""

    def __init__(self) -> None:
        self.made: list[tuple[str, float]] = []

    async def call(self, me: str) -> None:
        """Fail, unless it is asked again."""
        loop = asyncio.get_running_loop()
        self.made.append((me, loop.time()))
        if sum(who == me for who, _ in self.made) == 1:
            raise ToolError("come again", code="BUSY")


class World:
    """A store, its tool, and the engines that live on it one after the other."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.calls = Calls()
        self.now = 0.0

    def live(self, program: Callable[[Engine], Awaitable[Any]], *, seed: int = 0) -> Any:
        """Run a program with an engine on a loop of its own, whose time is virtual."""
        loop = SeededLoop(seed, began=self.now)

        async def whole() -> Any:
            engine = Engine(tools=[self.calls.call], store=self.store, clock=LoopClock(loop))
            async with engine:
                return await program(engine)

        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            try:
                return runner.run(whole())
            finally:
                self.now = loop.time()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have every run leave as soon as it rests."""
    monkeypatch.setattr(rested, "RESTING", 0)
    yield
    gc.collect()


async def begun(engine: Engine, *names: str) -> list[RunHandle]:
    """Start runs, and let them come to rest."""
    runs = [await engine.start(LATER, {"me": name}, run_id=name) for name in names]
    await asyncio.sleep(1)
    return runs


async def until_over(engine: Engine) -> None:
    """Look now and then whether anything goes on; nobody waits for a run."""
    while await engine.runs(status=["running"]):  # noqa: ASYNC110  # nobody tells of all runs
        await asyncio.sleep(60)


@pytest.mark.usefixtures("_at_once")
def test_a_run_that_is_tried_again_in_an_hour_is_not_in_memory_until_then(world: World) -> None:
    async def program(engine: Engine) -> None:
        await begun(engine, "a", "b")
        assert not in_memory(engine)
        records = await world.store.due()
        assert [(each.run_id, each.status) for each in records] == [
            ("a", "running"),
            ("b", "running"),
        ]
        assert all(each.due and each.due > BEGAN + timedelta(seconds=HOUR - 1) for each in records)
        await until_over(engine)

    world.live(program)

    times = [when for _, when in world.calls.made]
    assert sorted(who for who, _ in world.calls.made[2:]) == ["a", "b"]
    assert HOUR <= times[2] < HOUR + 1


@pytest.mark.usefixtures("_at_once")
def test_nothing_of_a_parked_run_is_left_in_memory(world: World) -> None:
    async def program(engine: Engine) -> None:
        await begun(engine, "a")
        handle = await engine.find("a")
        await handle.patch({"seen": True})  # it is read again for this, and leaves again
        seen: list[weakref.ref[Run]] = []
        parts = engine._parts
        assert parts is not None
        run = parts.host.driven(handle.id)
        if run is not None:
            seen.append(weakref.ref(run))
            del run
        await asyncio.sleep(1)
        gc.collect()
        assert not in_memory(engine)
        assert all(each() is None for each in seen)

    world.live(program)


@pytest.mark.usefixtures("_at_once")
def test_a_parked_run_is_woken_after_a_restart_when_its_time_comes(world: World) -> None:
    world.live(lambda engine: begun(engine, "a", "b"))
    assert len(world.calls.made) == 2

    async def program(engine: Engine) -> None:
        assert not in_memory(engine)
        await until_over(engine)

    world.live(program)

    assert sorted(who for who, _ in world.calls.made[2:]) == ["a", "b"]
    assert HOUR <= world.calls.made[2][1] < HOUR + 1


@pytest.mark.usefixtures("_at_once")
def test_a_run_whose_time_came_while_nobody_was_there_goes_on_at_the_start(world: World) -> None:
    world.live(lambda engine: begun(engine, "a"))
    world.now += 2 * HOUR

    world.live(until_over)

    assert [when for _, when in world.calls.made][1] == pytest.approx(2 * HOUR + 1, abs=1)


@pytest.mark.usefixtures("_at_once")
def test_whoever_waits_for_a_run_keeps_it_and_whoever_asks_wakes_it(world: World) -> None:
    async def program(engine: Engine) -> None:
        (run,) = await begun(engine, "a")
        assert not in_memory(engine)
        assert (await run.snapshot()).waiting[0].reason == "retry"
        result = asyncio.get_running_loop().create_task(run.result())
        await asyncio.sleep(1)
        assert in_memory(engine) == ["a"]
        await run.skip({"done": True})
        assert await result == {"me": "a", "done": True}

    world.live(program)
    assert len(world.calls.made) == 1


@pytest.mark.usefixtures("_at_once")
def test_a_run_that_a_person_sent_on_before_its_time_is_not_taken_for_resting(
    world: World,
) -> None:
    async def program(engine: Engine) -> None:
        (run,) = await begun(engine, "a")
        await run.pause()
        await asyncio.sleep(1)
        assert [each.status for each in await world.store.due()] == []
        await run.patch({"seen": 1})
        await run.resume()
        await asyncio.sleep(1)
        (record,) = await world.store.due()
        assert record.status == "running"
        await until_over(engine)

    world.live(program)
    assert len(world.calls.made) == 2


@pytest.mark.usefixtures("_at_once")
def test_a_paused_run_leaves_and_its_deadline_comes_all_the_same(world: World) -> None:
    document = {**LATER, "name": "limited", "limits": {"deadline": 2 * HOUR}}

    async def program(engine: Engine) -> None:
        run = await engine.start(document, {"me": "a"}, run_id="a")
        await run.pause()
        await asyncio.sleep(1)
        assert not in_memory(engine)
        (record,) = await world.store.due()
        assert record.due == BEGAN + timedelta(seconds=2 * HOUR)
        while (record := await run.record()).status == "paused":  # noqa: ASYNC110  # as above
            await asyncio.sleep(60)
        assert (record.status, record.error) == ("failed", "DEADLINE_EXCEEDED")

    world.live(program)


def test_a_short_rest_is_taken_in_memory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rested, "RESTING", 0)
    document = {
        "nodes": {"call": {"tool": "call", "retry": {"max_attempts": 2, "delay": 1, "jitter": 0}}}
    }

    async def program(engine: Engine) -> None:
        run = await engine.start(document, {"me": "a"}, run_id="a")
        await asyncio.sleep(rested.SOON / 10)
        assert in_memory(engine) == ["a"]
        await run.result()

    world.live(program)


def test_so_many_that_rest_stay_and_the_others_leave(world: World) -> None:
    names = [f"r{number}" for number in range(rested.RESTING + 50)]

    async def program(engine: Engine) -> None:
        await begun(engine, *names)
        assert len(in_memory(engine)) == rested.RESTING
        assert len(await world.store.due(limit=1_000)) == len(names)
        await until_over(engine)

    world.live(program)
    assert sorted(who for who, _ in world.calls.made) == sorted(names * 2)


def in_memory(engine: Engine) -> list[str]:
    """List the runs that an engine has in its memory, and that have not ended."""
    parts = engine._parts
    assert parts is not None
    return sorted(parts.host._runs)  # type: ignore[attr-defined]
