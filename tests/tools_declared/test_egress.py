"""What becomes of a request on its way, and how far an answer is read."""

from __future__ import annotations

import asyncio
import gzip
import socket
import zlib
from typing import TYPE_CHECKING

import pytest

from engine import ToolError
from tests.tools_declared.sending import refused, sent
from tests.tools_declared.site import answer, listening, telling
from tools.http import Egress, Sending
from tools.http.allowance import Allowance

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tools_declared.site import Site

MIB = 1024 * 1024


# -- what is sent -------------------------------------------------------------------------


async def test_what_is_sent_is_what_was_said_and_nothing_else(site: Site) -> None:
    await sent(site, "/a?b=c", method="PUT", headers={"X-One": "1"}, content=b"hello")

    (asked,) = site.asked
    assert (asked.method, asked.path, asked.body) == ("PUT", "/a?b=c", b"hello")
    assert asked.headers == {
        "host": f"127.0.0.1:{site.port}",
        "accept-encoding": "gzip",
        "x-one": "1",
        "content-length": "5",
    }


async def test_an_answer_is_given_whatever_its_status(site: Site) -> None:
    site.pages["/"] = answer("gone", 410, X_One="1", x_two="2")
    got = await sent(site)

    assert (got.status, got.content, got.url) == (410, b"gone", site.at("/"))
    assert got.headers["x-one"] == "1"


async def test_a_port_below_1024_that_is_not_of_http_is_not_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with telling({"mail.example": [("8.8.8.8",)]}) as (_, getaddrinfo):
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        for port in (1, 22, 25, 79, 81, 442, 1023):
            with pytest.raises(ToolError, match=f"port {port} ") as caught:
                await Egress().send(Sending(method="GET", url=f"http://mail.example:{port}/"))
            assert caught.value.code == "EGRESS_REFUSED"


async def test_a_secret_is_not_told_without_https_but_to_what_is_listed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await sent(site, secret=True)).status == 200
    async with telling({"api.example": [("8.8.8.8",)]}) as (_, getaddrinfo):
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        with pytest.raises(ToolError, match="secret") as caught:
            await Egress().send(Sending(method="GET", url="http://api.example/", secret=True))
    assert caught.value.code == "EGRESS_REFUSED"


async def test_the_next_address_is_tried_if_one_can_not_be_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with (
        listening("127.0.0.3") as site,
        telling({"two.example": [("127.0.0.4", "127.0.0.3")]}) as (names, getaddrinfo),
    ):
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        egress = Egress(Allowance(["127.0.0.0/8"]))
        got = await egress.send(Sending(method="GET", url=site.at("/", host="two.example")))

        assert (got.status, names.asked) == (200, ["two.example"])


async def test_a_request_that_can_not_be_written_down_never_will_be(site: Site) -> None:
    error = await refused(site, headers={"X": "a\r\nb"})

    assert (error.code, error.retryable, site.asked) == ("CONNECTION_FAILED", False, [])


async def test_a_request_that_was_sent_is_not_sent_to_the_next_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with (
        listening("127.0.0.3") as breaks_off,
        listening("127.0.0.4", breaks_off.port) as other,
        telling({"two.example": [("127.0.0.3", "127.0.0.4")]}) as (_, getaddrinfo),
    ):
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        breaks_off.pages["/"] = b""
        egress = Egress(Allowance(["127.0.0.0/8"]))
        url = other.at("/", host="two.example")
        with pytest.raises(ToolError, match="can't be asked"):
            await egress.send(Sending(method="POST", url=url, content=b"pay"))

        assert (len(breaks_off.asked), other.connections) == (1, 0)


async def test_nobody_there_may_be_there_later() -> None:
    async with listening() as site:
        pass
    error = await refused(site)

    assert (error.code, error.retryable) == ("CONNECTION_FAILED", True)


# -- how far an answer is read ------------------------------------------------------------


async def test_an_answer_that_is_too_large_is_not_read_to_its_end(site: Site) -> None:
    drained = asyncio.Event()

    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        try:
            for _ in range(1_000):
                writer.write(b"x" * MIB)
                await writer.drain()
        except ConnectionError:
            drained.set()
            raise

    site.pages["/"] = endless
    error = await refused(site)

    assert (error.code, error.retryable) == ("ANSWER_TOO_LARGE", False)
    await asyncio.wait_for(drained.wait(), 10)


async def test_an_answer_that_says_that_it_is_too_large_is_not_read_at_all(site: Site) -> None:
    site.pages["/"] = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n"

    assert (await refused(site)).code == "ANSWER_TOO_LARGE"


async def test_the_size_of_a_body_that_does_not_come_is_none(site: Site) -> None:
    site.pages["/"] = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n"

    got = await sent(site, method="HEAD")
    assert (got.content, got.headers["content-length"]) == (b"", "100000000000")


