"""The application: which route is served by what, around an engine that lives as long.

This module knows the addresses. It does not know what happens behind any of them.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, TypedDict

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route, WebSocketRoute

from api import problem, stream
from api.idempotency import Keys
from api.openapi import OPERATIONS
from engine import Engine, EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping


STREAM: Final = "/api/v1/ws/workflow/{run_id}"


class State(TypedDict):
    """What every request can reach."""

    engine: Engine
    keys: Keys


def create_app(
    engine: Engine, *, graphs_to_create: Iterable[Mapping[str, object]] = ()
) -> Starlette:
    """Make the application that serves an engine.

    Args:
        engine: Entered when the server starts, left when it stops.
        graphs_to_create: Documents of graphs that are there from the beginning.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[State, None]:
        async with engine:
            for document in graphs_to_create:
                await engine.create(document)
            yield {"engine": engine, "keys": Keys()}

    return Starlette(
        routes=[
            *(Route(each.path, each.endpoint, methods=[each.method]) for each in OPERATIONS),
            WebSocketRoute(STREAM, stream.stream),
            Route(STREAM, stream.no_stream, include_in_schema=False),
        ],
        exception_handlers={
            problem.BadRequest: problem.bad_request,
            EngineError: problem.engine_error,
            HTTPException: problem.http_error,
            Exception: problem.server_error,
        },
        lifespan=lifespan,
    )
