"""Whatever is inside is not reached, however it is spelt: a listener on loopback counts."""

# ruff: noqa: RUF001, S104  # letters that look like others, and 0.0.0.0, are what this is about

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING

import httpx2
import pytest

from engine import InvalidValue
from tests.tools_declared.declaring import FETCH, declaring, error_of, written
from tests.tools_declared.site import answer, listening, telling
from tools.http import Egress
from tools.http.addresses import inside
from tools.http.allowance import SETTING, Allowance

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.tools_declared.site import Names, Site

NAMES: dict[str, list[tuple[str, ...]]] = {
    "localhost": [("127.0.0.1",)],
    "foo.localhost": [("127.0.0.1",)],
    "localhost.localdomain": [("127.0.0.1",)],
    "localtest.me": [("127.0.0.1",)],
    "127.0.0.1.nip.io": [("127.0.0.1",)],
    "metadata.google.internal": [("169.254.169.254",)],
    "db.example.com": [("10.1.2.3",)],
    "half.example.com": [("8.8.8.8", "127.0.0.1")],
    "xn--bcher-kva.example": [("127.0.0.1",)],
}
"""What the names of these tests lead to."""

REFUSED, NOWHERE = "EGRESS_REFUSED", "HOST_NOT_FOUND"

HOSTS: dict[str, str] = dict.fromkeys(
    (
        "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001",
        "0x7f.0x0.0x0.0x1", "0x7f.1", "127.0x1", "0X7F.0.0.1", "0177.0.0.1", "0177.0.0.01",
        "00000177.0.0.1", "017700000001", "0", "0x0", "0.0.0.0", "00.0.0.0",
        "[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::]",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::FFFF:7F00:0001]",
        "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]", "[::7f00:1]", "[64:ff9b::127.0.0.1]",
        "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::1]",
        "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]",
        "localhost", "LOCALHOST", "LocalHost", "localhost.", "LOCALHOST.", "foo.localhost",
        "localhost.localdomain", "localtest.me", "LocalTest.Me.", "127.0.0.1.nip.io",
        "bücher.example", "metadata.google.internal", "db.example.com", "half.example.com",
        "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "localhost。",
        "169.254.169.254", "0xa9fea9fe", "2852039166", "10.0.0.1", "172.16.0.1", "192.168.0.1",
        "100.100.100.200", "168.63.129.16", "224.0.0.1", "255.255.255.255",
        "①②⑦.⓪.⓪.①", "１２７.０.０.１", "ⓛocalhost", "lo\u00adcalhost", "[fe80::1%25lo]",
        "[fe80::1%lo]", "[127.0.0.1]", "user@127.0.0.1", "example.com@127.0.0.1",
        "user:pass@localhost", "127.0.0.1\\@example.com", "example.com\\@127.0.0.1",
        "127%2e0%2e0%2e1", "%31%32%37.0.0.1", "127.0.0.1%00", "127.0.0.1%20", "127.0.0.1\t",
        "127.0.0.1\x00.example.com", "local\nhost", " 127.0.0.1",
    ),
    REFUSED,
) | dict.fromkeys(("127.0.0.1.", "1.2.3.4.5", "nowhere.example"), NOWHERE)  # fmt: skip
"""Spellings of hosts that are inside, or are none, and the code that each is refused with."""

URLS: dict[str, str] = dict.fromkeys(
    (
        "http:127.0.0.1:{port}/", "http:/127.0.0.1:{port}/", "http:///127.0.0.1:{port}/",
        "//127.0.0.1:{port}/", "127.0.0.1:{port}", " http://127.0.0.1:{port}/",
        "http://127.0.0.1:{port}:80/", "http://127.0.0.1:0x50/", "ftp://127.0.0.1:{port}/",
        "gopher://127.0.0.1:{port}/_GET", "file:///etc/passwd", "javascript:1",
        "data:text/plain,1", "HTTP://127.0.0.1:{port}", "http://127.0.0.1:{port}?@example.com/",
        "http://127.0.0.1:{port}#@example.com/", "http://", "",
    ),
    REFUSED,
)  # fmt: skip


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Names, None]:
    """Let this process look up names at a server of ours."""
    async with telling(NAMES) as (names, getaddrinfo):
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield names


