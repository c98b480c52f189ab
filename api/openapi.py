"""The description of the API, in OpenAPI 3.1.

This module knows what each route takes and gives. A test holds it against the routes that
there are, so that it describes what exists and nothing else. WebSockets are no part of
OpenAPI; the stream is told of in words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from api.health import VERSION
from api.problem import MEDIA_TYPE, ProblemDocument
from api.wire import GraphCreated, Health, Reply, RunAccepted, RunRequest, RunState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from engine import Json

_STREAM: Final = (
    "`WS /api/v1/ws/workflow/{run_id}?after=SEQ` streams the log of a run as text frames, one "
    "JSON object each: first `stream.opened`, which is no entry and has the `seq` of the last "
    "there is, then the entries after `after` (-1: all), then new ones as they are written. It "
    "closes with 1000 after the entry that ends the run, 4400 if `after` is no number, "
    "4404 if there is no such run, and 4408 with "
    '`{"after": N}` if the reader takes nothing for 10 seconds.'
)

_PAUSED: Final = (
    "A run that is paused, by `breakpoints` or by `on_exhausted` or `on_limit` of a node, is "
    "resumed from Python only in 0.1.0 (`RunHandle.resume`): there is no route for it yet."
)

_REF: Final = "#/components/schemas/{name}"


async def openapi(_: Request) -> Reply:
    """Give the description."""
    return Reply(document())


def document() -> dict[str, Json]:
    """Describe every route."""
    kinds = (GraphCreated, RunRequest, RunAccepted, RunState, Health, ProblemDocument)
    _, schemas = msgspec.json.schema_components(kinds, ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Agent Workflow Engine",
            "version": VERSION,
            "description": f"{_STREAM}\n\n{_PAUSED}",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/api/v1/graph/create": {
                "post": {
                    "operationId": "createGraph",
                    "summary": "Create a workflow graph",
                    "requestBody": _body(
                        {"type": "object"}, "The document of the graph, in any of its shorthands."
                    ),
                    "responses": {
                        "201": _json(GraphCreated, "It is new, or a new version of its name."),
                        "200": _json(GraphCreated, "It was there already."),
                        **_problems("400", "413", "415", "422", "500"),
                    },
                }
            },
            "/api/v1/graph/run": {
                "post": {
                    "operationId": "runGraph",
                    "summary": "Execute a workflow",
                    "requestBody": _body(_ref(RunRequest), "What to run, and on what."),
                    "responses": {
                        "200": _json(RunState, "With `wait`: it has ended, or is paused."),
                        "202": _json(RunAccepted, "It goes on."),
                        **_problems("400", "404", "409", "413", "415", "422", "500", "503"),
                    },
                }
            },
            "/api/v1/graph/state/{run_id}": {
                "get": {
                    "operationId": "getState",
                    "summary": "Get the state of a run, as it is or was",
                    "parameters": [
                        {
                            "name": "run_id",
                            "in": "path",
                            "required": True,
                            "schema": {"type": "string"},
                        },
                        {
                            "name": "at",
                            "in": "query",
                            "description": "The state after this entry, and those decided with it.",
                            "schema": {"type": "integer", "minimum": 0},
                        },
                    ],
                    "responses": {
                        "200": _json(RunState, "The run."),
                        **_problems("404", "422", "500"),
                    },
                }
            },
            "/healthz": {
                "get": {
                    "operationId": "healthz",
                    "summary": "Whether the server answers",
                    "responses": {"200": _json(Health, "It does.")},
                }
            },
            "/openapi.json": {
                "get": {
                    "operationId": "openapi",
                    "summary": "This description",
                    "responses": {
                        "200": {
                            "description": "OpenAPI 3.1.",
                            "content": {"application/json": {"schema": {"type": "object"}}},
                        }
                    },
                }
            },
        },
        "components": {"schemas": schemas},
    }


_WORDS: Final[Mapping[str, str]] = {
    "400": "The body is not JSON; line and column are told.",
    "404": "There is no such thing; it is named.",
    "409": "The run is there already; its address is told.",
    "413": "The body is larger than 1 MiB.",
    "415": "The body is not `application/json`.",
    "422": "The request does not say what it must; everything that is wrong is listed.",
    "500": "The server failed.",
    "503": "The server is stopping.",
}


def _ref(kind: type[msgspec.Struct]) -> dict[str, Json]:
    return {"$ref": _REF.format(name=kind.__name__)}


def _json(kind: type[msgspec.Struct], description: str) -> dict[str, Json]:
    return {"description": description, "content": {"application/json": {"schema": _ref(kind)}}}


def _body(schema: dict[str, Json], description: str) -> dict[str, Json]:
    return {
        "required": True,
        "description": description,
        "content": {"application/json": {"schema": schema}},
    }


def _problems(*statuses: str) -> dict[str, Json]:
    problem: Json = {MEDIA_TYPE: {"schema": _ref(ProblemDocument)}}
    return {status: {"description": _WORDS[status], "content": problem} for status in statuses}
