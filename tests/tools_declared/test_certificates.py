"""Who proves whom he is, and who is believed."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from shutil import which
from typing import TYPE_CHECKING

import pytest

from engine import ToolError
from tests.tools_declared.site import answer, listening, telling
from tools.http import Egress, Sending
from tools.http.allowance import Allowance

if TYPE_CHECKING:
    from pathlib import Path


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for a name: for the server, and for whoever believes it."""
    if which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    pem, key = folder / "certificate.pem", folder / "key.pem"
    told = f"-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} -days 1"
    subprocess.run(
        ["openssl", "req", "-x509", *told.split(), "-addext", f"subjectAltName=DNS:{name}",
         "-out", str(pem), "-keyout", str(key)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem, key)
    return server, ssl.create_default_context(cafile=str(pem))


async def test_a_host_proves_its_name_though_its_address_is_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, believes = certificate(tmp_path, "api.example")
    shown: list[str | None] = []
    server.sni_callback = lambda _, name, __: shown.append(name)
    names = {"api.example": [("127.0.0.1",)], "other.example": [("127.0.0.1",)]}
    async with (
        listening(certificate=server) as site,
        telling(names) as (_, getaddrinfo),
    ):
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        egress = Egress(Allowance(["127.0.0.1"]), certificates=believes)
        url = site.at("/", "https", "api.example")

        got = await egress.send(Sending(method="GET", url=url, secret=True))
        assert (got.status, shown) == (200, ["api.example"])
        assert site.asked[0].headers["host"] == f"api.example:{site.port}"

        # The server hears that nobody believes it.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        for host in ("other.example", "127.0.0.1"):  # it is not their certificate
            with pytest.raises(ToolError) as caught:
                await egress.send(Sending(method="GET", url=site.at("/", "https", host)))
            assert (caught.value.code, caught.value.retryable) == ("CONNECTION_FAILED", False)
        with pytest.raises(ToolError) as caught:  # nor does the rest of the world believe it
            await Egress(Allowance(["127.0.0.1"])).send(Sending(method="GET", url=url))
        assert (caught.value.code, caught.value.retryable) == ("CONNECTION_FAILED", False)
        assert len(site.asked) == 1


async def test_no_redirect_leads_from_https_to_http(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, believes = certificate(tmp_path, "api.example")
    async with (
        listening(certificate=server) as site,
        listening() as plain,
        telling({"api.example": [("127.0.0.1",)]}) as (_, getaddrinfo),
    ):
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        site.pages["/"] = answer("", 302, Location=plain.at("/"))
        egress = Egress(Allowance(["127.0.0.1"]), certificates=believes)

        with pytest.raises(ToolError, match="from https") as caught:
            await egress.send(Sending(method="GET", url=site.at("/", "https", "api.example")))
        assert (caught.value.code, plain.connections) == ("EGRESS_REFUSED", 0)
