"""A real server on a free port, in this process and on the loop of the test."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx2
import pytest

from api.app import create_app
from api.server import Server
from engine import Engine, Json, ToolError, installed_tools, tool

from .contract import keeps

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

RUNS = "/api/v1/runs"
STATE = "/api/v1/graph/state"

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


class Weather:
    """What the tool `sail` depends on, and a test changes."""

    def __init__(self) -> None:
        self.fine = False
        self.sailed = 0

    async def sail(self, to: str) -> dict[str, Json]:
        """Sail, if the weather lets us."""
        if not self.fine:
            raise ToolError(f"a storm on the way to {to}", code="STORM", hint="wait for sun")
        self.sailed += 1
        return {"at": to}


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


@asynccontextmanager
async def client_of(address: str) -> AsyncGenerator[httpx2.AsyncClient, None]:
    """Give a client that holds every answer against the description of the API."""
    hooks = {"response": [keeps]}
    # Reading the certificates of the world takes 0.1 s, and nobody here needs one.
    plain = {"base_url": address, "verify": False, "timeout": 30, "event_hooks": hooks}
    async with httpx2.AsyncClient(**plain) as client:
        yield client


async def begin(client: httpx2.AsyncClient, graph: dict[str, Json], **told: Json) -> str:
    """Create a graph and start a run of it, and give its name as soon as it rests."""
    made = (await client.post("/api/v1/graph/create", json=graph)).json()
    wanted = {"graph_id": made["graph_id"], "initial_state": {}, "wait": 30, **told}
    answer = await client.post("/api/v1/graph/run", json=wanted)
    assert answer.is_success, answer.text
    return str(answer.json()["run_id"])


async def rested(client: httpx2.AsyncClient, run_id: str) -> dict[str, Json]:
    """Wait until a run has ended or is paused, and give its state."""
    while True:
        shown = (await client.get(f"{STATE}/{run_id}")).json()
        if shown["status"] != "running":
            return shown
        await asyncio.sleep(0.01)


@pytest.fixture
def weather() -> Weather:
    """Give the weather, which is foul."""
    return Weather()


@pytest.fixture
async def engine(weather: Weather) -> Engine:
    """Give the engine that is served."""
    return Engine(tools=[*installed_tools(), waits, fails, weather.sail])


@pytest.fixture
async def address(engine: Engine) -> AsyncGenerator[str, None]:
    """Serve, and give the address."""
    asyncio.get_running_loop().set_debug(True)
    async with serving(engine) as address:
        yield address


@pytest.fixture
async def client(address: str) -> AsyncGenerator[httpx2.AsyncClient, None]:
    """Give a client of the server."""
    async with client_of(address) as client:
        yield client
