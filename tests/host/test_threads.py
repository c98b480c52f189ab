"""Threads for plain tools: a few at a time, kept, and lost without harm."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING

import pytest

from engine.errors import NodeError
from engine.hosts.local.threads import Threads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

who: ContextVar[str] = ContextVar("who", default="nobody")


@pytest.fixture
async def threads() -> AsyncIterator[Threads]:
    """Give two threads."""
    made = Threads(2)
    yield made
    made.close()


class Gate:
    """A call that waits in its thread until it is let through."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.entered = asyncio.Event()
        self.open = threading.Event()

    def __call__(self) -> str:
        """Wait."""
        self.loop.call_soon_threadsafe(self.entered.set)
        self.open.wait(10)
        return threading.current_thread().name


def name_of_thread() -> str:
    """Say where it is."""
    return threading.current_thread().name


def tool_threads() -> set[threading.Thread]:
    """Give the threads of tools that are alive, of this test and of others."""
    return {each for each in threading.enumerate() if each.name.startswith("awe-tool")}


async def test_a_call_gives_what_its_function_returns_and_raises(threads: Threads) -> None:
    assert await threads.call(divmod_of, {"a": 7, "b": 2}) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await threads.call(divmod_of, {"a": 7, "b": 0})


def divmod_of(a: int, b: int) -> tuple[int, int]:
    """Divide."""
    return divmod(a, b)


async def test_a_thread_is_kept_for_the_next_call(threads: Threads) -> None:
    assert len({await threads.call(name_of_thread, {}) for _ in range(20)}) == 1


async def test_the_context_variables_of_the_caller_are_those_of_the_call(threads: Threads) -> None:
    who.set("Ada")
    assert await threads.call(who.get, {}) == "Ada"

    def change() -> None:
        who.set("Bob")

    await threads.call(change, {})
    assert who.get() == "Ada"


async def test_more_calls_than_threads_wait_in_order(threads: Threads) -> None:
    gates = [Gate(), Gate()]
    order: list[int] = []

    def note(i: int) -> None:
        order.append(i)

    async with asyncio.TaskGroup() as group:
        for gate in gates:
            group.create_task(threads.call(gate, {}))
            await gate.entered.wait()
        calls = [group.create_task(threads.call(note, {"i": i})) for i in range(5)]
        await asyncio.sleep(0)
        assert order == []
        gates[0].open.set()
        await asyncio.wait(calls)
        gates[1].open.set()
    assert order == [0, 1, 2, 3, 4]


async def test_calls_that_were_given_up_free_their_place_at_once(threads: Threads) -> None:
    gates = [Gate() for _ in range(10)]
    for gate in gates:  # five times as many as there are threads
        call = asyncio.get_running_loop().create_task(threads.call(gate, {}))
        await gate.entered.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    assert await threads.call(divmod_of, {"a": 7, "b": 2}) == (3, 1)
    for gate in gates:
        gate.open.set()


async def test_a_thread_whose_call_was_given_up_ends_with_it(threads: Threads) -> None:
    before = tool_threads()
    gate = Gate()
    call = asyncio.get_running_loop().create_task(threads.call(gate, {}))
    await gate.entered.wait()
    (mine,) = tool_threads() - before
    call.cancel()
    await asyncio.wait({call})
    assert await threads.call(name_of_thread, {}) != mine.name

    gate.open.set()
    await asyncio.to_thread(mine.join, 5)
    assert not mine.is_alive()


async def test_a_call_that_is_given_up_while_it_waits_is_never_made(threads: Threads) -> None:
    gates = [Gate(), Gate()]
    made: list[str] = []

    def make(what: str) -> None:
        made.append(what)

    async with asyncio.TaskGroup() as group:
        for gate in gates:
            group.create_task(threads.call(gate, {}))
            await gate.entered.wait()
        first = group.create_task(threads.call(make, {"what": "given up"}))
        group.create_task(threads.call(make, {"what": "wanted"}))
        await asyncio.sleep(0)
        first.cancel()
        for gate in gates:
            gate.open.set()
    assert made == ["wanted"]


