"""The routes of graphs.

This module knows how a graph is created over HTTP. What a document means, the engine knows.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from api import body
from api.wire import GraphCreated, Reply
from engine import Engine, Graph

if TYPE_CHECKING:
    from starlette.requests import Request


async def create(request: Request) -> Reply:
    """Create a graph from its document: 201, or 200 if it is there already."""
    engine: Engine = request.state.engine
    made = await engine.create(await body.read(request, Graph.from_json))
    created = GraphCreated(made.graph_id, made.version, made.warnings)
    return Reply(created, HTTPStatus.CREATED if made.new else HTTPStatus.OK)
