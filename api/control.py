"""The routes of what can be asked of a run while it goes on, or is paused.

This module knows which method of a run each route calls, and with what. It does not know when
a run can be asked what, nor what follows.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from api import body
from api.operation import BODY_PROBLEMS, RUN, RUNS, Endpoint, Operation
from api.problem import BadRequest
from api.wire.commands import (
    BreakpointsRequest,
    CancelRequest,
    CommandDone,
    LimitsRequest,
    PatchRequest,
    PlainRequest,
    SkipRequest,
)
from api.wire.reply import Reply
from engine import Engine, RunOver

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

    from engine import AnyEntry, Json, RunHandle


Asked = TypeVar("Asked", bound=msgspec.Struct)


def _command(kind: type[Asked], ask: Callable[[RunHandle, Asked], Awaitable[AnyEntry]]) -> Endpoint:
    """Make a route of a method of runs; a body of which nothing is needed may be left out."""
    required = any(each.required for each in msgspec.structs.fields(kind))

    async def route(request: Request) -> Reply:
        engine: Engine = request.state.engine
        decode = partial(body.decode, kind=kind)
        wanted = await body.read(request, decode, required=required)
        run = await engine.find(request.path_params["run_id"])
        try:
            entry = await ask(run, wanted)
        except RunOver as error:
            raise _over(run, error) from error
        return Reply(CommandDone(run.id, *await run.progress(), entry))

    return route


def _over(run: RunHandle, error: RunOver) -> BadRequest:
    """Say that a run has ended, and which requests make a new one of it."""
    return BadRequest(
        error.message,
        code=error.code,
        status=HTTPStatus.CONFLICT,
        hint=f"POST {RUNS}/{run.id}/retry makes a new run that goes on where this one ended, "
        f'POST {RUNS}/{run.id}/fork with {{"at": SEQ}} one that goes on after that entry',
        details={**error.details, "run_id": run.id},
    )


_CALLED: Final = {"breakpoints": "setBreakpoints", "limits": "raiseLimits"}
"""Commands whose operation has a name of its own."""


def _operation(
    name: str,
    summary: str,
    kind: type[Asked],
    ask: Callable[[RunHandle, Asked], Awaitable[AnyEntry]],
    example: Mapping[str, Json],
) -> Operation:
    """Describe a command; its last part of the path is its name."""
    return Operation(
        path=f"{RUN}/{name}",
        name=_CALLED.get(name, f"{name}Run"),
        summary=summary,
        endpoint=_command(kind, ask),
        method="post",
        body=kind,
        example=example,
        answers={"200": (CommandDone, "It was carried out; this is what it caused.")},
        problems=("404", "409", *BODY_PROBLEMS),
    )


OPERATIONS: Final = (
    _operation(
        "cancel",
        "End a run now; the tools that are running are stopped",
        CancelRequest,
        lambda run, asked: run.cancel(asked.reason),
        {"reason": "nobody waits for it any more"},
    ),
    _operation(
        "pause",
        "Let no further node begin",
        PlainRequest,
        lambda run, _: run.pause(),
        {},
    ),
    _operation(
        "resume",
        "Let a paused run go on",
        PlainRequest,
        lambda run, _: run.resume(),
        {},
    ),
    _operation(
        "step",
        "Let a paused run fire one node, and stay paused",
        PlainRequest,
        lambda run, _: run.step(),
        {},
    ),
    _operation(
        "breakpoints",
        "Put breakpoints in place of those there are",
        BreakpointsRequest,
        lambda run, asked: run.set_breakpoints(asked.breakpoints),
        {"breakpoints": [{"node": "echo", "where": "after", "when": "words > 3"}]},
    ),
    _operation(
        "patch",
        "Set keys of the state of what is in flight",
        PatchRequest,
        lambda run, asked: run.patch(asked.patch, node=asked.node),
        {"patch": {"greeting": "Good day"}},
    ),
    _operation(
        "skip",
        "Give the result of a node in its place",
        SkipRequest,
        lambda run, asked: run.skip(asked.patch, activation=asked.activation),
        {"patch": {"greeting": "Good day"}},
    ),
    _operation(
        "limits",
        "Give limits of a run other values",
        LimitsRequest,
        lambda run, asked: run.raise_limits(asked.limits, resume=asked.resume),
        {"limits": {"max_visits": 2000}, "resume": True},
    ),
)
