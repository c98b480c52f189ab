"""The route that gives a large value, which entries only name.

This module knows how it is answered. It does not know where values are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from api.operation import Operation
from engine import Engine, NotFound

if TYPE_CHECKING:
    from starlette.requests import Request

BLOB: Final = "/api/v1/blobs/{sha256}"

HEADERS: Final = {"Cache-Control": "private, max-age=31536000, immutable"}
"""Its name follows from what it is: under that there is never anything else."""


async def blob(request: Request) -> Response:
    """Give the JSON of a value."""
    engine: Engine = request.state.engine
    name: str = request.path_params["sha256"]
    found = await engine.blob(name)
    if found is None:
        raise NotFound(
            f"there is no value of SHA-256 '{name}'",
            code="BLOB_NOT_FOUND",
            hint="`blobs` of an entry names one; it goes with the last run that has it",
            details={"sha256": name},
        )
    return Response(found, headers=HEADERS, media_type="application/json")


OPERATIONS: Final = (
    Operation(
        path=BLOB,
        name="getBlob",
        summary="Give a value that is too large to stand in its entry",
        endpoint=blob,
        answers={"200": (None, "The value, as JSON.")},
        any_value=True,
        problems=("404", "500", "503"),
    ),
)
