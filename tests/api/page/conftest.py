"""A page in a browser, a server behind it, and tools that go on when a test says so.

Whatever a test does in the tab, the page may complain of nothing, and ask no other host.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2
import pytest

from engine import Context, Engine, Json, ToolError, installed_tools
from tests.api.browser import NAMES, Tab, chromium, launched, tab_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

EVIL = '<img src=x onerror="window.evil=1"><script>window.evil=1</script>'

COUNTING = {
    "name": "counting",
    "nodes": {"n": "count", "last": "hold"},
    "edges": {"n": [{"when": "n < most", "to": "n"}, {"to": "last"}]},
    "entry": "n",
    "state": {"defaults": {"n": 0, "most": 3, "share": 1.0}},
    "limits": {"max_visits": 10_000},
}

VOYAGE = {
    "name": "voyage",
    "description": "Go there, whatever the weather.",
    "nodes": {"greet": None, "sail": {"retry": {"max_attempts": 2, "delay": 0.01}}},
    "edges": {"greet": "sail"},
    "state": {"defaults": {"name": "Ulysses", "to": "Ithaca"}},
}


class Work:
    """Tools that go on when the test says so."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.fine = False

    async def count(self, n: int) -> dict[str, Json]:
        """Count."""
        return {"n": n + 1}

    async def hold(self, context: Context) -> dict[str, Json]:
        """Wait until the test has seen enough."""
        while not self.may.is_set():  # who comes later has not heard what was said before
            context.progress(1, 4, f"<b>one</b> of {EVIL}")
            with suppress(TimeoutError):
                await asyncio.wait_for(self.may.wait(), 0.05)
        return {"held": EVIL}

    async def sail(self, to: str) -> dict[str, Json]:
        """Sail, if the weather lets us."""
        if not self.fine:
            raise ToolError(f"a storm on the way to {to}", code="STORM", hint="wait for sun")
        return {"at": to}

    async def fall(self) -> None:
        """Fail with words that are no good."""
        raise ToolError(EVIL, code="FELL", hint=EVIL)


@pytest.fixture
def work() -> Work:
    """Give the tools."""
    return Work()


@pytest.fixture
async def engine(work: Work) -> Engine:
    """Give the engine that is served."""
    return Engine(tools=[*installed_tools(), work.count, work.hold, work.sail, work.fall])


@pytest.fixture
async def visitor(address: str) -> AsyncGenerator[httpx2.AsyncClient, None]:
    """Give a client that asks for what is no part of the API, and so in no description."""
    async with httpx2.AsyncClient(base_url=address, verify=False) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Generator[str, None, None]:
    """Run a browser for all tests."""
    if chromium() is None:
        pytest.skip(f"there is no browser here: none of {', '.join(NAMES)}")
    with launched(tmp_path_factory.mktemp("profile")) as told_at:
        yield told_at


@pytest.fixture
async def tab(browser: str, address: str) -> AsyncGenerator[Tab, None]:
    """Give a tab; after the test, see that the page was content and stayed at home."""
    async with tab_of(browser) as tab:
        yield tab
        assert tab.complaints == []
        assert {urlsplit(each).netloc for each in tab.requests} == {urlsplit(address).netloc}
        assert await tab.run("window.evil") is None