async def test_whoever_watches_is_told_that_calls_hang(
    threads: Threads, caplog: pytest.LogCaptureFixture
) -> None:
    gates = [Gate() for _ in range(4)]
    for gate in gates:
        call = asyncio.get_running_loop().create_task(threads.call(gate, {}))
        await gate.entered.wait()
        call.cancel()
        await asyncio.wait({call})
        gate.open.set() if gate is gates[-1] else None

    told = [record.getMessage() for record in caplog.records]
    assert [text.split()[0] for text in told] == ["2", "4"]
    assert "Context.cancelled" in told[0]
    for gate in gates:
        gate.open.set()


async def test_nobody_is_told_of_calls_that_return_soon_in_any_case(
    caplog: pytest.LogCaptureFixture,
) -> None:
    threads, gate = Threads(1, brief=True), Gate()
    call = asyncio.get_running_loop().create_task(threads.call(gate, {}))
    await gate.entered.wait()
    call.cancel()
    await asyncio.wait({call})
    gate.open.set()
    threads.close()
    assert not caplog.records


async def test_closing_waits_for_no_call() -> None:
    before = tool_threads()
    threads = Threads(1)
    gate = Gate()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(threads.call(gate, {}))
        await gate.entered.wait()
        waiting = group.create_task(refused(threads))
        await asyncio.sleep(0)
        threads.close()
        await waiting
        await refused(threads)
        (mine,) = tool_threads() - before
        gate.open.set()
        assert await running == mine.name
    await asyncio.to_thread(mine.join, 5)
    assert not mine.is_alive()


async def refused(threads: Threads) -> None:
    """Make a call that is refused."""
    with pytest.raises(NodeError, match="threads have been closed") as error:
        await threads.call(name_of_thread, {})
    assert error.value.code == "WORKER_LOST"


async def test_idle_threads_end_when_all_are_closed() -> None:
    before = tool_threads()
    threads = Threads(3)
    await threads.call(name_of_thread, {})
    (mine,) = tool_threads() - before
    threads.close()
    await asyncio.to_thread(mine.join, 5)
    assert not mine.is_alive()


async def test_without_another_thread_calls_wait_for_those_there_are(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    async with asyncio.TaskGroup() as group:
        group.create_task(threads.call(gate, {}))
        await gate.entered.wait()
        monkeypatch.setattr(threading.Thread, "start", no_more)
        calls = [group.create_task(threads.call(name_of_thread, {})) for _ in range(3)]
        await asyncio.sleep(0)
        gate.open.set()
    assert len({call.result() for call in calls}) == 1


def no_more(_: threading.Thread) -> None:
    """Refuse a thread as the system does."""
    message = "can't start new thread"
    raise RuntimeError(message)


async def test_without_any_thread_a_call_is_an_error(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading.Thread, "start", no_more)
    with pytest.raises(NodeError, match="can't start new thread") as error:
        await threads.call(name_of_thread, {})
    assert error.value.code == "WORKER_LOST"


HANGING = """
import asyncio, faulthandler, threading
from engine.hosts.local.threads import Threads

async def main():
    threads = Threads()
    began = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang():
        loop.call_soon_threadsafe(began.set)
        threading.Event().wait()

    call = loop.create_task(threads.call(hang, {}))
    await began.wait()
    call.cancel()
    await asyncio.wait({call})
    threads.close()

print("loaded", flush=True)
faulthandler.dump_traceback_later(30, exit=True)
asyncio.run(main())
print("ended")
"""


# On a machine with ten times as much to do as it can, to load the engine takes 12 s. That is no
# time of ours: only what comes after it is, and a process that hangs then says where it does.
@pytest.mark.timeout(150)
def test_a_hanging_call_does_not_keep_the_process_from_ending() -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", HANGING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "loaded\n"
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (0, "ended\n", "")


async def test_two_thousand_calls_from_many_tasks_all_come_back(threads: Threads) -> None:
    async def calls(call: Callable[..., object]) -> int:
        return sum([int(str(await threads.call(call, {"a": n, "b": 1}))) for n in range(20)])

    def first(a: int, b: int) -> int:
        return a * b

    async with asyncio.TaskGroup() as group:
        found = [group.create_task(calls(first)) for _ in range(100)]
    assert {each.result() for each in found} == {190}
