"""The routes of what can be asked of a run while it goes on, or is paused.

This module knows which method of a run each route calls, and with what. It does not know when
a run can be asked what, nor what follows.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import msgspec

from api import body
from api.actions import RUNS
from api.problem import BadRequest
from api.runs import status_of
from api.wire import (
    BreakpointsRequest,
    CancelRequest,
    CommandDone,
    LimitsRequest,
    PatchRequest,
    PlainRequest,
    Reply,
    SkipRequest,
)
from engine import Engine, RunOver

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

    from engine import AnyEntry, RunHandle

    Route: TypeAlias = Callable[[Request], Awaitable[Reply]]

Asked = TypeVar("Asked", bound=msgspec.Struct)


def _command(kind: type[Asked], ask: Callable[[RunHandle, Asked], Awaitable[AnyEntry]]) -> Route:
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
        seen = await run.snapshot()
        return Reply(CommandDone(run.id, status_of(seen), seen.seq, entry))

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


COMMANDS: Final[Mapping[str, Route]] = {
    "cancel": _command(CancelRequest, lambda run, asked: run.cancel(asked.reason)),
    "pause": _command(PlainRequest, lambda run, _: run.pause()),
    "resume": _command(PlainRequest, lambda run, _: run.resume()),
    "step": _command(PlainRequest, lambda run, _: run.step()),
    "breakpoints": _command(
        BreakpointsRequest, lambda run, asked: run.set_breakpoints(asked.breakpoints)
    ),
    "patch": _command(PatchRequest, lambda run, asked: run.patch(asked.patch, node=asked.node)),
    "skip": _command(
        SkipRequest, lambda run, asked: run.skip(asked.patch, activation=asked.activation)
    ),
    "limits": _command(
        LimitsRequest, lambda run, asked: run.raise_limits(asked.limits, resume=asked.resume)
    ),
}
"""Each route by its last part."""