@asynccontextmanager
async def loopback() -> AsyncGenerator[list[Site], None]:
    """Listen on loopback by each address it has, on one port."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(listening("127.0.0.1"))
        sites = [first]
        for host in ("127.0.0.2", "127.255.255.254", "::1"):
            try:
                sites.append(await stack.enter_async_context(listening(host, first.port)))
            except OSError:
                assert host == "::1", "a machine without IPv6 is all that may be missing here"
        yield sites


async def leads_to_loopback(host: str) -> bool:
    places = await asyncio.get_running_loop().getaddrinfo(host, 1)
    found = {ip_address(place[0]) for *_, place in places}
    return all(each.is_loopback or each.is_unspecified for each in found)


@pytest.mark.usefixtures("names")
async def test_no_spelling_of_an_internal_address_reaches_it() -> None:
    assert len(HOSTS) + len(URLS) >= 60
    async with loopback() as sites, declaring() as engine:
        port = sites[0].port
        given = {f"http://{host}:{port}/": code for host, code in HOSTS.items()}
        given |= {url.format(port=port): code for url, code in URLS.items()}
        await engine.tools.register(FETCH)

        codes: dict[str, str] = {}
        for url in given:
            trial = await engine.tools.attempt("fetch", {"url": url}, timeout=5)
            assert trial.error is not None, url
            assert trial.error.hint
            codes[url] = trial.error.code
        assert codes == given
        assert sum(site.connections for site in sites) == 0


@pytest.mark.usefixtures("names")
async def test_who_is_not_guarded_reaches_it_by_most_of_them() -> None:
    """Or the test before this one would say nothing."""
    async with loopback() as sites:
        reached = 0
        for host in HOSTS:
            async with httpx2.AsyncClient(trust_env=False, verify=False, timeout=1) as client:
                try:
                    url = httpx2.URL(f"http://{host}:{sites[0].port}/")
                    if not await leads_to_loopback(url.raw_host.decode()):
                        continue  # nobody but this machine is asked
                    await client.get(url)
                except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError):
                    continue
                reached += 1
        assert sum(site.connections for site in sites) >= reached >= 25


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "017700000001", "[::1]", "localhost",
        "[::ffff:127.0.0.1]", "localtest.me", "half.example.com", "user@127.0.0.1", "0",
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.usefixtures("names")
async def test_no_redirect_leads_inside(host: str, status: int) -> None:
    async with listening("127.0.0.1") as secret, listening("127.0.0.3") as public:
        to = f"http://{host}:{secret.port}/"
        public.pages["/"] = answer("elsewhere", status, Location=to)
        async with declaring("127.0.0.3") as engine:  # it stands for what is public
            error = await error_of(engine, FETCH, url=public.at("/"))

        assert (error.code, error.retryable) == (REFUSED, False)
        assert (public.connections, secret.connections) == (1, 0)


@pytest.mark.parametrize("place", ["//127.0.0.1:{port}/", "file:///etc/passwd"])
async def test_a_redirect_is_read_as_any_url(place: str) -> None:
    async with listening("127.0.0.1") as secret, listening("127.0.0.3") as public:
        to = place.format(port=secret.port)
        public.pages["/"] = answer("", 302, Location=to)
        async with declaring("127.0.0.3") as engine:
            error = await error_of(engine, FETCH, url=public.at("/"))

        assert (error.code, secret.connections) == (REFUSED, 0)


async def test_a_name_that_changes_its_address_is_asked_for_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changing = {"rebind.example": [("127.0.0.3",), ("127.0.0.1",)]}
    async with (
        listening("127.0.0.3") as public,
        listening("127.0.0.1", public.port) as secret,
        telling(changing) as (names, getaddrinfo),
        declaring("127.0.0.3") as engine,
    ):
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        url = public.at("/", host="rebind.example")

        # What was checked is what is connected to ...
        assert await written(engine, FETCH, url=url) == {"status": 200, "body": "you asked /"}
        assert names.asked == ["rebind.example"]
        assert public.asked[0].headers["host"] == f"rebind.example:{public.port}"
        # ... and what it leads to now is not.
        error = await error_of(engine, FETCH, url=url)
        assert (error.code, names.asked) == (REFUSED, 2 * ["rebind.example"])
        assert (public.connections, secret.connections) == (1, 0)


async def test_who_checks_a_name_and_then_connects_to_it_is_led_inside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or the test before this one would say nothing."""
    changing = {"rebind.example": [("127.0.0.3",), ("127.0.0.1",)]}
    async with (
        listening("127.0.0.1") as secret,
        telling(changing) as (_, getaddrinfo),
        httpx2.AsyncClient(trust_env=False, verify=False) as client,
    ):
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        checked = await asyncio.get_running_loop().getaddrinfo("rebind.example", secret.port)
        assert {place[0] for *_, place in checked} == {"127.0.0.3"}

        await client.get(secret.at("/", host="rebind.example"))
        assert secret.connections == 1


