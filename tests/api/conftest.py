"""A real server on a free port, in this process and on the loop of the test."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx2
import pytest

from api.app import create_app
from api.server import Server
from engine import Engine, installed_tools, tool

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

HELLO = {
    "name": "hello",
    "edges": {"greet": "count_words"},
    "state": {"defaults": {"name": "world"}},
}


@tool
async def waits() -> None:
    """Wait for ever."""
    await asyncio.Event().wait()


@tool
async def fails() -> None:
    """Fail."""
    message = "no luck"
    raise ValueError(message)


@asynccontextmanager
async def served(engine: Engine) -> AsyncGenerator[tuple[str, Server], None]:
    """Serve an engine that has the graph `hello`, and give the address and the server."""
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    app = create_app(engine, graphs_to_create=[HELLO])
    server = Server(app, host="127.0.0.1", port=0, listening=listening.set_result)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(server.serve())
        try:
            yield await listening, server
        finally:
            server.should_exit = True
            await running


@asynccontextmanager
async def serving(engine: Engine) -> AsyncGenerator[str, None]:
    """Serve an engine that has the graph `hello`, and give the address."""
    async with served(engine) as (address, _):
        yield address


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something inside the server, which tells nobody of it."""
    while not holds():  # noqa: ASYNC110  # as said above
        await asyncio.sleep(0.01)


@pytest.fixture
async def engine() -> Engine:
    """Give the engine that is served."""
    return Engine(tools=[*installed_tools(), waits, fails])


@pytest.fixture
async def address(engine: Engine) -> AsyncGenerator[str, None]:
    """Serve, and give the address."""
    asyncio.get_running_loop().set_debug(True)
    async with serving(engine) as address:
        yield address


@pytest.fixture
async def client(address: str) -> AsyncGenerator[httpx2.AsyncClient, None]:
    """Give a client of the server."""
    async with httpx2.AsyncClient(base_url=address) as client:
        yield client
