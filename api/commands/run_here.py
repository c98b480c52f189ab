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
from api.commands import outcome, stoppable, trace
from api.commands.document import graph_in
from api.commands.embedded import engine_here, told
from api.commands.failure import INTERRUPTED, Failure
from api.commands.screen import clip, notes
from api.commands.server_client import USUAL
from engine import BEGINNING, Row, RunHandle, Seq

if TYPE_CHECKING:
    from rich.console import Console

    from api.commands.given import Beginning
    from api.commands.server_client import Object
    from api.commands.store import Place
    from engine import Engine, Graph, Report


def run(name: str, begin: Beginning, *, place: Place | None, watch: bool) -> int:
    """Run the graph in a file, and show how it ends; give the exit status.

    Args:
        name: The file.
        begin: What the run begins with.
        place: Where the run is kept; None: it is gone afterwards.
        watch: Whether to show its entries.

    Raises:
        Failure: It can't begin.
    """
    with told(name):
        # Other runs that are kept there are somebody else's to drive on.
        here = _Here(engine_here(place, recover=False), place)
        graph = graph_in(name, here.engine)
        try:
            return stoppable.run(here.drive(graph, begin, watch=watch))
        except KeyboardInterrupt:
            raise here.interrupted() from None


class _Here:
    """A run in this process, and what becomes of it where it is kept."""

    def __init__(self, engine: Engine, place: Place | None) -> None:
        self.engine = engine
        self._place = place
        self._run_id: str | None = None

    async def drive(self, graph: Graph, begin: Beginning, *, watch: bool) -> int:
        """Drive the run to its end, and show it; give the exit status."""
        async with self.engine as engine:
            run = await engine.start(graph, begin.state, run_id=begin.run_id, tags=begin.tags)
            self._run_id = run.id
            await (_watch(run) if watch else run.rest())
            snapshot = await run.snapshot()
            report = await run.report()
        can = f"can be done, when it is served ({self._place and self._place.served})"
        could = "could be done, had the run been kept (--store runs.db)"
        return outcome.show(
            run_id=run.id,
            status=snapshot.status,
            state=snapshot.state,
            report=None if report is None else _as_answered(report),
            server=None if self._place is None else USUAL,
            what=could if self._place is None else can,
        )

    def interrupted(self) -> BaseException:
        """Give the end of a command that was interrupted."""
        if self._place is None or self._run_id is None:
            return KeyboardInterrupt()
        return Failure(
            f"interrupted; run '{self._run_id}' goes on when {self._place} is served",
            hint=self._place.served,
            status=INTERRUPTED,
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
        clip(self._console, trace.line(said))


def _as_answered(report: Report) -> Object:
    """Write a report as the API answers it."""
    told = cast("Object", orjson.loads(msgspec.json.encode(report)))
    actions = msgspec.json.encode(requests_for(report.run_id, report.actions))
    return {**told, "actions": orjson.loads(actions)}
