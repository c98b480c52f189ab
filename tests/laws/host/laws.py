"""What every run on the engine keeps to, wherever it is cut off.

This module knows the laws, and when a program is stopped. How programs are run is in `world`,
how engine and model are compared in `live`.

- Under any order of callbacks, and with any store, a run does what the model does.
- The same seed is the same log, byte for byte.
- A program that is cancelled at any step leaves nothing behind, and whoever goes on with its
  store completes what it began. What was recorded as completed is not done again.
- A process that dies at any step loses nothing that it has told anybody.
- Whoever is cancelled while he waits for a run costs the run nothing.
- A run that was cancelled at any time and is retried ends as it would have, and calls nothing
  again that it had completed.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from engine import RunExists, RunId, RunOver
from engine.entry import NodeCompleted
from engine.host import DURABILITIES
from tests.laws.compare import differ
from tests.laws.graphs import case
from tests.laws.host.live import Forked
from tests.laws.host.stores import LateStore
from tests.laws.host.world import Setting, World, a_while, ending, the_same
from tests.laws.laws import OUTSIDE
from tests.laws.simulation import Mismatch, log

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from engine import Engine, RunHandle
    from tests.laws.furnish import Case
    from tests.laws.host.world import Ending

Waits: TypeAlias = Literal["start", "result", "rest", "tail"]
"""What somebody waits for who is cancelled alone."""

WAITS: Final[tuple[Waits, ...]] = ("start", "result", "rest", "tail")

MOST_CUTS: Final = 3


def check(seed: int) -> set[str]:
    """Keep the random graph of a seed to every law, on the engine.

    Raises:
        Mismatch: It breaks one.
    """
    return check_case(case(seed))


def check_case(tried: Case) -> set[str]:
    """Keep a graph to every law, under the schedule that it names."""
    seed = f"{tried.seed} {tried.schedule}"
    chance = Random(f"host {seed}")
    setting = Setting(
        runs=chance.choice((1, 1, 1, 2)),
        late=chance.random() < 0.5,
        durability=chance.choice(DURABILITIES),
        readers=chance.random() < 0.3,
        people=tried.flavour == "anything" and chance.random() < 0.3,
        parks=chance.random() < 0.3,
    )
    first = World(tried, seed, setting)
    again = World(tried, seed, setting, first.graph)
    try:
        first.run(first.embed)
        first.agree()
        happened = another_law(again, first, chance)
    except Exception:
        lives = [*first.lives.values(), *again.lives.values()]
        if any(live.too_long for live in lives):
            return {"cut"}
        raise
    return happened.union(
        {f"durability {setting.durability}"},
        {"a late store"} if setting.late else (),
        {"parks"} if setting.parks else (),
        *(live.happened for live in first.lives.values()),
    )


def another_law(again: World, first: World, chance: Random) -> set[str]:
    """Do the same once more, perhaps, and break it off; say what was done."""
    cuts = [chance.randrange(first.steps[0]) for _ in range(chance.randint(1, MOST_CUTS))]
    match chance.randrange(10):
        case 0:
            the_same_again(again, first)
            return {"the same again"}
        case 1 | 2 | 3:
            cancelled(again, cuts, first)
            return {"cancelled programs"}
        case 4 | 5 if again.setting.late:
            killed(again, cuts)
            return {"killed processes"}
        case 6:
            waits = chance.choice(WAITS)
            nobody_is_hurt(again, waits, cuts[0])
            return {f"a cancelled {waits}"}
        case 7:
            return retried(again, first, chance)
        case _:
            return set()


def the_same_again(again: World, first: World) -> None:
    """One seed is one log."""
    again.run(again.embed)
    for run_id, live in first.lives.items():
        the_same(f"the second log of {run_id}", again.lives[run_id].rows, live.rows)
    differ("steps", again.steps, first.steps)


def cancelled(world: World, cuts: list[int], whole: World | None = None) -> None:
    """Cancel a program at some steps, one after the other, and then let it go on to its end.

    Args:
        world: Where nothing has been run yet.
        cuts: At which steps, each counted from the beginning of a loop.
        whole: The same without cuts, for graphs that give the same under every schedule.
    """
    for cut in cuts:
        done = completed(world)
        before = len(world.calls)
        world.run(world.embed, lambda loop, task, cut=cut: loop.at_step(cut, task.cancel))
        nothing_again(world, done, before)
    done, before = completed(world), len(world.calls)
    world.run(world.embed)
    nothing_again(world, done, before)
    world.agree()
    if whole is not None and world.case.flavour == "lawful":
        for run_id, told in whole.told.items():
            seen = world.lives[run_id].model.seen | whole.lives[run_id].model.seen
            if OUTSIDE not in seen:
                the_same_end(f"the end of {run_id} after cuts", world.told[run_id], told)


def the_same_end(what: str, ours: Ending, theirs: Ending) -> None:
    """See that two schedules end a run alike; which of several failures is first, they decide."""
    differ(what, ours[0], theirs[0])
    if ours[0] == "completed":
        differ(what, ours[1], theirs[1])


def killed(world: World, cuts: list[int]) -> None:
    """Let a process die at some steps, and then go on with what its store has kept."""
    for cut in cuts:
        died(world, cut)
    done, before = completed(world), len(world.calls)
    world.run(world.embed)
    nothing_again(world, done, before)
    world.agree()


def died(world: World, cut: int) -> None:
    """Run a program whose process dies at a step: from then on nothing is kept."""
    store = world.store
    assert isinstance(store, LateStore)
    done, before = completed(world), len(world.calls)

    def plan(loop: Any, task: asyncio.Task[Any]) -> None:
        def die() -> None:
            store.die()
            task.cancel()

        loop.at_step(cut, die)

    world.run(world.embed, plan)
    nothing_again(world, done, before)
    rows = world.rows()
    for run_id, live in world.lives.items():
        nothing_is_lost(world, run_id, rows[run_id])
        if rows[run_id] != live.rows[: len(rows[run_id])]:
            message = f"the log of {run_id} has what was never decided"
            raise Mismatch(message)
        world.lives[run_id] = live.until(len(rows[run_id]))


def nothing_is_lost(world: World, run_id: RunId, rows: list[bytes]) -> None:
    """See that a log has everything that anybody was told of its run."""
    if run_id in world.acknowledged and not rows:
        message = f"the start of {run_id} was acknowledged, and is lost"
        raise Mismatch(message)
    if run_id in world.told:
        last, (status, _) = log(rows)[-1], world.told[run_id]
        if f"run.{status}" != type(last).__struct_config__.tag:
            message = f"{run_id} was said to have {status}, but its log ends with {last}"
            raise Mismatch(message)
    lines = [line for row in rows for line in row.split(b"\n")]
    if world.asked.get(run_id, -1) >= len(lines):
        message = f"{run_id} was asked something; entry {world.asked[run_id]} said so, and is lost"
        raise Mismatch(message)
    seen = world.lines[run_id]
    if seen != lines[: len(seen)]:
        message = f"a reader of {run_id} has seen {len(seen)} entries, {len(lines)} are kept"
        raise Mismatch(message)


def completed(world: World) -> set[tuple[RunId, int]]:
    """Give the activations that are recorded as completed."""
    rows = world.rows()
    return {
        (run_id, entry.activation)
        for run_id in world.lives
        for entry in log(rows[run_id])
        if isinstance(entry, NodeCompleted)
    }


def nothing_again(world: World, done: set[tuple[RunId, int]], before: int) -> None:
    """See that of what was completed nothing has been called since."""
    again = {(run_id, activation) for run_id, activation, _ in world.calls[before:]} & done
    if again:
        message = f"called again, though they were recorded as completed: {sorted(again)}"
        raise Mismatch(message)


def retried(world: World, whole: World, chance: Random) -> set[str]:
    """Cancel a run at some time, and retry it; say whether there was anything to retry."""
    name, retry = next(iter(world.lives)), RunId("retry")
    begun_before: list[int] = []

    async def program() -> None:
        async with world.engine() as engine:
            handle = await world.begun(engine, name)
            for _ in range(chance.randint(1, len(whole.calls) + 2)):
                await a_while(chance)
            try:
                await handle.cancel()
            except RunOver:
                return
            begun_before.append(len(world.calls))
            world.forks[retry] = Forked(world.lives[name])
            world.told[retry] = await ending(await handle.retry(run_id=retry))

    world.run(program)
    if not begun_before:
        return set()
    done = {(retry, activation) for run_id, activation in completed(world) if run_id == name}
    nothing_again(world, done, begun_before[0])
    for (run_id, activation), keys in world.keys.items():
        known = world.keys.get((name, activation), keys) if run_id == retry else keys
        if keys != known:
            message = f"activation {activation} has the key {keys} in the retry, and had {known}"
            raise Mismatch(message)
    live, other = world.lives[name], whole.lives[name]
    failing = live.run.failing is not None  # what had failed gets another attempt
    if world.case.flavour == "lawful" and not failing and OUTSIDE not in other.model.seen:
        the_same_end("the end of a retry", world.told[retry], whole.told[name])
    return {"a retried run"}


# ── those who wait ────────────────────────────────────────────────────────────────────────


def nobody_is_hurt(world: World, waits: Waits, cut: int) -> None:
    """Cancel somebody at a step who waits for a run; the run goes on to its end."""
    world.setting = replace(world.setting, readers=False, people=False)
    bystanders: list[asyncio.Task[Any]] = []
    world.run(
        lambda: beside(world, waits, bystanders),
        lambda loop, _: loop.at_step(cut, lambda: [each.cancel() for each in bystanders]),
    )
    world.agree()


async def beside(world: World, waits: Waits, bystanders: list[asyncio.Task[Any]]) -> None:
    """Run all runs, with somebody at each who waits for it."""

    async def wait_for(run_id: RunId) -> None:
        handle = await world.begun(engine, run_id)
        if waits == "start":
            return
        waiting: dict[str, Callable[[RunHandle], Coroutine[Any, Any, object]]] = {
            "result": ending,
            "rest": lambda handle: handle.rest(),
            "tail": read,
        }
        await waiting[waits](handle)

    async with world.engine() as engine:
        waiters = [asyncio.create_task(wait_for(name), name="bystander") for name in world.lives]
        bystanders += waiters
        await asyncio.wait(bystanders)
        for run_id, bystander in zip(world.lives, bystanders, strict=True):
            if not bystander.cancelled():
                bystander.result()
            world.told[run_id] = await ending(await begun_or_beginning(world, engine, run_id))


async def begun_or_beginning(world: World, engine: Engine, run_id: RunId) -> RunHandle:
    """Start a run, unless somebody who was cancelled has done it, or has it under way."""
    while True:
        try:
            return await world.begun(engine, run_id)
        except RunExists:
            await asyncio.sleep(0.01)


async def read(handle: RunHandle) -> None:
    """Read the whole log of a run, as it comes."""
    last = -1
    async for entry in handle.tail():
        differ("the next entry", entry.seq, last + 1)
        last = entry.seq
