"""Errors on the wire: RFC 9457 problem documents, each with a code and a hint.

This module knows which branch of the engine's error tree means which status. It does not
know the routes, nor how anything can go wrong on them.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec
from starlette.exceptions import HTTPException

from api.wire.reply import Reply
from engine import (  # msgspec reads annotations at run time
    EngineClosed,
    EngineError,
    InvalidGraph,
    InvalidTemplate,
    InvalidValue,
    Json,
    LogMoved,
    NotFound,
    Overloaded,
    Problem,
    Refused,
    StoreClosed,
    StoreUnavailable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

log: Final = logging.getLogger(__name__)

STATUS: Final[tuple[tuple[type[EngineError], HTTPStatus], ...]] = (
    (InvalidGraph, HTTPStatus.UNPROCESSABLE_ENTITY),
    (InvalidValue, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Refused, HTTPStatus.CONFLICT),
    (LogMoved, HTTPStatus.CONFLICT),
    (Overloaded, HTTPStatus.TOO_MANY_REQUESTS),
    (EngineClosed, HTTPStatus.SERVICE_UNAVAILABLE),
    (StoreClosed, HTTPStatus.SERVICE_UNAVAILABLE),
    (StoreUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""The first branch that fits; an error of none is ours (500)."""

UNREADABLE: Final = frozenset({"BAD_JSON", "NOT_UTF8"})
"""Problems of a document that is not even JSON (400)."""

MEDIA_TYPE: Final = "application/problem+json"

RETRY_AFTER: Final = 1
"""Seconds after which to ask again when the store could keep nothing, or runs are too many."""

HINTS: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.BAD_REQUEST: "mend the text there: strings and names stand in double quotes, and "
    "no comma stands behind the last",
    HTTPStatus.NOT_FOUND: "look at the name; what there is stands in the lists of /api/v1",
    HTTPStatus.CONFLICT: "look at it as it is now, and ask again if that is still meant",
    HTTPStatus.UNPROCESSABLE_ENTITY: "mend each of `problems`: `path` says where it is",
    HTTPStatus.TOO_MANY_REQUESTS: "ask again after as many seconds as Retry-After says",
    HTTPStatus.SERVICE_UNAVAILABLE: "ask again when the server is there again",
}
"""The next step where whoever refused knows none."""

_LOST: Final = "the routes are listed in /docs"


class ProblemDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong, and what to do about it."""

    type: str
    """A URN that ends in the code."""
    title: str
    status: int
    detail: str
    instance: str
    code: str
    hint: str
    """The next step."""
    problems: tuple[Problem, ...] = ()
    """Everything that is wrong with the request, each with a JSON pointer into the body, or
    `?name` for a parameter of the query."""
    details: dict[str, Json] = {}


class BadRequest(Exception):
    """A request that can't be read, or not be what it wants to be."""

    def __init__(  # noqa: PLR0913  # what a problem document says, each by name
        self,
        message: str,
        *,
        code: str,
        status: HTTPStatus = HTTPStatus.BAD_REQUEST,
        hint: str = "",
        problems: Sequence[Problem] = (),
        details: Mapping[str, Json] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.hint = hint
        self.problems = tuple(problems)
        self.details = dict(details or {})


async def bad_request(request: Request, error: Exception) -> Reply:
    """Answer a request that was refused before the engine heard of it."""
    assert isinstance(error, BadRequest)  # noqa: S101  # what it is registered for
    return _reply(request, error)


async def engine_error(request: Request, error: Exception) -> Reply:
    """Answer what the engine refused."""
    assert isinstance(error, EngineError)  # noqa: S101  # what it is registered for
    status = next(
        (status for branch, status in STATUS if isinstance(error, branch)),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )
    code, message, hint = error.code, error.message, error.hint
    problems: tuple[Problem, ...] = ()
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:  # the answer says that the log has more
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    if isinstance(error, InvalidTemplate):
        problems = tuple(error.problems)
    if isinstance(error, InvalidGraph):
        problems = error.problems
        message = f"the graph has {counted(len(problems))}"
        first = problems[0]
        if first.code in UNREADABLE:
            status, problems = HTTPStatus.BAD_REQUEST, ()
            code, message, hint = first.code, first.message, first.hint
    bad = BadRequest(
        message, code=code, status=status, hint=hint, problems=problems, details=error.details
    )
    reply = _reply(request, bad)
    if isinstance(error, StoreUnavailable | Overloaded):
        reply.headers["Retry-After"] = str(RETRY_AFTER)
    return reply


async def http_error(request: Request, error: Exception) -> Reply:
    """Answer a request that fits no route, or not by its method."""
    assert isinstance(error, HTTPException)  # noqa: S101  # what it is registered for
    status = HTTPStatus(error.status_code)
    path, method = request.url.path, request.method
    headers = dict(error.headers or {})
    match status:
        case HTTPStatus.NOT_FOUND:
            detail, hint = f"there is nothing at {path}", _LOST
        case HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(sorted(headers.get("Allow", "").split(", ")))
            detail, hint = f"{path} can't be asked with {method}", f"use {headers['Allow']}"
        case _:
            detail, hint = error.detail, _LOST
    reply = _reply(request, BadRequest(detail, code=status.name, status=status, hint=hint))
    reply.headers.update(headers)
    return reply


async def server_error(request: Request, error: Exception) -> Reply:
    """Answer that it is our fault; what happened is in the server's log, not in the answer."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _reply(
        request,
        BadRequest(
            "the server failed to answer this request",
            code="INTERNAL_ERROR",
            status=HTTPStatus.INTERNAL_SERVER_ERROR,
            hint="the log of the server says why",
        ),
    )


def counted(problems: int) -> str:
    """Say how many problems there are."""
    return f"{problems} problem{'' if problems == 1 else 's'}"


def document(error: BadRequest, path: str) -> ProblemDocument:
    """Write what went wrong with a request for a path."""
    return ProblemDocument(
        type=f"urn:awe:problem:{error.code}",
        title=error.code.replace("_", " ").capitalize(),
        status=error.status,
        detail=error.message,
        instance=path,
        code=error.code,
        hint=error.hint or _next_step(error),
        problems=error.problems,
        details=error.details,
    )


def _reply(request: Request, error: BadRequest) -> Reply:
    return Reply(document(error, request.url.path), error.status, media_type=MEDIA_TYPE)


def _next_step(error: BadRequest) -> str:
    """Give the hint of the only problem, or what helps in general."""
    if len(error.problems) == 1 and error.problems[0].hint:
        return error.problems[0].hint
    return HINTS.get(error.status, "the log of the server says why")
