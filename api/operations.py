"""What can be asked over HTTP: one operation for each route and method, as data.

This module knows what each operation takes and gives. It does not know how that is written
down for others (`openapi`), nor what answers (`app`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

import msgspec

from api import listing, reading
from api.idempotency import HEADER
from api.wire import (
    BreakpointsRequest,
    CancelRequest,
    CommandDone,
    FailureReport,
    ForkRequest,
    GraphCreated,
    Health,
    LimitsRequest,
    LogPage,
    NewRun,
    PatchRequest,
    PlainRequest,
    RetryRequest,
    RunAccepted,
    RunList,
    RunRequest,
    RunState,
    SkipRequest,
    StateDifference,
)
from engine import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine import Json

Kind: TypeAlias = type[msgspec.Struct]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A part of the path or of the query, or a header."""

    name: str
    place: Literal["path", "query", "header"]
    schema: Mapping[str, Json]
    description: str
    required: bool = False


_RUN_ID: Final = Parameter("run_id", "path", {"type": "string"}, "The name of the run.", True)

_KEY: Final = Parameter(
    HEADER,
    "header",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "Made up by the client for this request, so that it has one effect however often it comes.",
)


def _asked(name: str, least: int, description: str, **more: Json) -> Parameter:
    return Parameter(name, "query", {"type": "integer", "minimum": least, **more}, description)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be asked."""

    path: str
    name: str
    summary: str
    answers: Mapping[str, tuple[Kind | None, str]]
    """By status: what the body is, and when. None: an object that is described elsewhere."""
    posts: bool = False
    body: Kind | None = None
    """What is posted; None: an object that is described elsewhere."""
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[str, ...] = ()
    makes: bool = False
    """Makes something, and so takes an `Idempotency-Key`."""
    located: bool = field(default=False)
    """The answer says where the run is."""

    @property
    def method(self) -> str:
        """The method, in lower case."""
        return "post" if self.posts else "get"

    @property
    def body_required(self) -> bool:
        """Whether the body may not be left out."""
        return self.body is None or any(f.required for f in msgspec.structs.fields(self.body))

    @property
    def all_parameters(self) -> tuple[Parameter, ...]:
        """Those of the path and the headers among them."""
        of_path = (_RUN_ID,) if "{run_id}" in self.path else ()
        return (*of_path, *self.parameters, *((_KEY,) if self.makes else ()))


_BODY: Final = ("400", "413", "415", "422", "500", "503")
_RUNS: Final = "/api/v1/runs"


def _command(name: str, body: Kind, summary: str) -> Operation:
    return Operation(
        path=f"{_RUNS}/{{run_id}}/{name}",
        name={"breakpoints": "setBreakpoints", "limits": "raiseLimits"}.get(name, f"{name}Run"),
        summary=summary,
        posts=True,
        body=body,
        answers={"200": (CommandDone, "It was carried out; this is what it caused.")},
        problems=("404", "409", *_BODY),
    )


def _new_run(name: str, body: Kind, summary: str) -> Operation:
    return Operation(
        path=f"{_RUNS}/{{run_id}}/{name}",
        name=f"{name}Run",
        summary=summary,
        posts=True,
        body=body,
        answers={"201": (NewRun, "The new run goes on.")},
        problems=("404", "409", "429", *_BODY),
        makes=True,
        located=True,
    )


OPERATIONS: Final = (
    Operation(
        path="/api/v1/graph/create",
        name="createGraph",
        summary="Create a workflow graph: its document, in any of its shorthands",
        posts=True,
        answers={
            "201": (GraphCreated, "It is new, or a new version of its name."),
            "200": (GraphCreated, "It was there already."),
        },
        problems=_BODY,
        makes=True,
    ),
    Operation(
        path="/api/v1/graph/run",
        name="runGraph",
        summary="Execute a workflow",
        posts=True,
        body=RunRequest,
        answers={
            "200": (RunState, "With `wait`: it has ended, or is paused."),
            "202": (RunAccepted, "It goes on."),
        },
        problems=("404", "409", "429", *_BODY),
        makes=True,
        located=True,
    ),
    Operation(
        path="/api/v1/graph/state/{run_id}",
        name="getState",
        summary="Get the state of a run, as it is or was",
        parameters=(_asked("at", 0, "The state after this entry, and those decided with it."),),
        answers={"200": (RunState, "The run.")},
        problems=("404", "422", "500", "503"),
    ),
    Operation(
        path=_RUNS,
        name="listRuns",
        summary="List runs, the latest first",
        parameters=(
            Parameter(
                "status",
                "query",
                {"type": "array", "items": {"type": "string", "enum": [*get_args(Status)]}},
                "Only those in this status, or in one of several (`status=failed&status=paused`).",
            ),
            Parameter("graph", "query", {"type": "string"}, "Only those of the graph so called."),
            _asked(
                "limit",
                1,
                "At most so many.",
                maximum=listing.MOST,
                default=listing.LIMIT,
            ),
            Parameter("before", "query", {"type": "string"}, "The `next` of the page before."),
        ),
        answers={"200": (RunList, "A page of the list.")},
        problems=("422", "500", "503"),
    ),
    _command("cancel", CancelRequest, "End a run now; the tools that are running are stopped"),
    _command("pause", PlainRequest, "Let no further node begin"),
    _command("resume", PlainRequest, "Let a paused run go on"),
    _command("step", PlainRequest, "Let a paused run fire one node, and stay paused"),
    _command("breakpoints", BreakpointsRequest, "Put breakpoints in place of those there are"),
    _command("patch", PatchRequest, "Set keys of the state of what is in flight"),
    _command("skip", SkipRequest, "Give the result of a node in its place"),
    _command("limits", LimitsRequest, "Give limits of a run other values"),
    _new_run(
        "fork", ForkRequest, "Begin a new run with the log of this one, up to an entry, as its past"
    ),
    _new_run(
        "retry", RetryRequest, "Begin a new run where this one ended: what failed is tried again"
    ),
    Operation(
        path=f"{_RUNS}/{{run_id}}/log",
        name="getLog",
        summary="Read the log of a run, page by page",
        parameters=(
            _asked("after", -1, "The seq of the last entry already read; -1: none.", default=-1),
            _asked(
                "limit",
                1,
                "At most so many; a page of large entries has fewer.",
                maximum=reading.MOST,
                default=reading.LIMIT,
            ),
        ),
        answers={"200": (LogPage, "A page of the log.")},
        problems=("404", "422", "500", "503"),
    ),
    Operation(
        path=f"{_RUNS}/{{run_id}}/diff",
        name="diffStates",
        summary="Compare the state of a run after one of its entries with that after another",
        parameters=(
            Parameter(
                "from", "query", {"type": "integer", "minimum": 0}, "The one entry.", required=True
            ),
            _asked("to", 0, "The other; the state as it is now if left out."),
        ),
        answers={"200": (StateDifference, "What is different.")},
        problems=("404", "422", "500", "503"),
    ),
    Operation(
        path=f"{_RUNS}/{{run_id}}/report",
        name="getReport",
        summary="Say what a run failed of, or is paused for, and what can be done about it",
        answers={"200": (FailureReport, "The report.")},
        problems=("404", "422", "500", "503"),
    ),
    Operation(
        path="/healthz",
        name="healthz",
        summary="Whether the server answers",
        answers={"200": (Health, "It does.")},
    ),
    Operation(
        path="/openapi.json",
        name="openapi",
        summary="This description",
        answers={"200": (None, "OpenAPI 3.1.")},
    ),
)
