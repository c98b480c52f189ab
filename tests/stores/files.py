"""What tests do to a store in a file, and to the file."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, TypeVar

from engine.ids import RunId, Seq
from engine.stores.sqlite.task import Ask
from tests.stores.conformance import (
    News,
    record,
    row,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from engine.stores.sqlite import SQLiteStore

Answer = TypeVar("Answer")


@contextmanager
def locked(path: Path) -> Generator[None, None, None]:
    """Hold the lock of a database as another program would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        yield
        foreign.execute("ROLLBACK")


async def until(holds: Callable[[], object]) -> None:
    """Let the loop turn until something holds; the test's time is the limit."""
    while not holds():  # noqa: ASYNC110  # a store says it to whoever asks, and to nobody else
        await asyncio.sleep(0.001)


def files(path: Path) -> list[str]:
    """Name what lies beside a database, itself included."""
    return sorted(each.name for each in path.parent.iterdir())


def content(path: Path) -> bytes:
    """Give what is in a file; nothing is in a folder."""
    return b"" if path.is_dir() else path.read_bytes()


async def in_writer(store: SQLiteStore, what: Callable[[sqlite3.Cursor], Answer]) -> Answer:
    """Do something in the thread that writes, between two groups."""
    assert store._writer is not None
    future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    store._writer.put(Ask(what, future))
    return await future


@contextmanager
def holding_up(store: SQLiteStore) -> Generator[None, None, None]:
    """Keep the thread that writes busy, so that everything handed over meanwhile waits."""
    assert store._writer is not None
    held_up, let_go = threading.Event(), threading.Event()

    def wait(_: sqlite3.Cursor) -> bool:
        held_up.set()
        return let_go.wait()

    store._writer.put(Ask(wait, asyncio.get_running_loop().create_future()))
    held_up.wait()
    try:
        yield
    finally:
        let_go.set()


def hand_over(store: SQLiteStore, news: News, runs: int, *, first: int = 0) -> None:
    """Hand over one batch each of many runs, at once."""
    for n in range(runs):
        name = f"run-{n}"
        store.append(
            RunId(name),
            row(first, run_id=name),
            expected=Seq(first - 1),
            kept=news.of(name),
            record=None if first else record(name),
        )


@contextmanager
def no_file_larger_than(size: int) -> Generator[None, None, None]:
    """Have the kernel refuse what this process writes beyond a size."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
