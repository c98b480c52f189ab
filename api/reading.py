"""The routes that read the log of a run: page by page, as a difference, as a report.

This module knows how each is asked for and shown. It does not know what entries mean.
"""

from __future__ import annotations

from contextlib import aclosing
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from api.actions import requests_for
from api.following import AFTER
from api.operation import RUN, Operation
from api.parameter import number
from api.problem import BadRequest
from api.runs import address
from api.wire.reading import ChangedKey, EarlierAttempt, FailureReport, LogPage, StateDifference
from api.wire.reply import Reply
from engine import Engine, Seq

if TYPE_CHECKING:
    from starlette.requests import Request

    from api.parameter import Given

LIMIT: Final = number(
    "limit", 1, "At most so many; a page of large entries has fewer.", most=1_000
).or_else(100)
FROM: Final = number("from", 0, "The one entry.").needed()
TO: Final = number("to", 0, "The other; the state as it is now if left out.")

MAX_PAGE: Final = 1024 * 1024
"""Bytes after which a page ends early; one entry may be larger."""


async def log(request: Request) -> Response:
    """Give a page of the log, each entry as it stands there."""
    engine: Engine = request.state.engine
    given: Given = request.state.given
    after, limit = Seq(given[AFTER]), given[LIMIT]
    run = await engine.find(request.path_params["run_id"])
    last = await run.last()
    page: list[bytes] = []
    size = 0
    async with aclosing(run.lines(after)) as lines:
        # A log that grows is never waited for: so many entries are there.
        while len(page) < min(limit, last - after) and size < MAX_PAGE:
            page.append(await anext(lines))
            size += len(page[-1])
    reached = after + len(page)
    following = b"%d" % reached if reached < last else b"null"
    entries = b",".join(page)
    return Response(
        b'{"entries":[%b],"next":%b}' % (entries, following), media_type="application/json"
    )


async def diff(request: Request) -> Reply:
    """Compare the state after one entry with that after another, or as it is now."""
    engine: Engine = request.state.engine
    given: Given = request.state.given
    run = await engine.find(request.path_params["run_id"])
    found = await run.diff(given[FROM], given[TO])
    changed = {key: ChangedKey(*values) for key, values in found.changed.items()}
    return Reply(
        StateDifference(run.id, found.before, found.after, found.added, found.removed, changed)
    )


async def report(request: Request) -> Reply:
    """Say what a run failed of, or is paused for, and what can be done about it."""
    engine: Engine = request.state.engine
    run = await engine.find(request.path_params["run_id"])
    found = await run.report()
    if found is None:
        raise BadRequest(
            f"there is nothing to report of run '{run.id}': it has not failed, nor is it "
            "paused for an error",
            code="NOTHING_TO_REPORT",
            status=HTTPStatus.NOT_FOUND,
            hint=f"how it is now is at {address(run.id)}",
            details={"run_id": run.id},
        )
    return Reply(
        FailureReport(
            run_id=found.run_id,
            graph_id=found.graph_id,
            status=found.status,
            error=found.error,
            state=found.state,
            actions=requests_for(run.id, found.actions),
            node=found.node,
            activation=found.activation,
            attempt=found.attempt,
            messages=found.messages,
            earlier=tuple(
                EarlierAttempt(each.attempt, each.at, each.error) for each in found.earlier
            ),
        )
    )


OPERATIONS: Final = (
    Operation(
        path=f"{RUN}/log",
        name="getLog",
        summary="Read the log of a run, page by page",
        endpoint=log,
        parameters=(AFTER, LIMIT),
        answers={"200": (LogPage, "A page of the log.")},
        problems=("404", "500", "503"),
    ),
    Operation(
        path=f"{RUN}/diff",
        name="diffStates",
        summary="Compare the state of a run after one of its entries with that after another",
        endpoint=diff,
        parameters=(FROM, TO),
        answers={"200": (StateDifference, "What is different.")},
        problems=("404", "500", "503"),
    ),
    Operation(
        path=f"{RUN}/report",
        name="getReport",
        summary="Say what a run failed of, or is paused for, and what can be done about it",
        endpoint=report,
        answers={"200": (FailureReport, "The report.")},
        problems=("404", "500", "503"),
    ),
)
