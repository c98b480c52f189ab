"""What comes over the wire need not be a request; the answer is a problem document all the same."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from api.connection import MAX_HEAD

HOST = b"Host: localhost\r\n"


async def said(address: str, sent: bytes) -> tuple[int, dict[str, Any]]:
    """Send bytes, and give the status and the problem of what comes until the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
    writer.write(sent)
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
    body = await reader.readexactly(length)
    writer.close()
    assert "content-type: application/problem+json\r\n" in head
    assert "x-content-type-options: nosniff\r\n" in head
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"FOO / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno header\r\n\r\n",
        b"GET /a b HTTP/1.1\r\n\r\n",
        b"GET /\xc3\xa4 HTTP/1.1\r\n\r\n",
        b"GET http://localhost HTTP/1.1\r\n\r\n",
        b"GET http://localhost:x/ HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_said_to_be_none(address: str, sent: bytes) -> None:
    status, problem = await said(address, sent)

    assert (status, problem["status"], problem["code"]) == (400, 400, "BAD_HTTP")
    assert problem["hint"].startswith("speak plain HTTP/1.1")


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("pieces", [1, 20])
async def test_a_head_that_is_too_large_is_refused_however_it_comes(
    address: str, pieces: int, *, ended: bool
) -> None:
    value = b"x" * (MAX_HEAD + 1_000)
    sent = b"GET / HTTP/1.1\r\n" + HOST + b"A: " + value + (b"\r\n\r\n" if ended else b"")
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
    size = len(sent) // pieces + 1
    for begin in range(0, len(sent), size):
        writer.write(sent[begin : begin + size])
        await asyncio.sleep(0)
    answer = await reader.read()
    writer.close()

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "HEAD_TOO_LARGE"


async def test_a_head_that_is_just_not_too_large_is_read(address: str) -> None:
    value = b"x" * (MAX_HEAD - 1_000)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
    writer.write(b"GET /healthz HTTP/1.1\r\n" + HOST + b"A: " + value + b"\r\n\r\n")

    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_a_body_that_says_it_is_too_large_need_not_be_sent(address: str) -> None:
    head = b"POST /api/v1/graph/run HTTP/1.1\r\n" + HOST
    head += b"Content-Type: application/json\r\nExpect: 100-continue\r\n"
    for length in (2_000_000, 10**15):
        status, problem = await said(address, head + b"Content-Length: %d\r\n\r\n" % length)

        assert (status, problem["code"]) == (413, "BODY_TOO_LARGE")


STREAM = b"/api/v1/ws/workflow/x"
HANDSHAKE = {
    b"Host": b"localhost",
    b"Upgrade": b"websocket",
    b"Connection": b"Upgrade",
    b"Sec-WebSocket-Key": b"dGhlIHNhbXBsZSBub25jZQ==",
    b"Sec-WebSocket-Version": b"13",
}


def handshake(
    changed: dict[bytes, bytes] | None = None, *, path: bytes = STREAM, method: bytes = b"GET"
) -> bytes:
    """Write a handshake in which some headers are others, or missing where they are empty."""
    headers = {**HANDSHAKE, **(changed or {})}
    lines = [name + b": " + value for name, value in headers.items() if value]
    return b"\r\n".join([method + b" " + path + b" HTTP/1.1", *lines, b"", b""])


@pytest.mark.parametrize(
    ("sent", "status", "detail"),
    [
        (handshake({b"Sec-WebSocket-Key": b""}), 400, "'Sec-WebSocket-Key'"),
        (handshake({b"Sec-WebSocket-Version": b""}), 400, "'Sec-WebSocket-Version'"),
        (handshake({b"Sec-WebSocket-Version": b"8"}), 426, "'Sec-WebSocket-Version'"),
        (handshake({b"Host": b""}), 400, "Bad HTTP message"),
        (handshake({b"Host": b"\xff"}), 400, "Host"),
        (handshake(method=b"POST"), 400, "GET"),
    ],
)
async def test_a_handshake_that_is_none_is_told_what_it_lacks(
    address: str, sent: bytes, status: int, detail: str
) -> None:
    answered, problem = await said(address, sent)

    assert (answered, problem["status"], problem["code"]) == (status, status, "BAD_HANDSHAKE")
    assert detail in problem["detail"]
    assert problem["hint"].startswith("open it with a WebSocket client")


@pytest.mark.parametrize("lacking", [b"Upgrade", b"Connection"])
async def test_what_asks_for_no_upgrade_is_told_to(address: str, lacking: bytes) -> None:
    status, problem = await said(address, handshake({lacking: b""}))

    assert (status, problem["code"]) == (426, "UPGRADE_REQUIRED")
    assert problem["hint"]


@pytest.mark.parametrize("path", [b"/", b"/healthz", b"/api/v1/ws/workflow/x/y"])
async def test_a_handshake_for_an_address_that_there_is_not(address: str, path: bytes) -> None:
    status, problem = await said(address, handshake(path=path))

    assert (status, problem["status"], problem["code"]) == (404, 404, "NOT_FOUND")
    assert problem["instance"] == path.decode()
    assert problem["hint"] == "the stream of a run is at /api/v1/ws/workflow/{run_id}"


async def test_a_handshake_that_is_one_is_accepted(address: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
    writer.write(handshake())

    assert (await reader.readline()).startswith(b"HTTP/1.1 101 ")
    writer.close()
