"""Every test here runs in asyncio's debug mode, and leaves no task, thread or error behind."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


EXCEPT: Final = ("awe-tool-", "asyncio_")
"""Threads that a test may leave: a tool in one can't be stopped, and asyncio keeps its own."""


@pytest.fixture(autouse=True)
async def _nothing_is_left() -> AsyncGenerator[None, None]:
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    before, threads_before = asyncio.all_tasks(), set(threading.enumerate())
    unheard: list[dict[str, object]] = []
    loop.set_exception_handler(lambda _, context: unheard.append(context))
    yield
    gc.collect(1)  # a task that failed complains when it goes, if nobody asked it why
    assert not unheard
    left = {task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()}
    assert not left
    threads = [each.name for each in threading.enumerate() if each not in threads_before]
    assert not [name for name in threads if not name.startswith(EXCEPT)]