async def test_a_redirect_to_a_name_that_has_changed_is_looked_up_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changing = {"rebind.example": [("127.0.0.3",), ("127.0.0.1",)]}
    async with (
        listening("127.0.0.3") as public,
        listening("127.0.0.1", public.port) as secret,
        telling(changing) as (_, getaddrinfo),
        declaring("127.0.0.3") as engine,
    ):
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        public.pages["/"] = answer("", 302, Location="/again")
        error = await error_of(engine, FETCH, url=public.at("/", host="rebind.example"))

        assert error.code == REFUSED
        assert (public.connections, secret.connections) == (1, 0)


async def test_the_environment_names_no_way_around(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with listening("127.0.0.1") as proxy, listening("127.0.0.3") as public:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.at(""))
        async with declaring("127.0.0.3") as engine:
            await written(engine, FETCH, url=public.at("/"))
            assert (await error_of(engine, FETCH, url="http://127.0.0.1/")).code == REFUSED

        assert (public.connections, proxy.connections) == (1, 0)


# -- what is inside, and what is listed ---------------------------------------------------


@pytest.mark.parametrize(
    ("address", "is_inside"),
    [
        ("8.8.8.8", False), ("1.1.1.1", False), ("172.15.255.255", False), ("172.32.0.0", False),
        ("100.63.255.255", False), ("100.128.0.0", False), ("192.31.196.1", False),
        ("2606:4700::1111", False), ("2a00:1450::1", False), ("::ffff:8.8.8.8", False),
        ("64:ff9b::8.8.8.8", False),
        ("0.1.2.3", True), ("100.64.0.1", True), ("192.0.0.8", True), ("192.0.2.1", True),
        ("192.88.99.1", True), ("198.18.0.1", True), ("198.51.100.1", True),
        ("203.0.113.1", True), ("240.0.0.1", True), ("168.63.129.16", True),
        ("::", True), ("::1", True), ("::ffff:10.0.0.1", True), ("64:ff9b::10.0.0.1", True),
        ("64:ff9b:1::1", True), ("100::1", True), ("2001::1", True), ("2001:db8::1", True),
        ("2002:808:808::1", True), ("3fff::1", True), ("4000::1", True), ("5f00::1", True),
        ("fc00::1", True), ("fe80::1", True), ("2606:4700::1%lo", True), ("ff0e::1", True),
    ],
)  # fmt: skip
def test_only_what_is_known_to_be_of_the_internet_is_not_inside(
    address: str, is_inside: bool
) -> None:
    assert (inside(ip_address(address)) is not None) == is_inside


@pytest.mark.parametrize(
    ("entry", "host", "port", "address", "named", "covered"),
    [
        ("localhost", "localhost", 1, "127.0.0.1", True, False),
        ("LOCALHOST.", "localhost", 1, "127.0.0.1", True, False),
        ("localhost:80", "localhost", 80, "127.0.0.1", True, False),
        ("localhost:80", "localhost", 81, "127.0.0.1", False, False),
        ("example.com", "sub.example.com", 80, "10.0.0.1", False, False),
        ("10.1.0.0/16", "x", 80, "10.1.2.3", False, True),
        ("10.1.0.0/16", "x", 80, "10.2.2.3", False, False),
        ("127.0.0.1:80", "x", 80, "127.0.0.1", False, True),
        ("127.0.0.1:80", "x", 81, "127.0.0.1", False, False),
        ("::1", "x", 80, "::1", False, True),
        ("[::1]:80", "x", 80, "::1", False, True),
        ("[::1]:80", "x", 81, "::1", False, False),
        ("fd00::/8", "x", 80, "fd00::1", False, True),
        ("", "x", 80, "10.0.0.1", False, False),
    ],
)
def test_a_listed_host_is_meant_by_its_name_and_a_network_by_its_addresses(  # noqa: PLR0913, PLR0917
    entry: str, host: str, port: int, address: str, named: bool, covered: bool
) -> None:
    allowance = Allowance.read(f"{entry}, other.example.com")

    assert allowance.names(host, port) == named
    assert allowance.covers(ip_address(address), port) == covered


@pytest.mark.parametrize(
    "entry", ["http://localhost", "a b", "*", "10.1.0.0/33", "10.1.2.3/16", "127.1", "localhost:x"]
)
def test_a_list_that_can_not_be_read_keeps_the_server_from_starting(
    entry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTING, f"localhost,{entry}")

    with pytest.raises(InvalidValue, match=SETTING) as caught:
        Egress.from_environment()
    assert entry in caught.value.message
