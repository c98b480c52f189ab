"""Who may ask: no web page of another origin, nor one whose name was made to point here."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from api.app import create_app
from api.guard import HEADERS, HOSTS, ORIGINS
from api.openapi import OPERATIONS
from api.server import Server
from engine import Engine, installed_tools

from .conftest import RUNS, STATE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from api.operation import Operation

OURS = ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "localhost:9", "127.0.0.1:65535"]

FOREIGN = [
    "127.0.0.1:80.evil.example",
    "localhost:evil.example",
    "[::1].evil.example",
    "[::1]evil.example",
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil.example:8000",
    "127.0.0.2",
    "0.0.0.0",  # noqa: S104  # a name, not a binding
    "[::2]",
    "localhost.",
    "user@localhost",
    "",
]


async def asked(address: str, path: str = "/healthz", **headers: str) -> httpx2.Response:
    """Ask with just these headers."""
    async with httpx2.AsyncClient(base_url=address, verify=False) as client:
        return await client.get(path, headers=headers)


@asynccontextmanager
async def told(host: str | None) -> AsyncGenerator[str, None]:
    """Serve as if the server had been told to listen on a host."""
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    app = create_app(Engine(tools=installed_tools()), host=host)
    server = Server(app, host="127.0.0.1", port=0, listening=listening.set_result)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(server.serve())
        try:
            yield await listening
        finally:
            server.should_exit = True
            await running


@pytest.mark.parametrize("host", OURS)
async def test_a_name_of_this_machine_is_ours_whatever_the_port(address: str, host: str) -> None:
    assert (await asked(address, Host=host)).status_code == 200


@pytest.mark.parametrize("host", FOREIGN)
async def test_any_other_name_is_refused(address: str, host: str) -> None:
    answer = await asked(address, Host=host)

    assert (answer.status_code, answer.json()["code"]) == (421, "FOREIGN_HOST")
    assert answer.json()["hint"]


async def test_what_to_do_about_a_name_is_told(address: str) -> None:
    problem = (await asked(address, Host="Build-7.example:8000")).json()

    assert problem["detail"] == "'build-7.example' is no name of this server"
    assert problem["hint"] == (
        "ask http://127.0.0.1, or start the server with AWE_ALLOWED_HOSTS=build-7.example"
    )


@pytest.mark.parametrize("head", [b"", b"Host: localhost\r\nHost: evil.example\r\n"])
async def test_a_request_names_its_host_once(address: str, head: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
    writer.write(b"GET /healthz HTTP/1.1\r\n" + head + b"\r\n")

    assert (await reader.readline()).startswith(b"HTTP/1.1 421 ")
    writer.close()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
async def test_no_route_answers_a_page_of_another_origin(
    engine: Engine, client: httpx2.AsyncClient, operation: Operation
) -> None:
    path = operation.path.translate({ord("{"): None, ord("}"): None})
    headers = {"Origin": "http://evil.example"}
    answer = await client.request(operation.method.upper(), path, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "FOREIGN_ORIGIN")
    assert answer.json()["hint"] == (
        "if it is yours, start the server with AWE_ALLOWED_ORIGINS=http://evil.example"
    )
    assert await engine.runs() == []


@pytest.mark.parametrize("origin", ["null", "http://localhost:3000", "file://", "evil", ""])
async def test_another_port_and_no_origin_at_all_are_foreign(address: str, origin: str) -> None:
    answer = await asked(address, Origin=origin)

    assert (answer.status_code, answer.json()["code"]) == (403, "FOREIGN_ORIGIN")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_our_own_page_may_ask(address: str, scheme: str) -> None:
    own = address.replace("http", scheme, 1)

    assert (await asked(address, Origin=own)).status_code == 200


async def test_what_the_environment_allows_may_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOSTS, "awe.example, Other.example:8000")
    monkeypatch.setenv(ORIGINS, "https://page.example/, http://localhost:3000")
    async with told(None) as address:
        hosts = [await asked(address, Host=host) for host in ("awe.example:1", "other.example")]
        origins = [
            await asked(address, Origin=origin)
            for origin in ("https://page.example", "http://localhost:3000")
        ]
        refused = await asked(address, Origin="http://page.example")

    assert {answer.status_code for answer in (*hosts, *origins)} == {200}
    assert refused.status_code == 403
    assert not any(name.startswith("access-control-") for name in origins[0].headers)


async def test_the_host_that_the_server_was_told_is_its_own() -> None:
    async with told("box.example") as address:
        assert (await asked(address, Host="box.example:8000")).status_code == 200
        assert (await asked(address, Host="fox.example:8000")).status_code == 421


@pytest.mark.parametrize(
    ("host", "status"),
    [("192.168.1.7:8000", 200), ("[fe80::1]", 200), ("evil.example", 421), ("1.2.3", 421)],
)
async def test_a_server_that_listens_everywhere_is_asked_by_address(host: str, status: int) -> None:
    async with told("0.0.0.0") as address:  # noqa: S104  # it listens on 127.0.0.1 all the same
        assert (await asked(address, Host=host)).status_code == status


@pytest.mark.parametrize(
    ("headers", "code"),
    [({"Origin": "http://evil.example"}, 4403), ({"Origin": "null"}, 4403), ({}, 4404)],
)
async def test_a_socket_of_another_origin_is_accepted_and_closed(
    address: str, headers: dict[str, str], code: int
) -> None:
    url = f"{address.replace('http', 'ws')}/api/v1/ws/workflow/nobody"
    async with connect(url, additional_headers=headers) as reader:
        with pytest.raises(ConnectionClosed):
            await reader.recv()

    assert reader.close_code == code


async def test_a_socket_to_another_host_is_accepted_and_closed(address: str) -> None:
    port = int(address.rpartition(":")[2])
    url = f"ws://evil.example:{port}/api/v1/ws/workflow/nobody"
    async with connect(url, host="127.0.0.1", port=port) as reader:
        with pytest.raises(ConnectionClosed):
            await reader.recv()

    assert reader.close_code == 4421


@pytest.mark.parametrize(
    "path",
    ["/", "/docs", "/assets/page.css", "/healthz", "/nowhere", f"{RUNS}/x", f"{STATE}/x"],
)
async def test_every_answer_says_what_a_browser_may_do_with_it(address: str, path: str) -> None:
    headers = (await asked(address, path)).headers

    for name, _ in HEADERS:
        assert len(headers.get_list(name.decode())) == 1
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers
