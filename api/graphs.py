"""The routes of graphs.

This module knows how a graph is created over HTTP. What a document means, the engine knows.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from api import body
from api.operation import BODY_PROBLEMS, Operation
from api.wire.graphs import GraphCreated
from api.wire.reply import Reply
from engine import Engine, Graph

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from api.idempotency import Attempt, Keys


async def create(request: Request) -> Response:
    """Create a graph from its document: 201, or 200 if it is there already."""
    engine: Engine = request.state.engine
    keys: Keys = request.state.keys
    raw = await body.raw(request)
    graph = await body.decoded(raw, Graph.from_json)

    async def act(_: Attempt) -> Reply:
        # A graph that is there already is not made twice, with a key or without.
        made = await engine.create(graph)
        created = GraphCreated(made.graph_id, made.version, made.warnings)
        return Reply(created, HTTPStatus.CREATED if made.new else HTTPStatus.OK)

    return await keys.once(request, raw, act)


OPERATIONS: Final = (
    Operation(
        path="/api/v1/graph/create",
        name="createGraph",
        summary="Create a workflow graph: its document, in any of its shorthands",
        endpoint=create,
        method="post",
        answers={
            "201": (GraphCreated, "It is new, or a new version of its name."),
            "200": (GraphCreated, "It was there already."),
        },
        problems=BODY_PROBLEMS,
        makes=True,
    ),
)
