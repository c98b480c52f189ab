"""The application: which route is served by what, around an engine that lives as long.

This module knows the addresses. It does not know what happens behind any of them.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypedDict

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route, WebSocketRoute

from api import manual, page, problem, runs, stream
from api.guard import HOSTS, ORIGINS, Guard, allowed
from api.hub import Hub
from api.idempotency import Keys
from api.openapi import OPERATIONS
from api.parameter import Given
from api.pruning import prune_regularly
from engine import Engine, EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from api.operation import Operation
    from engine import Retention


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
    retention: Retention | None = None,
) -> Starlette:
    """Make the application that serves an engine.

    Args:
        engine: Entered when the server starts, left when it stops.
        graphs_to_create: Documents of graphs that are there from the beginning.
        host: The address that the server listens on: a name by which it may be asked, beside
            those of this machine and those in the environment (`api.guard`).
        retention: Which runs that have ended are removed, hourly; None: they stay.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[State, None]:
        async with engine, anyio.create_task_group() as tasks:
            for document in graphs_to_create:
                await engine.create(document)
            if retention is not None:
                tasks.start_soon(prune_regularly, engine, retention)
            yield {"engine": engine, "keys": Keys(), "hub": Hub(tasks)}
            tasks.cancel_scope.cancel()

    app = _Application(
        routes=[
            *_routes(OPERATIONS),
            WebSocketRoute(stream.STREAM, stream.stream),
            WebSocketRoute("/{path:path}", stream.nowhere),
            Route(stream.STREAM, stream.no_stream, include_in_schema=False),
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
    paths: dict[str, dict[str, Operation]] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.upper()] = each
    # Paths are tried one after the other; what is asked most often stands first.
    for path in sorted(paths, key=lambda path: path not in (runs.RUN_GRAPH, runs.GET_STATE)):
        yield Route(path, _Operations(paths[path]), methods=[*paths[path]])


class _Operations:
    """What can be asked of one path, by method; HEAD is GET, and has its body left out.

    It is no function, so that Starlette does not wrap it: what goes wrong is answered further
    out in any case.
    """

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self._asked = {**operations}
        if "GET" in operations:
            self._asked["HEAD"] = operations["GET"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the parameters, and answer."""
        request = Request(scope, receive, send)
        asked = self._asked[scope["method"]]
        request.state.given = Given(request, asked.parameters)
        answer = await asked.endpoint(request)
        await answer(scope, receive, send)
