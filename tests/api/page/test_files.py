"""GET / and /assets/{name}: the page as it is served."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import api

if TYPE_CHECKING:
    import httpx2

FILES = {file.name: file.read_text() for file in Path(api.__file__).with_name("page").iterdir()}

KINDS = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "html": "text/html"}

ELSEWHERE = (
    "/assets/",
    "/assets/nothing.js",
    "/assets/../page.py",
    "/assets/..%2fpage.py",
    "/assets/%2e%2e%2f%2e%2e%2fpyproject.toml",
    "/assets/%2fetc%2fpasswd",
    "/assets/..%5cpage.py",
    "/assets/main.js/more",
    "/assets/main.js%00.html",
)


async def test_the_page_is_html_that_executes_its_own_files_and_nothing_else(
    visitor: httpx2.AsyncClient,
) -> None:
    answer = await visitor.get("/")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'; ")
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert re.findall(r"<script[^>]*>([^<]*)</script>", answer.text) == [""]
    assert "<style" not in answer.text
    assert " style=" not in answer.text


async def test_a_file_is_given_once_and_then_only_if_it_has_changed(
    visitor: httpx2.AsyncClient,
) -> None:
    for name, text in FILES.items():
        path = f"/assets/{name}"
        first = await visitor.get(path)
        tag = first.headers["etag"]
        again = await visitor.get(path, headers={"If-None-Match": tag})
        weak = await visitor.get(path, headers={"If-None-Match": f'"another", W/{tag}'})
        other = await visitor.get(path, headers={"If-None-Match": '"another"'})

        assert first.headers["content-type"].startswith(KINDS[name.rpartition(".")[2]])
        assert first.text == other.text == text
        assert (again.status_code, weak.status_code, other.status_code) == (304, 304, 200)
        assert again.content == b""
        assert again.headers["etag"] == tag


async def test_no_other_file_is_given(address: str) -> None:
    host = urlsplit(address)
    for path in ELSEWHERE:
        reader, writer = await asyncio.open_connection(host.hostname, host.port)
        asked = f"GET {path} HTTP/1.1\r\nHost: {host.netloc}\r\nConnection: close\r\n\r\n"
        writer.write(asked.encode())  # as it stands: a client would tidy the path up
        answer = await reader.read()
        writer.close()

        assert answer.startswith(b"HTTP/1.1 404 "), path
        assert b"application/problem+json" in answer


def test_the_page_needs_nothing_but_its_own_files() -> None:
    for name, text in FILES.items():
        imported = re.findall(r'^import .*"(.+)";$|^} from "(.+)";$', text, re.MULTILINE)
        for path in (first or second for first, second in imported):
            assert path.removeprefix("./") in FILES, f"{name} imports {path}"
        assert set(re.findall(r"https?://[^\s\"'`)]+", text)) <= {"http://www.w3.org/2000/svg"}


def test_nothing_of_the_page_reads_text_as_markup() -> None:
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|Function\("
    for name, text in FILES.items():
        code = re.sub(r"//.*", "", text)
        assert not re.search(sinks, code), name
