"""The routes by which a run is started and looked at.

This module knows what a run is told to begin with, and how it is shown. It does not know how
runs are executed, how they are listed (`listing`), read (`reading`) or told what to do
(`control`, `forks`).
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import anyio
import msgspec

from api import body, examples
from api.actions import requests_for
from api.connection import when_stopped
from api.operation import BODY_PROBLEMS, Operation
from api.parameter import number
from api.problem import BadRequest
from api.wire.reply import Reply
from api.wire.runs import BranchState, RunAccepted, RunError, RunRequest, RunState, WaitingNode
from engine import Engine, NotFound, RunExists, RunHandle, Snapshot

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from api.idempotency import Attempt, Keys
    from api.parameter import Given
    from engine import GraphVersion

RUN_GRAPH: Final = "/api/v1/graph/run"

STATE: Final = "/api/v1/graph/state"

GET_STATE: Final = f"{STATE}/{{run_id}}"

AT: Final = number("at", 0, "The state after this entry, and those decided with it.")


async def run(request: Request) -> Response:
    """Start a run: 202, or with `wait` 200 as soon as it has ended or is paused."""
    engine: Engine = request.state.engine
    keys: Keys = request.state.keys
    raw = await body.raw(request)
    wanted = await body.decoded(raw, partial(body.decode, kind=RunRequest))
    graph = engine.graph(wanted.graph_id, wanted.version)

    async def act(attempt: Attempt) -> Reply:
        handle = await _begun(engine, graph, wanted, attempt)
        if wanted.wait:
            with (
                anyio.move_on_after(wanted.wait) as waiting,
                when_stopped(request, waiting.cancel),
            ):
                await handle.rest()
        headers = {"Location": address(handle.id)}
        status, seq = await handle.progress()
        if wanted.wait is not None and status != "running":
            snapshot = await handle.snapshot()
            return Reply(await _shown(handle, snapshot), HTTPStatus.OK, headers)
        return Reply(RunAccepted(handle.id, status, seq), HTTPStatus.ACCEPTED, headers)

    return await keys.once(request, raw, act)


async def state(request: Request) -> Reply:
    """Show a run as it is now, or as it was after entry `at`."""
    engine: Engine = request.state.engine
    given: Given = request.state.given
    at = given[AT]
    handle = await engine.find(request.path_params["run_id"])
    snapshot = await handle.snapshot(at)
    return Reply(await _shown(handle, snapshot) if at is None else _as_it_was(snapshot))


def address(run_id: str) -> str:
    """Give the address of the state of a run."""
    return f"{STATE}/{run_id}"


def taken(error: RunExists) -> BadRequest:
    """Say that the name which a client chose is that of another run, and where that is."""
    there = address(error.run_id)
    return BadRequest(
        error.message,
        code=error.code,
        status=HTTPStatus.CONFLICT,
        hint=f"it is at {there}; {error.hint}",
        details={**error.details, "location": there},
    )


async def made_before(engine: Engine, run_id: str | None, attempt: Attempt) -> RunHandle | None:
    """Find the run that an earlier request with the same key has made, if there was one."""
    name = attempt.run_id if run_id is None else run_id
    if not attempt.again or name is None:
        return None
    try:
        return await engine.find(name)
    except NotFound as error:
        if error.code != "RUN_NOT_FOUND":
            raise
        return None


async def _begun(
    engine: Engine, graph: GraphVersion, wanted: RunRequest, attempt: Attempt
) -> RunHandle:
    """Start a run, once for all requests with the same key."""
    made = await made_before(engine, wanted.run_id, attempt)
    if made is not None:
        if made.graph.graph_id != graph.graph_id:  # somebody else was faster with that name
            raise taken(RunExists(made.id))
        return made
    try:
        return await engine.start(
            graph,
            wanted.initial_state,
            run_id=attempt.run_id if wanted.run_id is None else wanted.run_id,
            tags=wanted.tags,
            breakpoints=wanted.breakpoints,
            durability=wanted.durability,
        )
    except RunExists as error:
        if wanted.run_id is None:  # nobody else could choose this name
            return await engine.find(error.run_id)
        raise taken(error) from error


async def _shown(handle: RunHandle, snapshot: Snapshot) -> RunState:
    """Show a run as it is now, and what can be done about its error."""
    shown = _as_it_was(snapshot)
    if shown.error is None:
        return shown
    report = await handle.report()
    if report is None or report.error != snapshot.error:  # it has gone on since
        return shown
    actions = requests_for(handle.id, report.actions)
    return msgspec.structs.replace(
        shown, error=msgspec.structs.replace(shown.error, actions=actions)
    )


def _as_it_was(snapshot: Snapshot) -> RunState:
    assert snapshot.status != "new"  # noqa: S101  # what has a log has begun
    return RunState(
        run_id=snapshot.run_id,
        graph_id=snapshot.graph_id,
        version=snapshot.version,
        status=snapshot.status,
        seq=snapshot.seq,
        state=snapshot.state,
        waiting=tuple(
            WaitingNode(each.node, each.reason, each.since, each.until) for each in snapshot.waiting
        ),
        branches=tuple(BranchState(each.node, each.seq, each.state) for each in snapshot.branches),
        conflicts=snapshot.conflicts,
        error=_error(snapshot),
    )


def _error(snapshot: Snapshot) -> RunError | None:
    if snapshot.error is None:
        return None
    return RunError(
        **msgspec.structs.asdict(snapshot.error), node=snapshot.node, attempt=snapshot.attempt
    )


OPERATIONS: Final = (
    Operation(
        path=RUN_GRAPH,
        name="runGraph",
        summary="Execute a workflow",
        endpoint=run,
        method="post",
        body=RunRequest,
        example=examples.BEGUN,
        answers={
            "200": (RunState, "With `wait`: it has ended, or is paused."),
            "202": (RunAccepted, "It goes on."),
        },
        problems=("404", "409", "429", *BODY_PROBLEMS),
        makes=True,
        located=True,
    ),
    Operation(
        path=GET_STATE,
        name="getState",
        summary="Get the state of a run, as it is or was",
        endpoint=state,
        parameters=(AT,),
        answers={"200": (RunState, "The run.")},
        problems=("404", "500", "503"),
    ),
)
