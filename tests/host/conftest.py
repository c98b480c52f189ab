"""Every test here runs in asyncio's debug mode, and leaves neither task nor error behind."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@pytest.fixture(autouse=True)
async def _nothing_is_left() -> AsyncGenerator[None, None]:
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    before = asyncio.all_tasks()
    unheard: list[dict[str, object]] = []
    loop.set_exception_handler(lambda _, context: unheard.append(context))
    yield
    gc.collect(1)  # a task that failed complains when it goes, if nobody asked it why
    assert not unheard
    left = {task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()}
    assert not left
