"""The loop of the laws: its time is virtual, its order is the seed's, and it never hangs."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.laws.host.loop import BEGAN, LoopClock, SeededLoop, Stuck

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from concurrent.futures import Executor


def on(loop: SeededLoop, main: Coroutine[Any, Any, Any]) -> Any:
    """Run something on a loop, and close the loop."""
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main)


async def order_of(count: int) -> list[int]:
    """Let tasks begin that are all ready at once; give the order in which they did."""
    began: list[int] = []

    async def begin(n: int) -> None:
        began.append(n)

    async with asyncio.TaskGroup() as group:
        for n in range(count):
            group.create_task(begin(n))
    return began


def test_what_is_ready_is_run_in_an_order_that_only_the_seed_decides() -> None:
    orders = [on(SeededLoop(seed), order_of(8)) for seed in range(20)]

    assert len({tuple(order) for order in orders}) == 20
    assert [on(SeededLoop(seed), order_of(8)) for seed in range(20)] == orders
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(8))}


def test_time_stands_still_until_nothing_is_ready_and_then_jumps() -> None:
    async def wait() -> list[float]:
        loop = asyncio.get_running_loop()
        times = [loop.time()]
        for seconds in (0, 0, 3600, 0.5):
            await asyncio.sleep(seconds)
            times.append(loop.time())
        return times

    began = time.monotonic()
    assert on(SeededLoop(1, began=7), wait()) == [7, 7, 7, 3607, 3607.5]
    assert time.monotonic() - began < 60


def test_timers_come_in_the_order_of_their_times_and_those_of_one_time_in_any() -> None:
    async def wait() -> list[int]:
        loop = asyncio.get_running_loop()
        came: list[int] = []
        for n in range(40):
            loop.call_later(n // 4, came.append, n)
        taken_back = loop.call_later(2.5, came.append, -1)
        taken_back.cancel()
        await asyncio.sleep(100)
        return came

    came = on(SeededLoop(3), wait())
    assert [n // 4 for n in came] == [n // 4 for n in range(40)]
    assert came != sorted(came)


def test_its_clock_tells_virtual_time() -> None:
    async def wait() -> float:
        clock = LoopClock(asyncio.get_running_loop())
        await asyncio.sleep(90)
        return (clock.now() - BEGAN).total_seconds()

    assert on(SeededLoop(0), wait()) == 90


@pytest.mark.parametrize("step", range(6))
def test_something_can_be_done_before_any_step(step: int) -> None:
    async def turn() -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    loop = SeededLoop(0)
    reached: list[int] = []
    loop.at_step(step, lambda: reached.append(loop.steps))
    on(loop, turn())

    assert reached == [step]


def test_a_program_that_waits_for_nothing_ends_in_an_error_that_names_who_waits() -> None:
    async def wait() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.Event().wait(), name="the forgotten one")

    with pytest.raises(Stuck, match="the forgotten one"):
        on(SeededLoop(0), wait())


def test_what_is_meant_for_a_thread_runs_inline() -> None:
    async def ask() -> int:
        return await asyncio.to_thread(threading.get_ident)

    async def fail() -> None:
        await asyncio.to_thread(int, "x")

    assert on(SeededLoop(0), ask()) == threading.get_ident()
    with pytest.raises(ValueError, match="invalid literal"):
        on(SeededLoop(0), fail())


def test_other_threads_are_refused() -> None:
    async def use(executor: Executor) -> None:
        await asyncio.get_running_loop().run_in_executor(executor, threading.get_ident)

    async def be_called_by_a_thread() -> str:
        loop = asyncio.get_running_loop()
        caught: list[str] = []

        def call() -> None:
            try:
                loop.call_soon_threadsafe(caught.append, "called")
            except RuntimeError as error:
                caught.append(str(error))

        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        await asyncio.sleep(0)
        return caught[0]

    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(RuntimeError, match="do not mix"),
    ):
        on(SeededLoop(0), use(executor))
    assert "do not mix" in on(SeededLoop(0), be_called_by_a_thread())


def test_what_asyncio_itself_is_made_of_works_in_any_order() -> None:
    async def use() -> list[object]:
        seen: list[object] = []
        queue: asyncio.Queue[int] = asyncio.Queue(1)

        async def produce() -> None:
            for n in range(5):
                await queue.put(n)

        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            seen += [await queue.get() for _ in range(5)]
        try:
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        except TimeoutError:
            seen.append("late")
        done, _ = await asyncio.wait({asyncio.ensure_future(asyncio.sleep(1, "slept"))})
        seen.append(done.pop().result())
        return seen

    for seed in range(50):
        assert on(SeededLoop(seed), use()) == [0, 1, 2, 3, 4, "late", "slept"]
