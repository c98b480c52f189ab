"""The calls that are to be made: begun as often as allowed, stopped when nobody wants them.

This module knows actors, and how many calls a run may have at a time. It does not know why a
call is due (`host`), nor how one is made (`actor`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Final

from engine.ask import active
from engine.entry import ErrorInfo
from engine.hosts.local.actor import Actor, Call
from engine.hosts.local.workers import LocalWorkers
from engine.outcome import Outcome
from engine.results import Results

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.cache import Cache
    from engine.frame import Frame
    from engine.graph import Graph
    from engine.hosts.local.driven import Driven
    from engine.hosts.local.turn import Turn
    from engine.ids import ActivationId
    from engine.tool import AnyTool

log: Final = logging.getLogger(__name__)


class Calls:
    """The actors of all graph versions, and the calls that they are given.

    Args:
        tools: Finds a tool by its name, and the version that a run is bound to.
        cache: Where results of nodes that have a `cache` are kept.
        turn: Counts what is begun at once.
        returned: Told what came of a call, and the loop's time when it was begun.
        said: Given what tools say while they run.
        inbox: How many calls the inbox of a node holds.
    """

    def __init__(  # noqa: PLR0913  # what it needs of its host, each by name
        self,
        *,
        tools: Callable[[str, int | None], AnyTool | None],
        cache: Cache,
        turn: Turn,
        returned: Callable[[Call, Outcome, float], None],
        said: Callable[[Frame], None],
        inbox: int,
    ) -> None:
        self._tools = tools
        self._cache = Results(cache)
        self._turn = turn
        self._tell = returned
        self._inbox = inbox
        self._loop = asyncio.get_running_loop()
        self._hear = said
        self._workers = LocalWorkers()
        self._crews: dict[str, dict[str, Actor]] = {}
        self._closing = False

    def crew(self, graph: Graph) -> dict[str, Actor]:
        """Give the actors of a graph version, by node; each is made when it is first needed."""
        return self._crews.setdefault(graph.version, {})

    # -- beginning and stopping -----------------------------------------------------------

    def begin(self, driven: Driven, node: str, activation: ActivationId, attempt: int) -> None:
        """Give an attempt to the actor of its node, unless the run has too many already."""
        if self._closing:  # what follows is begun by whoever drives the run on
            return
        known = driven.calls.get(activation)
        if known is not None:
            if known.attempt == attempt:
                return
            self._stop(driven, known)  # the attempt before this one ran out of time
        each = driven.calls[activation] = Call(driven, node, activation, attempt, self._loop.time())
        if driven.later or driven.placed >= driven.run.limits.max_parallel:
            if driven.later is None:
                driven.later = deque()
            driven.later.append(each)
        else:
            self._place(driven, each)

    def begin_all(self, driven: Driven) -> None:
        """Begin what is to be executed in a run that was read from its log."""
        for activation in list(active(driven.run).values()):
            self.begin(driven, activation.node, activation.id, activation.attempt)

    def stop_what_is_over(self, driven: Driven) -> None:
        """Stop the calls that are not to be executed any more."""
        wanted = active(driven.run)
        for each in list(driven.calls.values()):
            found = wanted.get(each.activation)
            if found is None or found.attempt != each.attempt:
                self._stop(driven, each)

    def place_what_waits(self, driven: Driven) -> None:
        """Begin the calls that waited for others of the run, as many as may be made now."""
        later = driven.later
        while later and driven.placed < driven.run.limits.max_parallel and not self._closing:
            each = later.popleft()
            if not each.stopped:
                self._place(driven, each)

    def stop_all(self, driven: Driven) -> None:
        """Stop every call of a run."""
        driven.later = None
        for each in list(driven.calls.values()):
            self._stop(driven, each)

    async def cancel(self, patience: float) -> None:
        """Begin nothing more, cancel all calls and actors, and wait for them to end.

        Cancelled, it goes on waiting, as a TaskGroup does, and raises when they have ended;
        after `patience` seconds it waits no longer.
        """
        self._closing = True
        tasks: set[asyncio.Task[None]] = set()
        for crew in self._crews.values():
            for actor in crew.values():
                tasks |= actor.close()
        until = self._loop.time() + patience
        cancelled: asyncio.CancelledError | None = None
        while tasks and self._loop.time() < until:
            try:
                _, tasks = await asyncio.wait(tasks, timeout=until - self._loop.time())
            except asyncio.CancelledError as error:
                cancelled = error
                tasks = {task for task in tasks if not task.done()}
        for task in tasks:
            log.warning("%r did not end within %g s of being cancelled", task, patience)
        if cancelled is not None:
            raise cancelled

    async def close(self) -> None:
        """Let go of threads, processes and the connections of the cache."""
        try:
            await self._workers.close()
        finally:
            await self._cache.close()

    # -- one call -------------------------------------------------------------------------

    def _place(self, driven: Driven, each: Call) -> None:
        """Put a call into the inbox of its node."""
        each.placed = True
        driven.placed += 1
        actor, run = driven.crew.get(each.node), driven.run
        if actor is None or run.tools:
            node = run.graph.nodes[each.node]
            version = run.tools.get(node.tool)
            each.tool = tool = self._tools(node.tool, version)
            if tool is None:
                self._loop.call_soon(self._missing, each, node.tool, version)
                return
            if actor is None:
                actor = driven.crew[each.node] = Actor(
                    node,
                    tool,
                    inbox=self._inbox,
                    workers=self._workers,
                    cache=self._cache,
                    graph=run.graph.name,
                    turn=self._turn,
                    returned=self._returned,
                    said=self._said,
                )
        each.actor = actor
        actor.inbox.put(each)

    def _missing(self, each: Call, tool: str, version: int | None) -> None:
        """Say that the tool of a node is not there: the run then waits for a person."""
        if each.stopped:
            return
        which = f"the tool '{tool}'" if version is None else f"version {version} of '{tool}'"
        error = ErrorInfo(
            code="TOOL_MISSING",
            message=f"node '{each.node}' names {which}, which is not registered here",
            hint="register it, Engine(tools=[...]) or engine.tools.register, and resume the run"
            if version is None
            else "no other version will do, as the run began with this one: install the package "
            "that has its kind, start again, and resume the run",
            details={"tool": tool} if version is None else {"tool": tool, "version": version},
            retryable=False,
        )
        self._returned(each, Outcome(error=error), self._loop.time())

    def _returned(self, each: Call, outcome: Outcome, began: float) -> None:
        self._over(each.driven, each)
        self._tell(each, outcome, began)

    def _stop(self, driven: Driven, each: Call) -> None:
        """Stop a call whose result nobody wants: cancel it, or never begin it."""
        if each.actor is not None:
            each.actor.stop(each)
        each.stopped = True
        self._over(driven, each)

    def _over(self, driven: Driven, each: Call) -> None:
        """Forget a call, and place those that waited for it."""
        del driven.calls[each.activation]
        if each.placed:
            driven.placed -= 1
            if driven.later:
                self.place_what_waits(driven)

    def _said(self, frame: Frame) -> None:
        """Pass on what a tool says, from whatever thread it does."""
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is self._loop:
            self._hear(frame)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hear, frame)
