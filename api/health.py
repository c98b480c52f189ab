"""Whether the server answers and can do its work, and which version it is.

This module knows what is asked by whoever looks after a server. It does not know what can be
wrong with an engine.
"""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from api.operation import Operation
from api.wire.health import Health
from api.wire.reply import Reply
from engine import Engine, EngineError, StoreUnavailable

if TYPE_CHECKING:
    from starlette.requests import Request

log: Final = logging.getLogger(__name__)

VERSION: Final = version("agent-workflow-engine")


async def healthz(_: Request) -> Reply:
    """Say that the server answers."""
    return Reply(Health("ok", VERSION))


async def readyz(request: Request) -> Reply:
    """Say whether runs can be started: 503 with the reason if not."""
    engine: Engine = request.state.engine
    try:
        await engine.ready()
    except EngineError:
        raise
    except Exception as error:
        log.exception("the store can't be read")
        raise StoreUnavailable(
            "the store can't be read", hint="the log of the server says why"
        ) from error
    return Reply(Health("ready", VERSION))


OPERATIONS: Final = (
    Operation(
        path="/healthz",
        name="healthz",
        summary="Whether the server answers",
        endpoint=healthz,
        answers={"200": (Health, "It does.")},
    ),
    Operation(
        path="/readyz",
        name="readyz",
        summary="Whether runs can be started: the store keeps what is done, and can be read",
        endpoint=readyz,
        answers={"200": (Health, "They can.")},
        problems=("500", "503"),
    ),
)
