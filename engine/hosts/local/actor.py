"""A node of a graph version, as an actor: it takes calls from its inbox and begins them.

This module knows inboxes and tasks. It does not know how a tool is called (`call`), nor what
follows from a call: it says what came of it to whom it was told to.

Each call is a task of its own, so that a slow call of one run holds up no other; together
they are at most as many as the node allows. Waiting for room blocks the actor, and only it.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import TYPE_CHECKING, Final, cast

import msgspec

from engine.ask import attempt_deadline
from engine.call import Binding
from engine.context import Context
from engine.failure import failure
from engine.hosts.local.driven import Driven  # noqa: TC001  # msgspec reads annotations
from engine.ids import ActivationId  # noqa: TC001  # as above
from engine.inbox import Inbox
from engine.outcome import Outcome
from engine.segment import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.frame import Frame
    from engine.graph.parts import Node
    from engine.hosts.local.turn import Turn
    from engine.results import Results
    from engine.tool import AnyTool
    from engine.workers import Workers

PARALLEL: Final = 256
"""Calls of one node at a time, over all runs, unless the node says otherwise."""

EAGER: Final = sys.version_info >= (3, 12)
"""Whether a task can take its first step at once, so that a tool that never waits costs no
turn of the loop."""

_Task: Final = cast("Callable[..., asyncio.Task[None]]", asyncio.Task)  # type: ignore[explicit-any]  # `eager_start` is known from 3.12 on


class Call(msgspec.Struct, eq=False):
    """An attempt that is to be made: it waits to be placed, waits in an inbox, or runs.

    Attributes:
        driven: The run; its state is read when the call begins.
        since: The loop's time when the node fired.
        actor: Whose inbox it is in, or was.
        placed: Whether it is in an inbox or running.
        stopped: Whether nobody wants its result any more.
        tool: What is called, where the run is bound to a version of it; else what the actor
            was made with.
    """

    driven: Driven
    node: str
    activation: ActivationId
    attempt: int
    since: float
    actor: Actor | None = None
    task: asyncio.Task[None] | None = None
    placed: bool = False
    running: bool = False
    stopped: bool = False
    tool: AnyTool | None = None

    def context(self) -> Context:
        """Say to the tool where it is, for those that ask."""
        run = self.driven.run
        assert self.actor is not None  # noqa: S101  # it has begun, so it was in an inbox
        return Context(
            run_id=run.id,
            node=self.node,
            activation=self.activation,
            attempt=self.attempt,
            # The same in every attempt, in a re-execution after a crash, and in a retry of
            # the run; a fork that asks what if has another root.
            idempotency_key=f"{run.root}:{self.activation}",
            deadline=attempt_deadline(run, self.activation),
            cancelled=lambda: self.stopped,
            say=self.actor.said,
        )


class Actor:
    """The task of a node, and the calls that it has begun.

    Args:
        node: What it is, and how many calls it may have at a time.
        tool: What it calls.
        inbox: How many calls its inbox holds.
        workers: Where plain tools run.
        cache: Where results are kept, if the node asks for it.
        graph: The name of its graph.
        turn: Counts what is begun at once.
        returned: Told what came of a call, and the loop's time when it was begun.
        said: Given what tools say while they run; from any thread.
    """

    def __init__(  # noqa: PLR0913  # what it needs of its host, each by name
        self,
        node: Node,
        tool: AnyTool,
        *,
        inbox: int,
        workers: Workers,
        cache: Results,
        graph: str,
        turn: Turn,
        returned: Callable[[Call, Outcome, float], None],
        said: Callable[[Frame], None],
    ) -> None:
        self._tool = tool
        self._bind = partial(Binding, node=node, workers=workers, cache=cache, graph=graph)
        bound = self._bind(tool)
        self._call = bound.call
        self._bound = {tool: bound}
        """By the versions of the tool, which are several of a declared one."""
        self.inbox: Inbox[Call] = Inbox(inbox)
        self._turn = turn
        self._returned = returned
        self.said: Callable[[Frame], None] = said
        self._most = node.max_parallel or PARALLEL
        self._name = f"node:{node.name}"
        self._busy = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._room: asyncio.Future[None] | None = None
        self._closing: bool = False
        self._loop = asyncio.get_running_loop()
        self.task: asyncio.Task[None] = self._loop.create_task(
            self._act(), name=f"actor:{node.name}"
        )

    def stop(self, each: Call) -> None:
        """See to it that nobody hears of a call again; its task, if it has one, ends soon."""
        each.stopped = True
        task = each.task
        if task is None or task.done():
            return
        if task.cancelling():  # it was told; to tell it again would disturb it cleaning up
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
        inbox, loop, turn, name = self.inbox, self._loop, self._turn, self._name
        while True:
            each = await inbox.take()
            while self._busy >= self._most:
                self._room = loop.create_future()
                await self._room
            if each.stopped:
                continue
            self._busy += 1
            if EAGER:
                task = _Task(self._work(each), loop=loop, name=name, eager_start=True)
                if not task.done():
                    self._began(each, task)
            else:
                # What loop.create_task does, without the half microsecond that it takes to ask.
                self._began(each, _Task(self._work(each), loop=loop, name=name))
            if turn.spend():
                await asyncio.sleep(0)

    def _began(self, each: Call, task: asyncio.Task[None]) -> None:
        each.task = task
        self._tasks.add(task)
        if each.stopped:  # by itself, before it had a task
            task.cancel()

    async def _work(self, each: Call) -> None:
        """Make one call, and say what came of it, if anybody still wants to know."""
        each.running = True
        began = self._loop.time()
        try:
            activation = each.driven.run.running.get(each.activation)
            if activation is None or activation.attempt != each.attempt:
                return  # what ended it is decided and not kept yet; then the call is stopped
            call = self._call if each.tool is None else self._of(each.tool).call
            outcome = await call(State(activation.head), each.context)
        except asyncio.CancelledError as error:
            if each.stopped or self._closing:
                raise
            outcome = Outcome(error=failure(self._tool, error))  # the tool cancelled itself
        finally:
            self._left(each.task)
        if not each.stopped:  # a tool can refuse to be cancelled
            self._returned(each, outcome, began)

    def _of(self, tool: AnyTool) -> Binding:
        """Give the way in which a version of the tool is called."""
        bound = self._bound.get(tool)
        if bound is None:
            bound = self._bound[tool] = self._bind(tool)
        return bound

    def _left(self, task: asyncio.Task[None] | None) -> None:
        """Take note that a call has ended."""
        if task is not None:
            self._tasks.discard(task)
        self._busy -= 1
        room = self._room
        if room is not None:
            self._room = None
            if not room.done():
                room.set_result(None)
