"""The page while a run goes on: thousands of entries, and connections that drop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from tests.api.browser import tab_of
from tests.api.conftest import begin, serving
from tests.api.page.conftest import COUNTING

if TYPE_CHECKING:
    import httpx2

    from engine import Engine
    from tests.api.browser import Tab
    from tests.api.page.conftest import Work


class Wire:
    """What is between a browser and a server, and can be cut."""

    def __init__(self, behind: str) -> None:
        self._behind = urlsplit(behind)
        self._open: set[asyncio.StreamWriter] = set()
        self._whole = True
        self.address = ""

    async def __aenter__(self) -> Self:
        """Lay it."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Take it away."""
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Break what is open, and let nothing through."""
        self._whole = False
        for writer in self._open:
            writer.transport.abort()

    def mend(self) -> None:
        """Let everything through again."""
        self._whole = True

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole:
            writer.transport.abort()
            return
        beyond = await asyncio.open_connection(self._behind.hostname, self._behind.port)
        both = {writer, beyond[1]}
        self._open |= both
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pour(reader, beyond[1]))
            group.create_task(self._pour(beyond[0], writer))
        self._open -= both

    async def _pour(self, source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                into.write(data)
                await into.drain()
        except ConnectionError:
            pass
        finally:
            into.close()


async def test_a_stream_that_drops_goes_on_without_a_hole_and_without_a_double(
    engine: Engine, browser: str, work: Work
) -> None:
    async with serving(engine) as behind, Wire(behind) as wire, tab_of(browser) as tab:
        run = await engine.start(await engine.create(COUNTING), {"most": 40})
        await tab.open(f"{wire.address}/#/runs/{run.id}")
        await tab.says(".going", "last")
        first = await tab.text(".trace .bar .quiet")

        wire.cut()
        await tab.says(".connection", "the connection was lost")
        work.may.set()
        await run.rest()
        wire.mend()
        await tab.click(".connection button", "now")
        await tab.says(".head .badge", "completed")
        last = await tab.text(".trace .bar .quiet")
        sockets = [each for each in tab.requests if "/ws/" in each]

    length = await run.last() + 1
    assert int(first.split()[0]) == length - 2
    assert int(last.split()[0]) == length
    assert "after=-1" in sockets[0]
    assert f"after={length - 3}" in sockets[-1]


async def test_of_thousands_of_entries_a_few_are_in_the_document_and_all_are_found(
    address: str, client: httpx2.AsyncClient, tab: Tab, work: Work
) -> None:
    work.may.set()
    asyncio.get_running_loop().set_debug(False)  # ten times slower, and here is much to do
    run_id = await begin(client, COUNTING, initial_state={"most": 2000})
    await tab.open(f"{address}/#/runs/{run_id}")
    await tab.says(".trace .bar", "6,005 entries")
    at_the_end = await tab.text(".entry:last-child")

    await tab.run("document.querySelector('.lines').focus()")
    await tab.press("Home")
    await tab.says(".entry[aria-selected=true]", "run.started")
    await tab.press("PageDown", "PageDown")
    await tab.until("document.querySelector('.entry[aria-selected=true]')?.dataset.seq > 3")
    lines = await tab.run("document.querySelectorAll('.entry').length")
    await tab.run(
        """(() => {
          const [node, kind] = document.querySelectorAll(".trace select");
          [node.value, kind.value] = ["last", "node."];
          kind.dispatchEvent(new Event("change"));
        })()"""
    )
    await tab.says(".trace .bar", "2 of 6,005 entries")

    assert "run.completed" in at_the_end
    assert 10 < lines < 100
    assert await tab.run("document.querySelectorAll('.entry').length") == 2
