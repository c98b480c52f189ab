"""The live stream of a run, over a WebSocket.

This module knows how a WebSocket is served: its frames, and with which code it is closed. It
does not know what the entries say: it sends the lines of the log as they are, and in between
what tools say while they run, which is no entry and has no `seq`.

A handshake is always accepted, because a browser can't read why one was refused.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import anyio
import orjson
from starlette.exceptions import HTTPException
from starlette.websockets import WebSocketDisconnect

from api.connection import direct_of, text_frames
from api.following import AFTER, Reader, is_over
from api.hub import Form
from api.parameter import Given, number
from api.problem import MEDIA_TYPE, BadRequest, document
from api.wire.reply import Reply
from engine import Engine, EngineError, NotFound, Seq

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anyio import CancelScope
    from starlette.requests import Request
    from starlette.websockets import WebSocket

    from api.hub import Hub

log: Final = logging.getLogger(__name__)

STREAM: Final = "/api/v1/ws/workflow/{run_id}"

BATCH: Final = number("batch", 0, "1: what waits is joined into one frame.", most=1)

OVER: Final = 1000
BROKEN: Final = 1011
BAD_QUERY: Final = 4400
NO_SUCH_RUN: Final = 4404
FELL_BEHIND: Final = 4408

EACH: Final = Form(lambda lines, _: text_frames(lines))
"""A frame for each entry."""

JOINED: Final = Form(lambda lines, _: text_frames((b"\n".join(lines),)), breath=0.025)
"""What waits in one frame, a line for each entry. 40 frames a second are enough for any eye,
and what a fast run writes meanwhile costs one frame instead of hundreds."""

_MAX_REASON: Final = 123
"""Bytes of a reason that fit into a close frame."""


async def stream(websocket: WebSocket) -> None:
    """Send `stream.opened`, the entries after `after`, and new ones until the run ends."""
    engine: Engine = websocket.state.engine
    hub: Hub = websocket.state.hub
    await websocket.accept()
    try:
        given = Given(websocket, (AFTER, BATCH))
        run = await engine.find(websocket.path_params["run_id"])
    except BadRequest as error:
        await close(websocket, BAD_QUERY, error.message)
        return
    except NotFound as error:
        await close(websocket, NO_SUCH_RUN, error.message)
        return
    except EngineError as error:  # its store can give nothing for now, or it stops
        await close(websocket, BROKEN, error.message)
        return

    async def send(lines: Sequence[bytes], _: Seq) -> None:
        await websocket.send_text(b"\n".join(lines).decode())

    form = JOINED if given[BATCH] else EACH
    reader = Reader(run, Seq(given[AFTER]), form, direct=direct_of(websocket.scope), send=send)
    async with anyio.create_task_group() as both:
        both.start_soon(_until_gone, websocket, both.cancel_scope)
        await _serve(websocket, reader, hub)
        both.cancel_scope.cancel()


async def nowhere(websocket: WebSocket) -> None:
    """Refuse a handshake for another address; no page of ours would ask for one."""
    path = websocket.url.path
    error = BadRequest(
        f"there is no WebSocket at {path}",
        code="NOT_FOUND",
        status=HTTPStatus.NOT_FOUND,
        hint=f"the stream of a run is at {STREAM}",
    )
    await websocket.send_denial_response(
        Reply(document(error, path), error.status, media_type=MEDIA_TYPE)
    )


async def no_stream(_: Request) -> Reply:
    """Answer a plain GET: what is here is a WebSocket."""
    raise HTTPException(
        HTTPStatus.UPGRADE_REQUIRED,
        "this is a WebSocket: open it with ws:// in place of http://",
        {"Upgrade": "websocket"},
    )


async def close(websocket: WebSocket, code: int, reason: str) -> None:
    """Close, without waiting long for a client that does not listen."""
    short = reason.encode()[:_MAX_REASON].decode(errors="ignore")
    gone = suppress(RuntimeError, WebSocketDisconnect)  # what closing a closed one raises
    with anyio.move_on_after(1), gone:
        await websocket.close(code, short)


async def _serve(websocket: WebSocket, reader: Reader, hub: Hub) -> None:
    """Send the entries, and what tools say while they run; then close."""
    try:
        await reader.follow(hub)
        await close(websocket, OVER if await is_over(reader.run) else BROKEN, "")
    except TimeoutError:
        await close(websocket, FELL_BEHIND, orjson.dumps({"after": reader.sent}).decode())
    except WebSocketDisconnect:
        pass  # the client left, which is its right
    except Exception:
        log.exception("the stream of run '%s' broke", reader.run.id)
        await close(websocket, BROKEN, "the server failed, and its log says why")


async def _until_gone(websocket: WebSocket, serving: CancelScope) -> None:
    """Read and overlook what the client says; when it leaves, stop serving it."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
    serving.cancel()
