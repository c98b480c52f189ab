"""The routes of graphs.

This module knows how a graph is created, listed, shown and looked at over HTTP. What a document
means, the engine knows.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from api import body, examples
from api.operation import BODY_PROBLEMS, Operation
from api.parameter import number
from api.problem import UNREADABLE
from api.wire.graphs import GraphCreated, GraphList, GraphVerdict, GraphView, ListedGraph
from api.wire.reply import Reply
from engine import Engine, Graph, GraphVersion, InvalidGraph

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from api.idempotency import Attempt, Keys
    from api.parameter import Given

GRAPHS: Final = "/api/v1/graphs"

VERSION: Final = number("version", 1, "Which; the newest if left out.")

_NO_OBJECT: Final = frozenset({"WRONG_TYPE", "BAD_VALUE"})
"""What the whole of a document can be wrong with that is no object at all (422)."""


async def create(request: Request) -> Response:
    """Create a graph from its document: 201, or 200 if it is there already."""
    engine: Engine = request.state.engine
    keys: Keys = request.state.keys
    raw = await body.raw(request)

    def read(text: bytes) -> Graph:
        try:
            return Graph.from_json(text)
        except InvalidGraph:  # with that, what is wrong with its tools is said at once
            raise InvalidGraph(engine.judge(text).problems) from None

    graph = await body.decoded(raw, read)

    async def act(_: Attempt) -> Reply:
        # A graph that is there already is not made twice, with a key or without.
        made = await engine.create(graph)
        created = GraphCreated(made.graph_id, made.version, made.warnings)
        return Reply(created, HTTPStatus.CREATED if made.new else HTTPStatus.OK)

    return await keys.once(request, raw, act)


async def validate(request: Request) -> Reply:
    """Say what is wrong with a document, and what is odd about it; keep nothing."""
    engine: Engine = request.state.engine
    verdict = await body.read(request, engine.judge)
    problems = verdict.problems
    if any(
        each.code in UNREADABLE or (not each.path and each.code in _NO_OBJECT) for each in problems
    ):
        raise InvalidGraph(problems)
    return Reply(GraphVerdict(verdict.valid, problems, verdict.warnings))


async def graphs(request: Request) -> Reply:
    """List the graphs that can be run."""
    engine: Engine = request.state.engine
    return Reply(GraphList(tuple(_listed(engine, each) for each in engine.graphs())))


async def graph(request: Request) -> Reply:
    """Show a graph, in its newest version unless one is named."""
    engine: Engine = request.state.engine
    given: Given = request.state.given
    found = engine.graph(request.path_params["graph_id"], given[VERSION])
    versions = tuple(engine.versions(found.graph_id))
    document = found.graph.document
    return Reply(GraphView(found.graph_id, found.version, versions, document, found.warnings))


def _listed(engine: Engine, found: GraphVersion) -> ListedGraph:
    return ListedGraph(
        graph_id=found.graph_id,
        version=found.version,
        versions=tuple(engine.versions(found.graph_id)),
        nodes=len(found.graph.nodes),
        description=found.graph.description,
        tags=found.graph.tags,
    )


OPERATIONS: Final = (
    Operation(
        path="/api/v1/graph/create",
        name="createGraph",
        summary="Create a workflow graph: its document, in any of its shorthands",
        endpoint=create,
        method="post",
        example=examples.CHORUS,
        answers={
            "201": (GraphCreated, "It is new, or a new version of its name."),
            "200": (GraphCreated, "It was there already."),
        },
        problems=BODY_PROBLEMS,
        makes=True,
    ),
    Operation(
        path=GRAPHS,
        name="listGraphs",
        summary="List the graphs that can be run, each in its newest version",
        endpoint=graphs,
        answers={"200": (GraphList, "All of them, by name.")},
        problems=("500", "503"),
    ),
    Operation(
        path=f"{GRAPHS}/validate",
        name="validateGraph",
        summary="Say what is wrong with a document and what is odd about it; keep nothing",
        endpoint=validate,
        method="post",
        example=examples.MISTAKEN,
        answers={"200": (GraphVerdict, "What there is to be said, also if that is much.")},
        problems=BODY_PROBLEMS,
    ),
    Operation(
        path=f"{GRAPHS}/{{graph_id}}",
        name="getGraph",
        summary="Show a graph: its document, and which versions there are",
        endpoint=graph,
        parameters=(VERSION,),
        answers={"200": (GraphView, "The graph.")},
        problems=("404", "500", "503"),
    ),
)
