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

from api.operation import RUNS, Operation
from api.parameter import Parameter, Wrong, number, once, text, words
from api.wire.forks import OriginView
from api.wire.reading import ListedRun, RunList
from api.wire.reply import Reply
from engine import Engine, NotFound, RunId, RunRecord, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from api.parameter import Given


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ends: what a list of runs is ordered by."""

    began: datetime
    run_id: str


async def runs(request: Request) -> Reply:
    """List runs, the latest first."""
    engine: Engine = request.state.engine
    given: Given = request.state.given
    limit = given[LIMIT]
    found = await engine.runs(
        status=given[STATUS],
        graph=given[GRAPH],
        tags=given[TAG],
        error=given[ERROR],
        since=given[SINCE],
        until=given[UNTIL],
        before=given[BEFORE],
        limit=limit + 1,  # one more than is shown tells whether there is another page
    )
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


def _read(text: str, wrong: Wrong) -> RunRecord | None:
    """Read a cursor: of the record that it stands for, only the order matters."""
    try:
        padded = text.encode() + b"=" * (-len(text) % 4)
        data = base64.b64decode(padded, altchars=b"-_", validate=True)
        cursor = msgspec.json.decode(data, type=_Cursor)
        began = cursor.began.astimezone(UTC)
    except (binascii.Error, msgspec.MsgspecError, UnicodeDecodeError, OverflowError):
        wrong("WRONG_TYPE", "expected the `next` of a page of this list, as it was given")
        return None
    return RunRecord(
        run_id=RunId(cursor.run_id),
        graph="",
        version="",
        status="running",
        began=began,
        changed=began,
    )


def _pairs(texts: Sequence[str], wrong: Wrong) -> dict[str, str]:
    """Read tags, each as `key:value`."""
    tags: dict[str, str] = {}
    for each in texts:
        key, colon, value = each.partition(":")
        if not colon:
            wrong("WRONG_TYPE", f"expected a tag and its value, as in team:core, got '{each[:40]}'")
        elif tags.setdefault(key, value) != value:
            wrong("WRONG_TYPE", f"expected one value of the tag '{key[:40]}', got two")
    return tags


def _time(text: str, wrong: Wrong) -> datetime | None:
    """Read a time; one without a zone is UTC."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        said = f"expected a time, such as 2026-11-22T10:00:00Z, got '{text[:40]}'"
        wrong("WRONG_TYPE", said)
        return None


_STATUSES: Final[tuple[Status, ...]] = get_args(Status)

STATUS: Final = words(
    "status",
    _STATUSES,
    "Only those in this status, or in one of several (`status=failed&status=paused`).",
)
GRAPH: Final = text("graph", "Only those of the graph so called.")
TAG: Final = Parameter(
    "tag",
    "query",
    {"type": "array", "items": {"type": "string"}},
    "Only those with this tag, as `key:value`, or with all of several.",
    _pairs,
)
ERROR: Final = text("error", "Only those that failed with this code, or are paused for it.")
SINCE: Final = once("since", _time, "Only those that began then or later (ISO 8601, or else UTC).")
UNTIL: Final = once("until", _time, "Only those that began before (as `since`).")
LIMIT: Final = number("limit", 1, "At most so many.", most=1_000).or_else(100)
BEFORE: Final = once("before", _read, "The `next` of the page before.")

OPERATIONS: Final = (
    Operation(
        path=RUNS,
        name="listRuns",
        summary="List runs, the latest first",
        endpoint=runs,
        parameters=(STATUS, GRAPH, TAG, ERROR, SINCE, UNTIL, LIMIT, BEFORE),
        answers={"200": (RunList, "A page of the list.")},
        problems=("500", "503"),
    ),
)
