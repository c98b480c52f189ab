"""Whether the server answers, and which version it is."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from api.operation import Operation
from api.wire.health import Health
from api.wire.reply import Reply

if TYPE_CHECKING:
    from starlette.requests import Request

VERSION: Final = version("agent-workflow-engine")


async def healthz(_: Request) -> Reply:
    """Say that the server answers."""
    return Reply(Health("ok", VERSION))


OPERATIONS: Final = (
    Operation(
        path="/healthz",
        name="healthz",
        summary="Whether the server answers",
        endpoint=healthz,
        answers={"200": (Health, "It does.")},
    ),
)
