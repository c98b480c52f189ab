"""What nobody can go below: the hop, the thread, the pause and the commit, bare.

This module knows asyncio and SQLite. It does not know the engine, which is measured against
what it finds, in the same round and the same process.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


async def queue_hop(hops: int = 6_000) -> float:
    """Give the CPU seconds of one message through an asyncio.Queue to a task that waits."""
    there: asyncio.Queue[int] = asyncio.Queue()
    back: asyncio.Queue[int] = asyncio.Queue()

    async def answer() -> None:
        for _ in range(hops // 2):
            back.put_nowait(await there.get())

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(answer())
        began = time.process_time()
        for i in range(hops // 2):
            there.put_nowait(i)
            await back.get()
        return (time.process_time() - began) / hops


async def task_hop(hops: int = 6_000) -> float:
    """Give the CPU seconds of a queue hop whose taker makes a task for each message.

    That is an actor without an engine: what no hop of ours can go below on this loop.
    """
    loop = asyncio.get_running_loop()
    queues: tuple[asyncio.Queue[int], ...] = (asyncio.Queue(), asyncio.Queue())
    done: asyncio.Future[None] = loop.create_future()

    async def work(me: int, count: int) -> None:
        if count == hops:
            done.set_result(None)
        else:
            queues[1 - me].put_nowait(count + 1)

    async def act(me: int) -> None:
        made: set[asyncio.Task[None]] = set()
        while True:
            count = await queues[me].get()
            if sys.version_info >= (3, 12):
                asyncio.Task(work(me, count), loop=loop, eager_start=True)
            else:
                task = loop.create_task(work(me, count))
                made.add(task)
                task.add_done_callback(made.discard)

    actors = [loop.create_task(act(me)) for me in range(2)]
    await asyncio.sleep(0)
    began = time.process_time()
    queues[0].put_nowait(0)
    await done
    took = time.process_time() - began
    for actor in actors:
        actor.cancel()
    await asyncio.wait(actors)
    return took / hops


async def thread_hop(hops: int = 300) -> float:
    """Give the CPU seconds of one function in a thread of a pool, there and back."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as pool:
        await loop.run_in_executor(pool, int)
        began = time.process_time()
        for _ in range(hops):
            await loop.run_in_executor(pool, int)
        return (time.process_time() - began) / hops


async def pause(seconds: float, *, tasks: int = 1) -> float:
    """Give the seconds that a number of tasks take to sleep, all at once."""
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(tasks):
            group.create_task(asyncio.sleep(seconds))
    return time.perf_counter() - began


def commit(path: Path, size: int, commits: int) -> float:
    """Give the seconds of a commit of one row of `size` bytes that outlives a power cut."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS bare (n INTEGER PRIMARY KEY, data BLOB)")
        row = bytes(size)
        began = time.perf_counter()
        for _ in range(commits):
            connection.execute("INSERT INTO bare (data) VALUES (?)", (row,))
        return (time.perf_counter() - began) / commits
    finally:
        connection.close()
