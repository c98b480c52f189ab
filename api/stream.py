"""The live stream of a run, over a WebSocket.

This module knows how a reader is served: what it is told first, and with which code it is
let go. It does not know what the entries say: it sends the lines of the log as they are.

A handshake is always accepted, because a browser can't read why one was refused. A reader
that takes nothing for `PATIENCE` seconds is let go with the position from which to resume;
the run has not noticed it, since readers take entries from the log at their own pace.
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

from api.problem import BadRequest
from api.runs import number
from engine import BEGINNING, Engine, NotFound, RunHandle, Seq

if TYPE_CHECKING:
    from anyio import CancelScope
    from starlette.requests import Request
    from starlette.websockets import WebSocket

    from api.wire import Reply

log: Final = logging.getLogger(__name__)

PATIENCE: Final = 10.0
"""Seconds that one frame may take to be sent."""

OVER: Final = 1000
BROKEN: Final = 1011
BAD_QUERY: Final = 4400
NO_SUCH_RUN: Final = 4404
FELL_BEHIND: Final = 4408

EPOCH: Final = 0
"""Rises when entries that were applied had to be taken back; in memory, none ever are."""

_MAX_REASON: Final = 123
"""Bytes of a reason that fit into a close frame."""


async def stream(websocket: WebSocket) -> None:
    """Send `stream.opened`, the entries after `after`, and new ones until the run ends."""
    engine: Engine = websocket.state.engine
    await websocket.accept()
    try:
        after = number(websocket.query_params.get("after"), "after", least=BEGINNING)
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
    """Send everything, then close."""
    opened = {
        "type": "stream.opened",
        "ephemeral": True,
        "run_id": run.id,
        "epoch": EPOCH,
        "seq": await run.last(),
    }
    frame, sent = orjson.dumps(opened), after - 1
    lines = run.lines(after)
    try:
        while True:
            with anyio.fail_after(PATIENCE):
                await websocket.send_text(frame.decode())
            sent += 1
            frame = await anext(lines)
    except StopAsyncIteration:
        ended = (await run.snapshot()).status in ("completed", "failed", "cancelled")
        await _close(websocket, OVER if ended else BROKEN, "")
    except TimeoutError:
        await _close(websocket, FELL_BEHIND, orjson.dumps({"after": sent}).decode())
    except WebSocketDisconnect:
        pass  # the client left, which is its right
    except Exception:
        log.exception("the stream of run '%s' broke", run.id)
        await _close(websocket, BROKEN, "the server failed, and its log says why")
    finally:
        await lines.aclose()


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
