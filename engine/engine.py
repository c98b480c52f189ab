"""The engine, as those who embed it hold it: graphs in, runs out.

This module knows which parts an engine has and how they are tied together. What each of them
does, it leaves to them.
"""

from __future__ import annotations

import os
import platform
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Self, TypeAlias, cast

from engine.audit import Audit
from engine.binding import Verdict, bind, judge
from engine.caches.memory import MemoryCache
from engine.catalog import Catalog, GraphVersion
from engine.clock import Clock, SystemClock
from engine.errors import EngineError
from engine.given import a_store, durable, mapping, no_graph, no_run
from engine.graph import Graph
from engine.handle import RunHandle
from engine.host import Durability, EngineClosed, RunExists
from engine.hosts.local import MOST_RUNS, LocalHost
from engine.ids import Json, RunId
from engine.inputs import Start
from engine.parts import Parts
from engine.recovery import Recovery
from engine.registry import Registry
from engine.retention import prune
from engine.run_names import run_name
from engine.snapshot_cache import SnapshotCache
from engine.store import RunFilter, unavailable
from engine.stores.memory import MemoryStore
from engine.tail import Tails

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime
    from types import TracebackType

    from engine.cache import Cache
    from engine.declaration import AnyToolKind
    from engine.entry import Breakpoint
    from engine.retention import Pruned, Retention
    from engine.store import RunRecord, Status, Store
    from engine.tool import ToolSource


AnyGraph: TypeAlias = "GraphVersion | Graph | Mapping[str, object] | str"
"""What can be run: what `Engine.create` gave, a graph or the document of one, or its name."""


