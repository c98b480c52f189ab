"""The routes of runs.

This module knows how a run is started and looked at over HTTP. It does not know how runs are
executed, nor how their entries are streamed (`stream`).
"""

from __future__ import annotations

import re
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import anyio
import msgspec

from api import body
from api.problem import BadRequest
from api.wire import BranchState, Reply, RunAccepted, RunError, RunRequest, RunState, WaitingNode
from engine import Engine, RunExists, Snapshot

if TYPE_CHECKING:
    from starlette.requests import Request

STATE: str = "/api/v1/graph/state"


async def run(request: Request) -> Reply:
    """Start a run: 202, or with `wait` 200 as soon as it has ended or is paused."""
    engine: Engine = request.state.engine
    wanted = await body.read(request, partial(body.decode, kind=RunRequest))
    graph = engine.graph(wanted.graph_id, wanted.version)
    try:
        handle = await engine.start(
            graph,
            wanted.initial_state,
            run_id=wanted.run_id,
            tags=wanted.tags,
            breakpoints=wanted.breakpoints,
        )
    except RunExists as error:
        address = f"{STATE}/{error.run_id}"
        raise BadRequest(
            error.message,
            code=error.code,
            status=HTTPStatus.CONFLICT,
            hint=f"it is at {address}; {error.hint}",
            details={**error.details, "location": address},
        ) from error
    if wanted.wait:
        with anyio.move_on_after(wanted.wait):
            await handle.rest()
    snapshot = await handle.snapshot()
    headers = {"Location": f"{STATE}/{snapshot.run_id}"}
    if wanted.wait is not None and snapshot.status != "running":
        return Reply(_shown(snapshot), HTTPStatus.OK, headers)
    accepted = RunAccepted(snapshot.run_id, snapshot.status, snapshot.seq)
    return Reply(accepted, HTTPStatus.ACCEPTED, headers)


async def state(request: Request) -> Reply:
    """Show a run as it is now, or as it was after entry `at`."""
    engine: Engine = request.state.engine
    at = number(request.query_params.get("at"), "at", least=0)
    handle = await engine.find(request.path_params["run_id"])
    return Reply(_shown(await handle.snapshot(at)))


def number(text: str | None, name: str, *, least: int) -> int | None:
    """Read a whole number from the query.

    Raises:
        BadRequest: It is none, or too small.
    """
    if text is None:
        return None
    # ASCII digits only, and no more than 64 bits hold: int() reads more than that, such as '1_0'.
    plain = re.fullmatch(r"-?[0-9]{1,18}", text)
    value = int(text) if plain else least - 1
    if value < least:
        raise BadRequest(
            f"{name}: expected a whole number from {least}, got '{text[:40]}'",
            code="INVALID_QUERY",
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
        )
    return value


def _shown(snapshot: Snapshot) -> RunState:
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