async def test_an_answer_may_be_as_large_as_it_may_be(site: Site) -> None:
    site.pages["/"] = answer(b"x" * 1000)

    assert len((await sent(site, max_bytes=1000)).content) == 1000
    assert (await refused(site, max_bytes=999)).code == "ANSWER_TOO_LARGE"


def zeros(size: int) -> bytes:
    """Pack nothing but zeros, a thousandth of them."""
    packer = zlib.compressobj(9, wbits=31)
    pieces = [packer.compress(bytes(MIB)) for _ in range(size // MIB)]
    return b"".join(pieces) + packer.flush()


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", " GZIP "])
async def test_an_answer_is_unpacked(site: Site, encoding: str) -> None:
    site.pages["/"] = answer(gzip.compress(b"hello "), Content_Encoding=encoding)

    assert (await sent(site)).content == b"hello "


async def test_an_answer_of_several_packed_parts_is_unpacked(site: Site) -> None:
    packed = gzip.compress(b"hello ") + gzip.compress(b"") + gzip.compress(b"world")
    site.pages["/"] = answer(packed, Content_Encoding="gzip")

    assert (await sent(site)).content == b"hello world"


async def test_a_bomb_is_unpacked_no_further_than_it_may_be(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = zeros(64 * MIB)
    assert len(packed) < MIB
    made = 0
    real = zlib.decompressobj

    def counting(wbits: int) -> object:
        inner = real(wbits)

        class Counting:
            def __getattr__(self, name: str) -> object:
                return getattr(inner, name)

            def decompress(self, data: bytes, limit: int) -> bytes:
                nonlocal made
                got = inner.decompress(data, limit)
                made += len(got)
                return got

        return Counting()

    monkeypatch.setattr(zlib, "decompressobj", counting)
    site.pages["/"] = answer(packed, Content_Encoding="gzip")
    error = await refused(site)

    assert error.code == "ANSWER_TOO_LARGE"
    assert made == MIB + 1


async def test_a_bomb_that_unpacks_to_nothing_ends_as_well(site: Site) -> None:
    site.pages["/"] = answer(gzip.compress(b"") * 100_000, Content_Encoding="gzip")

    assert (await refused(site)).code == "ANSWER_TOO_LARGE"


@pytest.mark.parametrize(
    ("encoding", "content"),
    [("br", b"x"), ("gzip, gzip", b"x"), ("zstd", b"x"), ("gzip", b"no gzip at all")],
)
async def test_an_answer_that_can_not_be_unpacked_says_so(
    site: Site, encoding: str, content: bytes
) -> None:
    site.pages["/"] = answer(content, Content_Encoding=encoding)

    assert (await refused(site)).code == "ANSWER_UNREADABLE"


async def drips(writer: asyncio.StreamWriter) -> None:
    """Answer for ever, a byte at a time."""
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.01)


async def says_nothing(writer: asyncio.StreamWriter) -> None:
    """Leave whoever asks waiting, until he goes."""
    while not writer.is_closing():
        await asyncio.sleep(0.01)
        writer.write(b"")


async def leads_on(writer: asyncio.StreamWriter) -> None:
    """Lead to itself, after a while."""
    await asyncio.sleep(0.1)
    writer.write(answer("", 302, Location="/"))


@pytest.mark.parametrize("page", [drips, says_nothing, leads_on])
async def test_all_of_a_request_has_one_deadline(
    site: Site, page: Callable[[asyncio.StreamWriter], object]
) -> None:
    site.pages["/"] = page
    began = asyncio.get_running_loop().time()
    error = await refused(site, timeout=0.3)

    assert (error.code, error.retryable) == ("HTTP_TIMEOUT", True)
    assert asyncio.get_running_loop().time() - began < 10


@pytest.mark.parametrize(
    "said",
    [
        b"", b"\r\n", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    ],
)  # fmt: skip
async def test_an_answer_that_is_none_may_be_one_later(site: Site, said: bytes) -> None:
    site.pages["/"] = said
    error = await refused(site)

    assert (error.code, error.retryable) == ("CONNECTION_FAILED", True)


async def test_who_is_cancelled_leaves_no_connection_behind(site: Site) -> None:
    gone = asyncio.Event()

    async def waits(writer: asyncio.StreamWriter) -> None:
        asked.set()
        try:
            await drips(writer)
        finally:
            gone.set()

    asked = asyncio.Event()
    site.pages["/"] = waits
    async with asyncio.TaskGroup() as group:
        task = group.create_task(sent(site))
        await asked.wait()
        task.cancel()
    await asyncio.wait_for(gone.wait(), 10)
