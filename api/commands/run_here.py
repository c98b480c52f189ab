"""A run in an engine of this process.

This module knows how a run is driven to its end and looked at. It does not know how its
entries and its end are shown.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, cast

import msgspec
import orjson

from api.actions import requests_for
from api.commands import outcome, trace
from api.commands.document import graph_in
from api.commands.embedded import engine_here, told
from api.commands.screen import notes
from api.commands.server_client import USUAL
from engine import BEGINNING, Row, RunHandle, Seq

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from api.commands.given import Beginning
    from api.commands.server_client import Object
    from engine import Graph, Report


def run(name: str, begin: Beginning, *, path: Path | None, watch: bool) -> int:
    """Run the graph in a file, and show how it ends; give the exit status.

    Args:
        name: The file.
        begin: What the run begins with.
        path: The file that keeps the run; None: it is gone afterwards.
        watch: Whether to show its entries.

    Raises:
        Failure: It can't begin.
    """
    with told(name):
        graph = graph_in(name)
        return asyncio.run(_run(graph, begin, path, watch=watch))


async def _run(graph: Graph, begin: Beginning, path: Path | None, *, watch: bool) -> int:
    # Other runs that are kept there are somebody else's to drive on.
    async with engine_here(path, recover=False) as engine:
        run = await engine.start(graph, begin.state, run_id=begin.run_id, tags=begin.tags)
        if watch:
            await _watch(run)
        else:
            await run.rest()
        snapshot = await run.snapshot()
        report = await run.report()
        can = "can be done, when it is served (awe serve --store {path})"
        could = "could be done, had the run been kept (--store runs.db)"
        return outcome.show(
            run_id=run.id,
            status=snapshot.status,
            state=snapshot.state,
            report=None if report is None else _as_answered(report),
            server=None if path is None else USUAL,
            what=could if path is None else can.format(path=path),
        )


async def _watch(run: RunHandle) -> None:
    """Show the entries of a run until it has ended, or does not go on by itself."""
    shower = _Shower(notes())
    async with asyncio.TaskGroup() as group:
        showing = group.create_task(shower.follow(run))
        await run.rest()
        if (await run.snapshot()).status == "paused":  # the log has not ended, and stands still
            showing.cancel()
    await shower.catch_up(run)


class _Shower:
    """Shows entries, and knows which it has shown."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._seen: Seq = BEGINNING

    async def follow(self, run: RunHandle) -> None:
        """Show what there is, and what comes, until the log ends."""
        async with aclosing(run.frames()) as items:
            async for item in items:
                if isinstance(item, tuple):
                    self._show_row(*item)
                else:
                    self._show(msgspec.json.encode(item))

    async def catch_up(self, run: RunHandle) -> None:
        """Show what is there and was not shown."""
        last = await run.last()
        async with aclosing(run.lines(self._seen)) as lines:
            while self._seen < last:
                self._show(await anext(lines))
                self._seen = Seq(self._seen + 1)

    def _show_row(self, row: Row, seen: int) -> None:
        for line in row.data.split(b"\n")[seen:]:
            self._show(line)
        self._seen = row.last

    def _show(self, line: bytes) -> None:
        said = cast("Object", orjson.loads(line))
        self._console.print(trace.line(said), no_wrap=True, overflow="ellipsis")


def _as_answered(report: Report) -> Object:
    """Write a report as the API answers it."""
    told = cast("Object", orjson.loads(msgspec.json.encode(report)))
    actions = msgspec.json.encode(requests_for(report.run_id, report.actions))
    return {**told, "actions": orjson.loads(actions)}
