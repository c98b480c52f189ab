"""A node of a graph version, as an actor: it takes calls from its inbox and begins them.

This module knows inboxes, tasks and tools. It does not know what follows from a call: it
says what came of it to whom it was told to.

Each call is a task of its own, so that a slow call of one run holds up no other; together
they are at most as many as the node allows. Waiting for room blocks the actor, and only it.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Final

from engine.call import Outcome, call, failure
from engine.inbox import Inbox
from engine.segment import State

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from engine.graph.parts import Node
    from engine.hosts.local.turn import Turn
    from engine.ids import ActivationId
    from engine.run import Run
    from engine.tool import AnyTool

PARALLEL: Final = 256
"""Calls of one node at a time, over all runs, unless the node says otherwise."""


class Call:
    """An attempt that is to be made: it waits to be placed, waits in an inbox, or runs.

    Attributes:
        run: The run whose state is read when the call begins.
        since: The loop's time when the node fired.
        placed: Whether it is in an inbox or running.
        stopped: Whether nobody wants its result any more.
    """

    __slots__ = (
        "activation",
        "actor",
        "attempt",
        "node",
        "placed",
        "run",
        "running",
        "since",
        "stopped",
        "task",
    )

    def __init__(
        self, run: Run, node: str, activation: ActivationId, attempt: int, since: float
    ) -> None:
        self.run: Run = run
        self.node: str = node
        self.activation: ActivationId = activation
        self.attempt: int = attempt
        self.since: float = since
        self.placed: bool = False
        self.running: bool = False
        self.stopped: bool = False
        self.actor: Actor | None = None
        self.task: asyncio.Task[None] | None = None


class Actor:
    """The task of a node, and the calls that it has begun.

    Args:
        node: What it is, and how many calls it may have at a time.
        tool: What it calls.
        inbox: How many calls its inbox holds.
        threads: Where plain tools run.
        turn: Counts what is begun at once.
        returned: Told what came of a call, and the loop's time when it was begun.
    """

    def __init__(  # noqa: PLR0913  # what it needs of its host, each by name
        self,
        node: Node,
        tool: AnyTool,
        *,
        inbox: int,
        threads: Executor,
        turn: Turn,
        returned: Callable[[Call, Outcome, float], None],
    ) -> None:
        self._node = node
        self._tool = tool
        self._inbox: Inbox[Call] = Inbox(inbox)
        self._threads = threads
        self._turn = turn
        self._returned = returned
        self._most = node.max_parallel or PARALLEL
        self._busy = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._closing: bool = False
        self._loop = asyncio.get_running_loop()
        self.task: asyncio.Task[None] = self._loop.create_task(
            self._act(), name=f"actor:{node.name}"
        )

    def put(self, each: Call) -> None:
        """Add a call to the inbox, without waiting."""
        each.actor = self
        self._inbox.put(each)

    def stop(self, each: Call) -> None:
        """See to it that nobody hears of a call again; its task, if it has one, ends soon."""
        each.stopped = True
        task = each.task
        if task is None or task.done():
            return
        if not each.running:  # a task that is cancelled before its first step never takes it
            task.add_done_callback(self._left)
        task.cancel()

    def close(self) -> set[asyncio.Task[None]]:
        """Cancel the actor and its calls, and give their tasks, to be waited for."""
        self._closing = True
        tasks = {self.task, *self._tasks}
        for task in tasks:
            task.cancel()
        return tasks

    async def _act(self) -> None:
        """Take calls in order of arrival, and begin them."""
        while True:
            each = await self._inbox.take()
            while self._busy >= self._most:
                self._room.clear()
                await self._room.wait()
            if not each.stopped:
                self._busy += 1
                self._begin(each)
                if self._turn.spend():
                    await asyncio.sleep(0)

    def _begin(self, each: Call) -> None:
        """Make a call a task of its own, which runs at once where Python can do that."""
        name = f"node:{each.node}"
        if sys.version_info >= (3, 12):
            task = asyncio.Task(self._work(each), loop=self._loop, name=name, eager_start=True)
        else:
            task = self._loop.create_task(self._work(each), name=name)
        if not task.done():
            each.task = task
            self._tasks.add(task)
            if each.stopped:  # by itself, before it had a task
                task.cancel()

    async def _work(self, each: Call) -> None:
        """Make one call, and say what came of it, if anybody still wants to know."""
        each.running = True
        began = self._loop.time()
        try:
            state = State(each.run.activations[each.activation].head)
            outcome = await call(self._tool, self._node, state, executor=self._threads)
        except asyncio.CancelledError as error:
            if each.stopped or self._closing:
                raise
            outcome = Outcome(error=failure(self._tool, error))  # the tool cancelled itself
        finally:
            self._left(each.task)
        if not each.stopped:  # a tool can refuse to be cancelled
            self._returned(each, outcome, began)

    def _left(self, task: asyncio.Task[None] | None) -> None:
        """Take note that a call has ended."""
        if task is not None:
            self._tasks.discard(task)
        self._busy -= 1
        self._room.set()
