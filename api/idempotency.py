"""Requests that may come twice and are to have one effect: the header `Idempotency-Key`.

This module knows how a request is told from another, and how its answer is kept and given
again. It does not know what any request does.

Before a request with a key does anything, a note of it is kept: what it asked, and a name for
the run that it may make. After it, its answer is, also if that was a refusal. Whoever comes
with that key later finds the note, acts under the same name, so that nothing is made twice,
and gets the answer of the first, in another process, too. Only an answer that says that the
server failed, or has too many runs, is not kept. The others are kept as long as the store is.

Those that come at once wait for the first. In several processes they would not, and then one
that chose the name of its run may hear that it is taken, by the run of another: still there is
one run, and one answer.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

import anyio
import msgspec
from starlette.responses import Response

from api.parameter import once
from api.problem import BadRequest, bad_request, engine_error
from engine import Engine, EngineError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
"""A header of answers that were given before."""

_KEY: Final = re.compile(r"^[!-~]{1,255}$")

KEY: Final = once(
    HEADER,
    lambda given, _: given,
    "Made up by the client for this request, so that it has one effect however often it comes.",
    schema={"type": "string", "pattern": _KEY.pattern},
    place="header",
)
"""It is read only when the request would act: what is wrong with the rest is told first."""

_TENANT: Final = "default"

_COME_AGAIN: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        *(status for status in HTTPStatus if status >= HTTPStatus.INTERNAL_SERVER_ERROR),
    }
)
"""Answers that are not kept: the same request may well have another one later."""


class Attempt(msgspec.Struct, frozen=True):
    """One of the requests with the same key."""

    run_id: str | None = None
    """The name of the run it may make; None without a key, when nobody needs to know it."""
    again: bool = False
    """There was one before it, which may have had its effect."""


class _Note(msgspec.Struct, frozen=True):
    """What is kept of the first request with a key."""

    fingerprint: str
    run_id: str


class _Answer(msgspec.Struct, frozen=True):
    """What is kept of the first answer."""

    by: str
    """Made up by who answered, who knows by it whether the answer is his."""
    status: int
    media_type: str
    location: str | None
    body: msgspec.Raw


class Keys:
    """The keys of the requests that are being served."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()

    async def once(
        self, request: Request, body: bytes, act: Callable[[Attempt], Awaitable[Response]]
    ) -> Response:
        """Do what a request asks, or answer as the first one with its key was answered.

        Args:
            request: Who asks, perhaps with a key.
            body: All of its body.
            act: Does what it asks. It must have its effect no more than once for the same
                `Attempt.run_id`.

        Raises:
            BadRequest: The key can't be one, or came with another request (422).
        """
        key = _key(request)
        if key is None:
            return await act(Attempt())
        lock = self._locks.setdefault(key, anyio.Lock())
        async with lock:
            return await _once(request, key, body, act)


async def _once(
    request: Request, key: str, body: bytes, act: Callable[[Attempt], Awaitable[Response]]
) -> Response:
    engine: Engine = request.state.engine
    path = request.url.path
    fingerprint = hashlib.sha256(f"{request.method} {path}\n".encode() + body).hexdigest()
    note = _Note(fingerprint, secrets.token_hex(10))
    place = f"idempotency:{_TENANT}:request:{key}"
    first = msgspec.json.decode(await engine.remember(place, msgspec.json.encode(note)), type=_Note)
    if first.fingerprint != fingerprint:
        raise BadRequest(
            f"the key '{key}' came with another request before",
            code="IDEMPOTENCY_KEY_REUSED",
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            hint=f"a new request needs a new {HEADER}; the same key is for the same path and "
            "the same body, byte for byte",
        )
    try:
        reply = await act(Attempt(first.run_id, again=first != note))
    except (BadRequest, EngineError) as error:
        refuse = bad_request if isinstance(error, BadRequest) else engine_error
        reply = await refuse(request, error)
        if reply.status_code in _COME_AGAIN:
            raise
    answer = _Answer(
        note.run_id,
        reply.status_code,
        reply.headers["content-type"],
        reply.headers.get("location"),
        msgspec.Raw(bytes(reply.body)),
    )
    place = f"idempotency:{_TENANT}:answer:{key}"
    kept = msgspec.json.decode(
        await engine.remember(place, msgspec.json.encode(answer)), type=_Answer
    )
    headers = {"Location": kept.location} if kept.location is not None else {}
    if kept.by != answer.by:
        headers[REPLAYED] = "true"
    return Response(bytes(kept.body), kept.status, headers, kept.media_type)


def _key(request: Request) -> str | None:
    """Read the key of a request, if it has one.

    Raises:
        BadRequest: It can't be one.
    """
    keys = request.headers.getlist(HEADER)
    if not keys:
        return None
    if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
        raise BadRequest(
            f"{HEADER}: expected 1 to 255 visible ASCII characters, without spaces, once",
            code="INVALID_IDEMPOTENCY_KEY",
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            hint="a random UUID is fine",
        )
    return keys[0]
