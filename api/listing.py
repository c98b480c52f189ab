"""The list of runs.

This module knows how a page of the list is asked for and shown. It does not know where runs
are kept.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, get_args

import msgspec

from api.operation import RUNS, Operation, Parameter, number
from api.query import Query
from api.wire.forks import OriginView
from api.wire.reading import ListedRun, RunList
from api.wire.reply import Reply
from engine import Engine, NotFound, RunId, RunRecord, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

LIMIT: Final = 100
MOST: Final = 1_000

_STATUSES: Final[tuple[Status, ...]] = get_args(Status)


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ends: what a list of runs is ordered by."""

    began: datetime
    run_id: str


async def runs(request: Request) -> Reply:
    """List runs, the latest first."""
    engine: Engine = request.state.engine
    query = Query(request)
    status = query.words("status", _STATUSES)
    graph = query.text("graph")
    limit = query.number("limit", least=1, most=MOST) or LIMIT
    before = _read(query, "before")
    query.done()
    # One more than is shown tells whether there is another page.
    found = await engine.runs(status=status, graph=graph, before=before, limit=limit + 1)
    shown = found[:limit]
    versions = await _versions(engine, shown)
    following = _written(shown[-1]) if len(found) > limit else None
    return Reply(RunList(tuple(_listed(each, versions) for each in shown), following))


def _listed(record: RunRecord, versions: dict[tuple[str, str], int | None]) -> ListedRun:
    origin = record.origin
    return ListedRun(
        run_id=record.run_id,
        graph_id=record.graph,
        version=versions[record.graph, record.version],
        status=record.status,
        began=record.began,
        changed=record.changed,
        error=record.error,
        origin=None if origin is None else OriginView(origin.run_id, origin.seq),
        tags=dict(record.tags),
    )


async def _versions(
    engine: Engine, records: Sequence[RunRecord]
) -> dict[tuple[str, str], int | None]:
    """Number the versions of graphs, which records name by their hash."""
    versions: dict[tuple[str, str], int | None] = {}
    for record in records:
        which = (record.graph, record.version)
        if which not in versions:
            try:
                versions[which] = (await engine.find(record.run_id)).graph.version
            except NotFound:
                versions[which] = None
    return versions


def _written(record: RunRecord) -> str:
    """Write a cursor that stands for a record."""
    cursor = msgspec.json.encode(_Cursor(record.began, record.run_id))
    return base64.urlsafe_b64encode(cursor).rstrip(b"=").decode()


def _read(query: Query, name: str) -> RunRecord | None:
    """Read a cursor: of the record that it stands for, only the order matters."""
    text = query.text(name)
    if text is None:
        return None
    try:
        padded = text.encode() + b"=" * (-len(text) % 4)
        data = base64.b64decode(padded, altchars=b"-_", validate=True)
        cursor = msgspec.json.decode(data, type=_Cursor)
        began = cursor.began.astimezone(UTC)
    except (binascii.Error, msgspec.MsgspecError, UnicodeDecodeError, OverflowError):
        query.wrong(name, "expected the `next` of a page of this list, as it was given")
        return None
    return RunRecord(
        run_id=RunId(cursor.run_id),
        graph="",
        version="",
        status="running",
        began=began,
        changed=began,
    )


OPERATIONS: Final = (
    Operation(
        path=RUNS,
        name="listRuns",
        summary="List runs, the latest first",
        endpoint=runs,
        parameters=(
            Parameter(
                "status",
                "query",
                {"type": "array", "items": {"type": "string", "enum": [*_STATUSES]}},
                "Only those in this status, or in one of several (`status=failed&status=paused`).",
            ),
            Parameter("graph", "query", {"type": "string"}, "Only those of the graph so called."),
            number("limit", 1, "At most so many.", maximum=MOST, default=LIMIT),
            Parameter("before", "query", {"type": "string"}, "The `next` of the page before."),
        ),
        answers={"200": (RunList, "A page of the list.")},
        problems=("422", "500", "503"),
    ),
)
