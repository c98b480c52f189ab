"""The routes of diagrams: a graph as a picture or as text, with the way of a run on it.

This module knows what may be asked for, and what a browser is told of a picture: that it
needs nothing but itself. It does not know what diagrams look like.
"""

from __future__ import annotations

import base64
import hashlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from anyio import to_thread
from starlette.responses import Response

from api.operation import Operation
from api.parameter import number, text
from api.problem import BadRequest
from engine import DIAGRAM_STYLE, DiagramTooLarge, Engine, draw, mermaid, path_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from api.parameter import Given
    from engine import GraphVersion, RunPath

DIAGRAM: Final = "/api/v1/graphs/{graph_id}/diagram"

VERSION: Final = number("version", 1, "Of the graph; that of the run, or the newest, if left out.")
RUN: Final = text("run", "A run whose way is shown.")

LARGE: Final = 100
"""Nodes from which a text is written in a thread: 10,000 take 0.2 s."""

_HASH: Final = base64.b64encode(hashlib.sha256(DIAGRAM_STYLE.encode()).digest()).decode()

HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; "
    "frame-ancestors 'self'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
"""A picture executes nothing and asks for nothing; its one sheet of style is known."""


async def as_text(request: Request) -> Response:
    """Write a graph as a flowchart in Mermaid."""
    graph, path = await _wanted(request)
    if len(graph.graph.nodes) < LARGE:
        text = mermaid(graph.graph, path)
    else:
        text = await to_thread.run_sync(mermaid, graph.graph, path)
    return Response(text, headers=_NO_CACHE, media_type="text/plain")


async def as_svg(request: Request) -> Response:
    """Draw a graph as SVG."""
    graph, path = await _wanted(request)
    try:
        picture = await draw(graph.graph, path)
    except DiagramTooLarge as error:
        text = DIAGRAM.format(graph_id=graph.graph_id)
        raise BadRequest(
            error.message,
            code=error.code,
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            hint=f"{error.hint}: GET {text}?version={graph.version}",
            details={"graph_id": graph.graph_id, "version": graph.version},
        ) from error
    return Response(picture, headers=HEADERS, media_type="image/svg+xml")


_NO_CACHE: Final = {name: HEADERS[name] for name in ("Cache-Control", "X-Content-Type-Options")}


async def _wanted(request: Request) -> tuple[GraphVersion, RunPath | None]:
    """Find the graph that is to be drawn, and what the run did whose way is asked for.

    Raises:
        BadRequest: The run is of another graph, or of another version of it.
    """
    engine: Engine = request.state.engine
    given: Given = request.state.given
    version, run_id = given[VERSION], given[RUN]
    graph_id: str = request.path_params["graph_id"]
    if run_id is None:
        return engine.graph(graph_id, version), None
    run = await engine.find(run_id)
    if run.graph.graph_id != graph_id or version not in (None, run.graph.version):
        raise BadRequest(
            f"run '{run_id}' is of version {run.graph.version} of graph '{run.graph.graph_id}'",
            code="OTHER_GRAPH",
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            hint="leave the version out, and ask for the diagram of that graph",
            details={
                "run_id": run_id,
                "graph_id": run.graph.graph_id,
                "version": run.graph.version,
            },
        )
    return run.graph, await path_of(run)


OPERATIONS: Final = (
    Operation(
        path=DIAGRAM,
        name="getDiagramText",
        summary="Write a graph as a flowchart in Mermaid, with the way of a run",
        endpoint=as_text,
        parameters=(VERSION, RUN),
        answers={"200": (None, "The text.")},
        media="text/plain; charset=utf-8",
        problems=("404", "500", "503"),
    ),
    Operation(
        path=f"{DIAGRAM}.svg",
        name="getDiagram",
        summary="Draw a graph as SVG, with the way of a run: no script, readable in the dark",
        endpoint=as_svg,
        parameters=(VERSION, RUN),
        answers={"200": (None, "The picture.")},
        media="image/svg+xml",
        problems=("404", "500", "503"),
    ),
)
