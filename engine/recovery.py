"""Runs that are read again from their logs: to be looked at, driven on, or forked.

This module knows how a run is folded from what the store has, and what must be there for it
to go on. It does not know how runs are executed, nor when one that rests is due.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from engine.ask import ended
from engine.errors import EngineError, NotFound
from engine.ids import Seq
from engine.run import Run, apply
from engine.store import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Container

    from engine.catalog import Catalog
    from engine.clock import Clock
    from engine.graph import Graph
    from engine.host import Host
    from engine.ids import RunId
    from engine.store import RunRecord, Store

log: Final = logging.getLogger(__name__)

AT_ONCE: Final = 256
"""Rows that are read at a time, and folded before the loop has its turn."""


async def fold_log(store: Store, graph: Graph, run_id: RunId, at: int | None = None) -> Run:
    """Fold a run from its log, to its end or to the end of the batch that holds entry `at`.

    The loop has its turn between parts of the log, however long that is.

    Raises:
        NotFound: The log has no entry `at`.
    """
    run = Run(graph)
    reached = Seq(-1)
    while at is None or reached < at:
        rows = await store.read(run_id, reached, limit=AT_ONCE)
        for row in rows:
            if at is not None and row.first > at:
                break
            for entry in row.entries:
                apply(run, entry)
            reached = row.last
        if len(rows) < AT_ONCE:
            break
        await asyncio.sleep(0)
    if at is not None and not 0 <= at <= reached:
        raise NotFound(
            f"run '{run_id}' has no entry {at}",
            code="SEQ_NOT_FOUND",
            hint=f"its log has the entries 0 to {reached}",
            details={"run_id": run_id, "seq": at, "last": reached},
        )
    return run


class Recovery:
    """Lets a host drive on what has not ended.

    Args:
        store: Where the logs are.
        catalog: The graphs they are logs of.
        host: Who is to drive them.
        clock: Says what time it is.
        tools: The names of the tools there are.
        unasked: Whether runs are driven on that nobody has asked anything of.
    """

    def __init__(  # noqa: PLR0913  # the parts of an engine, most by name
        self,
        store: Store,
        catalog: Catalog,
        host: Host,
        *,
        clock: Clock,
        tools: Container[str],
        unasked: bool,
    ) -> None:
        self._tools = tools
        self.unasked: bool = unasked
        self._store = store
        self._catalog = catalog
        self._host = host
        self._clock = clock
        self._under_way: dict[RunId, asyncio.Event] = {}

    async def all_due(self) -> int:
        """Let every run go on that was cut short, now, and those that rest when they are due.

        A run whose graph, or a tool of it, is not here is left as it is, and said: it goes on
        when the graph is created again, with its tools. So is one whose log can't be folded.

        Returns:
            How many go on now.
        """
        return await self._host.watch(self._go_on) if self.unasked else 0

    async def of_graph(self, graph: Graph) -> int:
        """Let the runs of a graph go on that waited for it to be created; count them."""
        if not self.unasked:
            return 0
        count = 0
        after: RunRecord | None = None
        while records := await self._store.due(after=after):
            for record in records:
                assert record.due is not None  # noqa: S101  # or it would not be listed
                if record.due > self._clock.now():
                    return count
                if (record.graph, record.version) == (graph.name, graph.version):
                    count += await self._go_on(record)
            after = records[-1]
        return count

    async def follow(self, run_id: RunId, graph: Graph) -> None:
        """Let a run be driven here for somebody who only waits or reads, if that is wanted."""
        if self.unasked and not self._host.lost(run_id):
            await self.adopt(run_id, graph)

    async def adopt(self, run_id: RunId, graph: Graph) -> None:
        """Let a run be driven here, if it has not ended and is not driven already.

        However many ask at once, its log is read once.
        """
        while self._host.driven(run_id) is None:
            under_way = self._under_way.get(run_id)
            if under_way is not None:
                await under_way.wait()
                continue
            done = self._under_way[run_id] = asyncio.Event()
            try:
                # The record first: then it says no more than the log does.
                record = await self._store.record(run_id)
                run = await fold_log(self._store, graph, run_id)
                if record is None or run.status == "new" or ended(run):
                    return
                self._host.adopt(run, record)
            finally:
                del self._under_way[run_id]
                done.set()

    async def _go_on(self, record: RunRecord) -> bool:
        """Have a run adopted that is due; say so if it can't be.

        Raises:
            StoreUnavailable: Nothing can be read for now.
        """
        if self._host.driven(record.run_id) is not None:
            return False
        try:
            version = self._catalog.of_run(record.graph, record.version)
            lacking = {n.tool for n in version.graph.nodes.values() if n.tool not in self._tools}
            if lacking:
                log.warning(
                    "run '%s' waits for tools of graph '%s' that are not registered: %s",
                    record.run_id,
                    record.graph,
                    ", ".join(sorted(lacking)),
                )
                return False
            await self.adopt(record.run_id, version.graph)
        except NotFound as error:
            log.warning("run '%s' waits for its graph: %s", record.run_id, error)
            return False
        except StoreUnavailable:
            raise
        except EngineError as error:
            log.warning("run '%s' can't go on: %s", record.run_id, error)
            return False
        except Exception:  # one log that can't be read keeps no other run from going on
            log.exception("the log of run '%s' can't be read", record.run_id)
            return False
        return True
