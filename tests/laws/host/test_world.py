"""What the laws on the host would notice: each law is broken here once, on purpose."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest

from engine import RunId
from tests.laws.host.fixtures import FIXTURES, GRAPHS
from tests.laws.host.laws import cancelled, completed, killed, nothing_again
from tests.laws.host.stores import LateStore
from tests.laws.host.world import Setting, World
from tests.laws.simulation import Mismatch

LATE = Setting(late=True, readers=True)


def world_of(name: str, setting: Setting = LATE) -> World:
    """Make a world in which nothing of a fixture has been run yet."""
    return World(FIXTURES[name], 0, setting, GRAPHS[name])


def test_a_program_that_leaves_a_task_behind_is_noticed() -> None:
    world = world_of("a chain")

    async def careless() -> None:
        world.calls.clear()
        kept.append(asyncio.get_running_loop().create_task(asyncio.sleep(1), name="orphan"))

    kept: list[asyncio.Task[None]] = []
    with pytest.raises(Mismatch, match="orphan"):
        world.run(careless)


def test_a_program_that_leaves_a_timer_behind_is_noticed() -> None:
    async def careless() -> None:
        asyncio.get_running_loop().call_later(60, print)

    with pytest.raises(Mismatch, match="still has something to do"):
        world_of("a chain").run(careless)


def test_an_error_that_nobody_hears_of_is_noticed() -> None:
    async def fail() -> None:
        message = "unheard"
        raise ValueError(message)

    async def careless() -> None:
        await asyncio.wait([asyncio.get_running_loop().create_task(fail())])

    with pytest.raises(Mismatch, match="unheard"):
        world_of("a chain").run(careless)


def test_an_engine_that_nobody_leaves_is_noticed() -> None:
    world = world_of("a chain")

    async def careless() -> None:
        await world.engine().__aenter__()

    with pytest.raises(Mismatch, match="was never left"):
        world.run(careless)


def test_a_result_that_is_not_the_models_is_noticed() -> None:
    world = world_of("a diamond")
    world.run(world.embed)
    world.agree()
    world.told = dict.fromkeys(world.told, ("completed", {"log": []}))
    with pytest.raises(Mismatch, match="what was told of run-0"):
        world.agree()


def test_a_step_that_is_not_the_models_is_noticed() -> None:
    world = world_of("a diamond")
    complete = world.lives[RunId("run-0")].model.complete

    def forget(activation: Any, patch: dict[str, Any], *more: Any) -> None:
        complete(activation, {} if activation.node == "b" else patch, *more)

    world.lives[RunId("run-0")].model.complete = forget
    with pytest.raises(ExceptionGroup) as caught:
        world.run(world.embed)
    assert caught.group_contains(Mismatch, match="state of d")


class Forgetful(LateStore):
    """A store that said of a batch that it is kept, and has lost it after a crash."""

    def die(self) -> None:
        """Lose the last batch of each run, too."""
        super().die()
        for rows in self._logs.values():
            rows.pop()


def test_a_store_that_forgets_what_it_said_it_keeps_is_noticed() -> None:
    noticed = 0
    for step in range(5, 35):
        world = world_of("a chain")
        world.store = Forgetful(Random(step))
        try:
            killed(world, [step])
        except (Mismatch, ExceptionGroup):
            noticed += 1
    assert noticed > 10


def test_calling_what_was_completed_again_is_noticed() -> None:
    world = world_of("a chain")
    world.run(world.embed)
    done = completed(world)
    assert len(done) == 4
    nothing_again(world, done, len(world.calls))
    world.calls.append((*next(iter(done)), 2))
    with pytest.raises(Mismatch, match="called again"):
        nothing_again(world, done, len(world.calls) - 1)


def test_a_log_that_lacks_its_last_batch_is_noticed() -> None:
    world = world_of("a loop", Setting())
    cancelled(world, [20])
    for rows in world.store._logs.values():
        rows.pop()
    with pytest.raises(Mismatch, match="the log of run-0, at"):
        world.agree()
