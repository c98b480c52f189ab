"""The application: which route is served by what, around an engine that lives as long.

This module knows the addresses. It does not know what happens behind any of them.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, TypedDict

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route, WebSocketRoute

from api import manual, page, problem, runs, stream
from api.guard import HOSTS, ORIGINS, Guard, allowed
from api.hub import Hub
from api.idempotency import Keys
from api.openapi import OPERATIONS
from api.query import Query
from engine import Engine, EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from api.operation import Endpoint, Operation

STREAM: Final = "/api/v1/ws/workflow/{run_id}"


class State(TypedDict):
    """What every request can reach."""

    engine: Engine
    keys: Keys
    hub: Hub


def create_app(
    engine: Engine,
    *,
    graphs_to_create: Iterable[Mapping[str, object]] = (),
    host: str | None = None,
) -> Starlette:
    """Make the application that serves an engine.

    Args:
        engine: Entered when the server starts, left when it stops.
        graphs_to_create: Documents of graphs that are there from the beginning.
        host: The address that the server listens on: a name by which it may be asked, beside
            those of this machine and those in the environment (`api.guard`).
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[State, None]:
        async with engine, anyio.create_task_group() as tasks:
            for document in graphs_to_create:
                await engine.create(document)
            yield {"engine": engine, "keys": Keys(), "hub": Hub(tasks)}
            tasks.cancel_scope.cancel()

    app = _Application(
        routes=[
            *_routes(OPERATIONS),
            WebSocketRoute(STREAM, stream.stream),
            Route(STREAM, stream.no_stream, include_in_schema=False),
            *manual.ROUTES,
            *page.ROUTES,
        ],
        exception_handlers={
            problem.BadRequest: problem.bad_request,
            EngineError: problem.engine_error,
            HTTPException: problem.http_error,
            Exception: problem.server_error,
        },
        lifespan=lifespan,
    )
    app.host_told = host
    app.router.redirect_slashes = False  # what is not there is said to be not there
    return app


class _Application(Starlette):
    """Starlette, with the guard around all of it, its own answers to failures included."""

    host_told: str | None = None

    def build_middleware_stack(self) -> ASGIApp:
        """Put the guard outside."""
        stack = super().build_middleware_stack()
        return Guard(stack, host=self.host_told, hosts=allowed(HOSTS), origins=allowed(ORIGINS))


def _routes(operations: Iterable[Operation]) -> Iterator[Route]:
    """Make a route of each path, so that it knows all the methods it has."""
    paths: dict[str, dict[str, Endpoint]] = {}
    for each in operations:
        strict = each.endpoint if each.method == "get" else _without_query(each.endpoint)
        paths.setdefault(each.path, {})[each.method.upper()] = strict
    # Paths are tried one after the other; what is asked most often stands first.
    for path in sorted(paths, key=lambda path: path not in (runs.RUN_GRAPH, runs.GET_STATE)):
        yield Route(path, _dispatch(paths[path]), methods=[*paths[path]])


def _without_query(endpoint: Endpoint) -> Endpoint:
    """Refuse what stands in the query of a request that takes none, rather than overlook it."""

    async def strict(request: Request) -> Response:
        if request.scope["query_string"]:
            Query(request).done()
        return await endpoint(request)

    return strict


def _dispatch(endpoints: Mapping[str, Endpoint]) -> Endpoint:
    """Choose by the method; HEAD is GET, and the server leaves the body out."""
    if len(endpoints) == 1:
        return next(iter(endpoints.values()))

    async def dispatch(request: Request) -> Response:
        return await endpoints[request.method.replace("HEAD", "GET")](request)

    return dispatch
