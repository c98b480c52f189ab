"""The routes of new runs that begin where another one was.

This module knows what a fork is told, and how it is answered. It does not know what a fork
makes of the run that it comes from.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from api import body
from api.operation import BODY_PROBLEMS, RUN, Endpoint, Operation
from api.runs import address, made_before, taken
from api.wire.forks import ForkRequest, NewRun, OriginView, RetryRequest
from api.wire.reply import Body, Reply
from engine import Engine, RunExists

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from api.idempotency import Attempt, Keys
    from engine import Json, RunHandle


async def fork(request: Request) -> Response:
    """Begin a new run with the log of another, up to an entry, as its past: 201."""
    raw = await body.raw(request, required=False)
    wanted = await body.decoded(raw, partial(body.decode, kind=ForkRequest))

    def begin(origin: RunHandle, name: str | None) -> Awaitable[RunHandle]:
        return origin.fork(
            wanted.at,
            run_id=name,
            patch=wanted.patch,
            skip=wanted.skip,
            limits=wanted.limits,
            keep_keys=wanted.keep_keys,
        )

    return await _new_run(request, raw, wanted.run_id, begin)


async def retry(request: Request) -> Response:
    """Begin a new run where another one ended: 201."""
    raw = await body.raw(request, required=False)
    wanted = await body.decoded(raw, partial(body.decode, kind=RetryRequest))
    return await _new_run(
        request, raw, wanted.run_id, lambda origin, name: origin.retry(run_id=name)
    )


async def _new_run(
    request: Request,
    raw: bytes,
    run_id: str | None,
    begin: Callable[[RunHandle, str | None], Awaitable[RunHandle]],
) -> Response:
    """Begin a run, once for all requests with the same key, and say which it is."""
    engine: Engine = request.state.engine
    keys: Keys = request.state.keys
    origin = await engine.find(request.path_params["run_id"])

    async def act(attempt: Attempt) -> Reply:
        run = await made_before(engine, run_id, attempt)
        if run is None:
            try:
                run = await begin(origin, attempt.run_id if run_id is None else run_id)
            except RunExists as error:
                if run_id is not None:
                    raise taken(error) from error
                run = await engine.find(error.run_id)
        parted = await _parted(run)
        if parted is None or parted.run_id != origin.id:  # somebody was faster with that name
            raise taken(RunExists(run.id))
        made = NewRun(run.id, *await run.progress(), parted)
        return Reply(made, HTTPStatus.CREATED, {"Location": address(run.id)})

    return await keys.once(request, raw, act)


async def _parted(run: RunHandle) -> OriginView | None:
    """Say where a fork parted; None if it is no fork."""
    origin = (await run.record()).origin
    return None if origin is None else OriginView(origin.run_id, origin.seq)


def _operation(
    name: str, kind: type[Body], endpoint: Endpoint, summary: str, example: Mapping[str, Json]
) -> Operation:
    """Describe a way to a new run."""
    return Operation(
        path=f"{RUN}/{name}",
        name=f"{name}Run",
        summary=summary,
        endpoint=endpoint,
        method="post",
        body=kind,
        example=example,
        answers={"201": (NewRun, "The new run goes on.")},
        problems=("404", "409", "429", *BODY_PROBLEMS),
        makes=True,
        located=True,
    )


OPERATIONS: Final = (
    _operation(
        "fork",
        ForkRequest,
        fork,
        "Begin a new run with the log of this one, up to an entry, as its past",
        {"at": 2, "run_id": "second", "patch": {"name": "Bob"}},
    ),
    _operation(
        "retry",
        RetryRequest,
        retry,
        "Begin a new run where this one ended: what failed is tried again",
        {"run_id": "fourth"},
    ),
)
