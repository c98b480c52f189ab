"""The live stream of a run, as server-sent events: for `EventSource`, `curl -N`, and proxies.

This module knows how events are written and how their end is told. It does not know what the
entries say: the data of an event is the line of the log as it is.
"""

from __future__ import annotations

import logging
from enum import Enum
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import anyio
import orjson
from starlette.responses import Response

from api import following
from api.connection import chunk, direct_of
from api.following import AFTER, Reader, is_over
from api.hub import Form
from api.operation import RUN, Operation
from api.parameter import once, whole
from engine import BEGINNING, Engine, Seq

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from api.connection import Direct
    from api.hub import Hub
    from api.parameter import Given
    from engine import RunHandle

log: Final = logging.getLogger(__name__)

MEDIA_TYPE: Final = "text/event-stream; charset=utf-8"

RESUME: Final = once(
    "Last-Event-ID",
    whole(BEGINNING),
    "As `after`, and before it: browsers send it when they come back.",
    schema={"type": "string", "pattern": "^(-1|[0-9]{1,18})?$"},
    place="header",
)
"""The header by which a client that comes back says which entry it had last."""

SILENCE: Final = 15.0
"""Seconds after which a comment is sent, so that nobody takes a quiet run for a dead one."""

_COMMENT: Final = b": nothing new\n\n"

_COME_BACK: Final = b"retry: 1000\n\n"
"""Milliseconds after which a browser that was cut off comes back."""


async def events(request: Request) -> Response:
    """Send the entries after `after`, and new ones until the run ends; 204: there are no more."""
    engine: Engine = request.state.engine
    given: Given = request.state.given
    # A browser that comes back asks for the same address, and says in the header where it is.
    resumed = given[RESUME]
    after = Seq(given[AFTER] if resumed is None else resumed)
    run = await engine.find(request.path_params["run_id"])
    if await is_over(run) and after >= await run.last():
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return _Events(run, after, request.state.hub)


def _written(lines: Sequence[bytes], first: Seq) -> bytes:
    """Write lines as events; those of entries have their seq as id."""
    if first == BEGINNING:
        return b"".join(b"data: %b\n\n" % line for line in lines)
    return b"".join(b"id: %d\ndata: %b\n\n" % (seq, line) for seq, line in enumerate(lines, first))


EVENTS: Final = Form(lambda lines, first: chunk(_written(lines, first)))


class _Events(Response):
    """An answer that goes on until the run ends, or the client has gone."""

    media_type: str | None = MEDIA_TYPE

    def __init__(self, run: RunHandle, after: Seq, hub: Hub) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._run = run
        self._after = after
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        headers = self.raw_headers
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
        else:
            client = _Client(receive, send, direct_of(scope))
            await client.serve(self._run, self._after, self._hub)


class _End(Enum):
    """Why an answer ends."""

    OVER = "the run has ended"
    STOPPED = "nothing more comes from here for now"
    GONE = "the client has left"
    BROKEN = "the client takes nothing, or the server failed"


class _Client:
    """Who reads events."""

    def __init__(self, receive: Receive, send: Send, direct: Direct | None) -> None:
        self._receive = receive
        self._send = send
        self._direct = direct

    async def serve(self, run: RunHandle, after: Seq, hub: Hub) -> None:
        """Send the entries, and what tools say while they run, and how it ends."""
        await self._part(_COME_BACK)
        reader = Reader(run, after, EVENTS, direct=self._direct, send=self._plain)
        ends: list[_End] = []
        async with anyio.create_task_group() as both:

            def end(why: _End) -> None:
                ends.append(why)
                both.cancel_scope.cancel()

            async def until_gone() -> None:
                await self._until_gone(reader)
                end(_End.GONE)

            if self._direct is not None:
                self._direct.on_stop = partial(end, _End.STOPPED)
            both.start_soon(until_gone)
            end(await _followed(reader, hub))
        if self._direct is not None:
            self._direct.on_stop = None
        if ends[0] in (_End.OVER, _End.STOPPED):
            with anyio.move_on_after(following.PATIENCE):
                await self._part(_farewell(reader) if ends[0] is _End.OVER else b"", last=True)
                return
        if ends[0] is not _End.GONE:
            await self._cut()

    async def _part(self, data: bytes, *, last: bool = False) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": not last})

    async def _plain(self, lines: Sequence[bytes], first: Seq) -> None:
        await self._part(_written(lines, first))

    async def _until_gone(self, reader: Reader) -> None:
        """Wait for the client to leave, and send it a comment when there is nothing else."""
        while True:
            with anyio.move_on_after(reader.at + SILENCE - anyio.current_time()) as silence:
                if (await self._receive())["type"] == "http.disconnect":
                    return
            if silence.cancelled_caught:
                reader.at = anyio.current_time()
                if self._direct is None:
                    await self._part(_COMMENT)
                elif self._direct.has_room:
                    self._direct.write(chunk(_COMMENT))

    async def _cut(self) -> None:
        """Break the connection off, or the client would take what it has for all there is."""
        if self._direct is not None:
            self._direct.abort()
            while (await self._receive())["type"] != "http.disconnect":
                pass


async def _followed(reader: Reader, hub: Hub) -> _End:
    """Let a reader follow its run, and say how that ended."""
    try:
        await reader.follow(hub)
        return _End.OVER if await is_over(reader.run) else _End.STOPPED
    except TimeoutError:
        return _End.BROKEN
    except Exception:
        log.exception("the event stream of run '%s' broke", reader.run.id)
        return _End.BROKEN


def _farewell(reader: Reader) -> bytes:
    """Tell a browser that there is no more: as it is, it comes back after any end."""
    told = {"type": "stream.ended", "ephemeral": True, "run_id": reader.run.id}
    return b"event: end\n" + _written([orjson.dumps({**told, "seq": reader.sent})], BEGINNING)


OPERATIONS: Final = (
    Operation(
        path=f"{RUN}/events",
        name="followRun",
        summary="Follow a run: its entries as server-sent events, to its end",
        endpoint=events,
        parameters=(AFTER, RESUME),
        answers={
            "200": (None, "An event for each entry, then one called `end`."),
            "204": (None, "The run has ended, and there is nothing after that entry."),
        },
        media=MEDIA_TYPE,
        problems=("404", "500", "503"),
    ),
)
