"""The engine, as those who embed it hold it: graphs in, runs out.

This module knows which parts an engine has and how they are tied together. What each of them
does, it leaves to them.
"""

from __future__ import annotations

import re
import secrets
import warnings
from typing import TYPE_CHECKING, Final, Self

from engine.catalog import Catalog, GraphVersion
from engine.clock import Clock, SystemClock
from engine.entry import RunStarted, decode_batch
from engine.errors import EngineError, InvalidGraph, InvalidValue, LogMoved, NotFound, Problem
from engine.graph import Graph
from engine.handle import RunHandle
from engine.host import EngineClosed, Host, RunExists
from engine.hosts.local import LocalHost
from engine.ids import Json, RunId
from engine.inputs import Start
from engine.stores.memory import MemoryStore
from engine.tail import Tails
from engine.tool import Tools, ToolSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from engine.entry import Breakpoint
    from engine.store import LogStore

_RUN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


class Engine:
    """Keeps graphs and executes runs of them, from `async with` to its end.

    Args:
        tools: Functions, tools, or modules of tools that the nodes of graphs may name.
        store: Where logs are kept; in memory unless another is given.
        clock: What time it is; the machine's unless another is given.

    Raises:
        InvalidTool: A function can't be a tool, or two have one name.
    """

    def __init__(
        self,
        *,
        tools: Iterable[ToolSource] = (),
        store: LogStore | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.tools: Tools = Tools(tools)
        self._store: LogStore = MemoryStore() if store is None else store
        self._clock: Clock = SystemClock() if clock is None else clock
        self._catalog = Catalog()
        self._host: Host | None = None
        self._tails = Tails(self._store, live=self._is_driven)

    async def __aenter__(self) -> Self:
        """Begin to execute runs."""
        if self._host is not None:
            raise EngineError("this engine was entered before", hint="make another: Engine(...)")
        self._host = LocalHost(
            store=self._store, tools=self.tools, clock=self._clock, appended=self._tails.wake
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop all calls and wait for them; runs that have not ended stay as they are."""
        host, self._host = self._at_work(), None
        await host.close()

    def __del__(self) -> None:
        """Complain if nobody ended what was begun."""
        if getattr(self, "_host", None) is not None:
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
        self._bind(made)
        return self._catalog.add(made)

    def graph(self, graph_id: str, version: int | None = None) -> GraphVersion:
        """Give a graph that was created, in its newest version unless one is named.

        Raises:
            NotFound: There is no such graph, or no such version of it.
        """
        return self._catalog.find(graph_id, version)

    def _bind(self, graph: Graph) -> None:
        """See that every node names a tool, and gives it no argument it does not take."""
        problems: list[Problem] = []
        for node in graph.nodes.values():
            where = f"/nodes/{node.name.replace('~', '~0').replace('/', '~1')}"
            if node.tool not in self.tools:
                problems.append(
                    Problem(
                        code="UNKNOWN_TOOL",
                        path=f"{where}/tool",
                        message=f"node '{node.name}' names the tool '{node.tool}', "
                        "which does not exist",
                        hint=self.tools.hint(node.tool),
                    )
                )
                continue
            tool = self.tools[node.tool]
            takes = (*tool.required, *tool.optional)
            for name in (*node.args, *node.inputs):
                if name not in takes:
                    among = "args" if name in node.args else "inputs"
                    problems.append(
                        Problem(
                            code="UNKNOWN_PARAMETER",
                            path=f"{where}/{among}/{name}",
                            message=f"tool '{tool.name}' has no parameter '{name}'",
                            hint=f"it takes {', '.join(takes) or 'nothing'}",
                        )
                    )
        if problems:
            raise InvalidGraph(problems)

    # -- runs -----------------------------------------------------------------------------

    async def run(
        self,
        graph: GraphVersion | str,
        state: Mapping[str, object] | None = None,
        *,
        run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> dict[str, Json]:
        """Run a graph to its end, and give the final state. Takes what `start` takes.

        A run that pauses has not ended: this waits until somebody resumes or cancels it.

        Raises:
            RunFailed: It failed; `error.report` says where, and on what.
            RunCancelled: It was cancelled.
        """
        return await (await self.start(graph, state, run_id=run_id, tags=tags)).result()

    async def start(
        self,
        graph: GraphVersion | str,
        state: Mapping[str, object] | None = None,
        *,
        run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        breakpoints: Iterable[Breakpoint] = (),
    ) -> RunHandle:
        """Begin a run; its start is in the log on return.

        Args:
            graph: What to run: what `create` gave, or the name of a graph, which means its
                newest version.
            state: What the run begins with; overlays the defaults of the graph.
            run_id: Its name, at most 128 of `A-Z a-z 0-9 . _ : -`; made up if left out.
            tags: For whoever looks for it later.
            breakpoints: Where it pauses.

        Raises:
            NotFound: There is no graph of that name.
            RunExists: There is a run of that name.
            InvalidValue: The state, or the name, can't be one, or it is no graph that
                `create` gave.
            NotApplicable: A breakpoint names no node, or its condition does not compile.
        """
        host = self._at_work()
        version = self._version(graph)
        name = _name(run_id)
        if await self._store.last(name) is not None:
            raise RunExists(name)
        begin = Start(
            at=self._clock.now(),
            run_id=name,
            # What a value may be is checked at the door of the core.
            state=dict(state or {}),  # type: ignore[arg-type]  # as said above
            tags=dict(tags or {}),
            breakpoints=tuple(breakpoints),
        )
        try:
            host.start(version.graph, begin)
        except LogMoved:
            raise RunExists(name) from None
        return self._handle(name, version)

    def _version(self, graph: object) -> GraphVersion:
        """Find what is to be run; whoever has no type checker may give anything."""
        if isinstance(graph, GraphVersion):
            return graph
        if isinstance(graph, str):
            return self._catalog.find(graph)
        raise InvalidValue(
            f"expected what `create` gave, or the name of a graph, got a {type(graph).__name__}",
            path="graph",
            hint="create it first: graph = await engine.create(...)",
        )

    async def find(self, run_id: str) -> RunHandle:
        """Give a run that was started, whether it has ended or not.

        Raises:
            NotFound: There is no run of that name.
        """
        name = RunId(run_id)
        rows = await self._store.read(name, limit=1)
        if not rows:
            raise NotFound(
                f"there is no run '{run_id}'",
                code="RUN_NOT_FOUND",
                hint="it was never started here, or the process that kept it in memory has ended",
                details={"run_id": run_id},
            )
        started = decode_batch(rows[0])[0]
        assert isinstance(started, RunStarted)  # noqa: S101  # how every log of ours begins
        return self._handle(name, self._catalog.of_run(started.graph, started.version))

    def _handle(self, run_id: RunId, graph: GraphVersion) -> RunHandle:
        return RunHandle(
            run_id,
            graph,
            host=self._at_work(),
            store=self._store,
            tails=self._tails,
            clock=self._clock,
        )

    def _at_work(self) -> Host:
        if self._host is None:
            raise EngineClosed
        return self._host

    def _is_driven(self, run_id: RunId) -> bool:
        return self._host is not None and self._host.driven(run_id) is not None


def _name(run_id: str | None) -> RunId:
    """Check the name that a client chose for a run, or make one up."""
    if run_id is None:
        return RunId(secrets.token_hex(10))
    if not _RUN_ID.fullmatch(run_id):
        raise InvalidValue(
            f"{run_id[:140]!r} can't be the name of a run",
            path="run_id",
            hint="1 to 128 of A-Z a-z 0-9 . _ : - and no other character, the first a letter "
            "or digit",
        )
    return RunId(run_id)
