"""A server that stops leaves nobody without an answer, and a client that leaves is no failure."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import httpx2

from .conftest import served, until

if TYPE_CHECKING:
    import pytest

    from engine import Engine

HALF = (
    b"POST /api/v1/graph/run HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
)


async def opened(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send half of a request."""
    host, _, port = address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(HALF)
    await writer.drain()
    return reader, writer


async def test_who_waits_for_a_run_is_told_how_it_is_when_the_server_stops(engine: Engine) -> None:
    async with served(engine) as (address, server):
        graph = await engine.create({"nodes": ["waits"]})
        wanted = {"graph_id": graph.graph_id, "run_id": "r", "initial_state": {}, "wait": 60}
        async with asyncio.TaskGroup() as group, httpx2.AsyncClient(base_url=address) as client:
            asked = group.create_task(client.post("/api/v1/graph/run", json=wanted, timeout=30))
            while not await engine.runs():  # noqa: ASYNC110  # nobody is told of it
                await asyncio.sleep(0.01)
            server.should_exit = True
            answer = await asked

    assert answer.status_code == 202
    assert answer.json()["status"] == "running"


async def test_half_a_request_is_answered_when_the_server_stops(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(engine) as (address, server):
        reader, writer = await opened(address)
        await until(lambda: any(each.cycle for each in server.server_state.connections))  # type: ignore[union-attr]  # HTTP alone is spoken here
        server.should_exit = True
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()

    assert head.startswith(b"HTTP/1.1 503 ")
    assert json.loads(body)["code"] == "BODY_CUT_SHORT"
    assert not [each for each in caplog.records if each.exc_info]


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_failure(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(engine) as (address, server):
        _, writer = await opened(address)
        await until(lambda: any(each.cycle for each in server.server_state.connections))  # type: ignore[union-attr]  # as above
        writer.transport.abort()
        await until(lambda: not server.server_state.tasks)

    assert not caplog.records