class Engine:
    """Keeps graphs and executes runs of them, from `async with` to its end.

    On entering, runs that the store has and nobody drove to their end go on by themselves;
    on leaving, those that have not ended stay in the store as they are.

    Args:
        tools: Functions, tools, or modules of tools that the nodes of graphs may name.
        tool_kinds: The kinds of tools that may be declared (`engine.tools.register`).
        store: Where logs and graphs are kept; in memory unless another is given.
        clock: What time it is; the machine's unless another is given.
        cache: Keeps results of nodes with a `cache`; in memory unless another is given.
        durability: When the batches of runs are kept, unless a run is started with another.
        recover: False leaves runs that are under way in the store alone, until something is
            asked of one of them: for an engine beside the one that drives them.
        max_runs: How many may go on at once; to start more is refused (`Overloaded`).

    Raises:
        InvalidTool: A function can't be a tool, or two have one name.
        InvalidValue: There is no such durability.
    """

    def __init__(  # noqa: PLR0913  # the parts of an engine, each by name, each with a default
        self,
        *,
        tools: Iterable[ToolSource] = (),
        tool_kinds: Iterable[AnyToolKind] = (),
        store: Store | None = None,
        clock: Clock | None = None,
        cache: Cache | None = None,
        durability: Durability = "sync",
        recover: bool = True,
        max_runs: int = MOST_RUNS,
    ) -> None:
        self._store: Store = MemoryStore() if store is None else a_store(store)
        self.tools: Registry = Registry(
            [tools] if callable(tools) else tools, kinds=tool_kinds, store=self._store
        )
        self._clock: Clock = SystemClock() if clock is None else clock
        self._cache: Cache = MemoryCache() if cache is None else cache
        self._durability: Durability = durable(durability)
        self._recover = recover
        self._max_runs = max_runs
        self._catalog = Catalog(self._store)
        self._tails = Tails(self._store, live=self._is_driven)
        self._parts: Parts | None = None
        self._entered = False

    async def __aenter__(self) -> Self:
        """Open the store, and begin to execute runs.

        Raises:
            StoreInUse: Another engine drives the runs of this store.
            EngineError: The store can't be opened, or this engine was entered before.
        """
        if self._entered:
            raise EngineError("this engine was entered before", hint="make another: Engine(...)")
        self._entered = True
        await self._store.open()
        try:
            if self._recover:
                await self._store.claim(f"an engine of process {os.getpid()} on {platform.node()}")
            await self._catalog.load()
            await self.tools.load()
            host = LocalHost(
                store=self._store,
                tools=self.tools.pinned,
                clock=self._clock,
                cache=self._cache,
                appended=self._tails.grown,
                said=self._tails.said,
                watched=self._tails.watched,
                durability=self._durability,
                most=self._max_runs,
            )
            self._parts = Parts(
                host=host,
                store=self._store,
                tails=self._tails,
                clock=self._clock,
                snapshots=SnapshotCache(self._cache, self._store),
                recovery=Recovery(
                    self._store,
                    self._catalog,
                    host,
                    clock=self._clock,
                    tools=self.tools.ever,
                    unasked=self._recover,
                ),
            )
            await self._parts.recovery.all_due()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop all calls and wait for them; runs that have not ended stay as they are."""
        self._at_work()
        await self._leave()

    async def _leave(self) -> None:
        parts, self._parts = self._parts, None
        try:
            if parts is not None:
                await parts.host.close()
        finally:
            await self._store.close()

    def __del__(self) -> None:
        """Complain if nobody ended what was begun."""
        if getattr(self, "_parts", None) is not None:
            warnings.warn(f"{self!r} was never left", ResourceWarning, source=self, stacklevel=1)

    # -- graphs ---------------------------------------------------------------------------

    async def create(self, graph: Graph | Mapping[str, object]) -> GraphVersion:
        """Keep a graph, or the document of one, and bind its nodes to the tools they name.

        Under a name there are versions, numbered from 1. A graph that is there already keeps
        its number; a graph without a name gets one that follows from its content.

        Raises:
            InvalidGraph: The document is no graph, or a node names a tool that is not there.
            InvalidTool: The graph brings a function under the name of another tool.
        """
        made = graph if isinstance(graph, Graph) else Graph.parse(graph)
        if not made.name:
            made = made.named(f"graph-{made.version[:12]}")
        for function in made.tools.values():
            self.tools.add(function)
        bind(made, self.tools)
        recovery = self._at_work().recovery
        awaited = self._catalog.awaits(made) or bool(made.tools)
        version = await self._catalog.add(made)
        if awaited:  # runs of it in the store could not go on without its functions
            await recovery.of_graph(made)
        return version

    def graph(self, graph_id: str, version: int | None = None) -> GraphVersion:
        """Give a graph that was created, in its newest version unless one is named.

        Raises:
            NotFound: There is no such graph, or no such version of it.
        """
        return self._catalog.find(graph_id, version)

    def graphs(self) -> Sequence[GraphVersion]:
        """List the graphs that can be run, each in its newest version, by name."""
        return self._catalog.newest()

    def versions(self, graph_id: str) -> Sequence[int]:
        """Give the numbers of all versions of a graph, the newest last.

        Raises:
            NotFound: There is no such graph.
        """
        return self._catalog.numbers(graph_id)

    def judge(self, document: Mapping[str, object] | str | bytes, *, yaml: bool = False) -> Verdict:
        """Say what is wrong with a document, or JSON or YAML text of one; nothing is kept."""
        return judge(document, self.tools, yaml=yaml)

    # -- runs -----------------------------------------------------------------------------

    async def run(
        self,
        graph: AnyGraph,
        state: Mapping[str, object] | None = None,
        *,
        run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        durability: Durability | None = None,
    ) -> dict[str, Json]:
        """Run a graph to its end, and give the final state. Takes what `start` takes.

        A run that pauses has not ended: this waits until somebody resumes or cancels it.

        Raises:
            RunFailed: It failed; `error.report` says where, and on what.
            RunCancelled: It was cancelled.
        """
        run = await self.start(graph, state, run_id=run_id, tags=tags, durability=durability)
        return await run.result()

    async def start(  # noqa: PLR0913  # each by name, each but the graph with a default
        self,
        graph: AnyGraph,
        state: Mapping[str, object] | None = None,
        *,
        run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        breakpoints: Iterable[Breakpoint] = (),
        durability: Durability | None = None,
    ) -> RunHandle:
        """Begin a run; its start is in the log on return.

        Args:
            graph: What to run: what `create` gave, or the name of a graph, which means its
                newest version; a graph, or the document of one, is created first.
            state: What the run begins with; overlays the defaults of the graph.
            run_id: Its name, at most 128 of `A-Z a-z 0-9 . _ : -`; made up if left out.
            tags: For whoever looks for it later.
            breakpoints: Where it pauses.
            durability: When its batches are kept; that of the engine if left out. A run that
                goes on after a restart has that of the engine.

        Raises:
            NotFound: There is no graph of that name.
            InvalidGraph: The document is no graph, or names a tool that is not there.
            RunExists: There is a run of that name.
            InvalidValue: The state, or the name, can't be one, or it is no graph that
                `create` gave.
            NotApplicable: A breakpoint names no node, or its condition does not compile.
        """
        parts = self._at_work()
        version = await self._version(graph)
        name = run_name(run_id)
        if run_id is not None and await self._store.last(name) is not None:
            raise RunExists(name)  # even if it began with just this, in this very microsecond
        begin = Start(
            at=self._clock.now(),
            run_id=name,
            # What a value may be is checked at the door of the core.
            state=mapping(state, "state"),
            tags=dict(tags or {}),
            breakpoints=tuple(breakpoints),
            tools=self.tools.pins(version.graph),
        )
        chosen = self._durability if durability is None else durable(durability)
        await parts.host.start(version.graph, begin, durability=chosen)
        return RunHandle(name, version, parts)

    async def _version(self, graph: object) -> GraphVersion:
        """Find what is to be run; whoever has no type checker may give anything."""
        if isinstance(graph, GraphVersion):
            return graph
        if isinstance(graph, str):
            return self._catalog.find(graph)
        if isinstance(graph, Graph | Mapping):
            return await self.create(cast("Graph | Mapping[str, object]", graph))
        raise no_graph(graph)

    async def find(self, run_id: str) -> RunHandle:
        """Give a run that was started, whether it has ended or not.

        Raises:
            NotFound: There is no run of that name, or its graph is not here.
        """
        parts = self._at_work()
        name = RunId(run_id)
        run = parts.host.driven(name)
        if run is not None:
            return RunHandle(name, self._catalog.of_run(run.graph.name, run.graph.version), parts)
        record = await self._store.record(name)
        if record is None:
            raise no_run(run_id)
        return RunHandle(name, self._catalog.of_run(record.graph, record.version), parts)

    async def runs(  # noqa: PLR0913  # what is asked for, each by name, each with a default
        self,
        *,
        status: Collection[Status] = (),
        graph: str | None = None,
        tags: Mapping[str, str] | None = None,
        error: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before: RunRecord | None = None,
        limit: int = 100,
    ) -> Sequence[RunRecord]:
        """List runs, the latest first: at most `limit` that have all that is asked for.

        What can be asked for is in `RunFilter`; the last of a page is the `before` of the next.

        Raises:
            InvalidValue: A time has no time zone.
        """
        self._at_work()
        wanted = RunFilter(
            status=status, graph=graph, tags=tags or {}, error=error, since=since, until=until
        )
        return await self._store.runs(wanted, before=before, limit=limit)

    async def blob(self, sha256: str) -> bytes | None:
        """Give the JSON of a value that stands outside of its entry (`entry.Blob`), or None."""
        self._at_work()
        return await self._store.blob(sha256)

    async def remember(self, key: str, answer: bytes) -> bytes:
        """Keep an answer under a key if there is none yet; give the one that is kept.

        However many ask at once, and whenever they ask again: all get the same. So a caller
        that may ask twice, such as an HTTP client that heard no answer, has one effect.
        """
        self._at_work()
        return await self._store.remember(key, answer, at=self._clock.now())

    async def prune(self, retention: Retention, *, dry_run: bool = False) -> Pruned:
        """Remove runs that have ended as a retention says, and give the room they took back.

        What is read or written meanwhile need not wait, and the names are free again. It may be
        cancelled: what was removed is. With `dry_run` it is only said what would be.

        Raises:
            StoreClosed, StoreUnavailable: Some may have been removed.
        """
        self._at_work()
        return await prune(self._store, retention, now=self._clock.now(), dry_run=dry_run)

    def audit(self, *, repair: bool = False) -> Audit:
        """Look through the whole store: whether every log can be read, and all agrees with it.

        With `repair`, records that do not are made again from their logs.
        """
        self._at_work()
        return Audit(self._store, self._catalog, repair=repair)

    async def ready(self) -> None:
        """See that runs can be started: the store keeps what is done, and can be read.

        Raises:
            EngineClosed, StoreClosed: Nothing is executed here any more, or not yet.
            StoreUnavailable: The store can't keep or give anything for now.
        """
        self._at_work()
        if (trouble := self._store.trouble) is not None:
            raise unavailable(
                "the store can keep nothing for now",
                trouble,
                hint="it goes on trying, and runs wait until it can",
            )
        await self._store.runs(limit=1)

    def _at_work(self) -> Parts:
        if self._parts is None:
            raise EngineClosed
        return self._parts

    def _is_driven(self, run_id: RunId) -> bool:
        return self._parts is not None and self._parts.host.driven(run_id) is not None
