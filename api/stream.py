"""The live stream of a run, over a WebSocket.

This module knows how a reader is served: what it is told first, and with which code it is
let go. It does not know what the entries say: it sends the lines of the log as they are, and
in between what tools say while they run, which is no entry and has no `seq`.

A handshake is always accepted, because a browser can't read why one was refused. A reader
that takes nothing for `PATIENCE` seconds is let go with the position from which to resume;
the run has not noticed it, since readers take entries from the log at their own pace.
"""

from __future__ import annotations

import logging
from contextlib import aclosing, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import anyio
import msgspec
import orjson
from starlette.exceptions import HTTPException
from starlette.websockets import WebSocketDisconnect

from api.problem import BadRequest
from api.query import Query
from engine import BEGINNING, Engine, NotFound, RunHandle, Seq

if TYPE_CHECKING:
    from anyio import CancelScope
    from starlette.requests import Request
    from starlette.websockets import WebSocket

    from api.wire.reply import Reply

log: Final = logging.getLogger(__name__)

PATIENCE: Final = 10.0
"""Seconds that one frame may take to be sent."""

OVER: Final = 1000
BROKEN: Final = 1011
BAD_QUERY: Final = 4400
NO_SUCH_RUN: Final = 4404
FELL_BEHIND: Final = 4408

EPOCH: Final = 0
"""Would rise if entries had to be taken back that were sent; only what is kept is sent."""

_MAX_REASON: Final = 123
"""Bytes of a reason that fit into a close frame."""


async def stream(websocket: WebSocket) -> None:
    """Send `stream.opened`, the entries after `after`, and new ones until the run ends."""
    engine: Engine = websocket.state.engine
    await websocket.accept()
    try:
        query = Query(websocket)
        after = query.number("after", least=BEGINNING)
        query.done()
        run = await engine.find(websocket.path_params["run_id"])
    except BadRequest as error:
        await _close(websocket, BAD_QUERY, error.message)
        return
    except NotFound as error:
        await _close(websocket, NO_SUCH_RUN, error.message)
        return
    async with anyio.create_task_group() as both:
        both.start_soon(_until_gone, websocket, both.cancel_scope)
        await _serve(websocket, run, Seq(BEGINNING if after is None else after))
        both.cancel_scope.cancel()


async def no_stream(_: Request) -> Reply:
    """Answer a plain GET: what is here is a WebSocket."""
    raise HTTPException(
        HTTPStatus.UPGRADE_REQUIRED,
        "this is a WebSocket: open it with ws:// in place of http://",
        {"Upgrade": "websocket"},
    )


async def _serve(websocket: WebSocket, run: RunHandle, after: Seq) -> None:
    """Send the entries, and what tools say while they run; then close."""
    opened = {
        "type": "stream.opened",
        "ephemeral": True,
        "run_id": run.id,
        "epoch": EPOCH,
        "seq": await run.last(),
    }
    sent = after
    try:
        await _send(websocket, orjson.dumps(opened))
        async with aclosing(run.frames(after)) as items:
            async for item in items:
                if isinstance(item, tuple):
                    row, seen = item
                    for line in row.data.split(b"\n")[seen:]:
                        await _send(websocket, line)
                        sent = Seq(sent + 1)
                else:
                    await _send(websocket, msgspec.json.encode(item))
        ended = (await run.snapshot()).status in ("completed", "failed", "cancelled")
        await _close(websocket, OVER if ended else BROKEN, "")
    except TimeoutError:
        await _close(websocket, FELL_BEHIND, orjson.dumps({"after": sent}).decode())
    except WebSocketDisconnect:
        pass  # the client left, which is its right
    except Exception:
        log.exception("the stream of run '%s' broke", run.id)
        await _close(websocket, BROKEN, "the server failed, and its log says why")


async def _send(websocket: WebSocket, frame: bytes) -> None:
    """Send one frame.

    Raises:
        TimeoutError: The reader does not take it.
    """
    with anyio.fail_after(PATIENCE):
        await websocket.send_text(frame.decode())


async def _until_gone(websocket: WebSocket, serving: CancelScope) -> None:
    """Read and overlook what the client says; when it leaves, stop serving it."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
    serving.cancel()


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    """Close, without waiting long for a client that does not listen."""
    short = reason.encode()[:_MAX_REASON].decode(errors="ignore")
    gone = suppress(RuntimeError, WebSocketDisconnect)  # what closing a closed one raises
    with anyio.move_on_after(1), gone:
        await websocket.close(code, short)
