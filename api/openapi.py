"""The description of the API, in OpenAPI 3.1.

This module knows how a description is written down; what there is to describe stands in
`operations`, of which the routes are made, too. WebSockets are no part of OpenAPI; the stream
is told of in words.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec

from api import examples
from api.health import VERSION
from api.idempotency import HEADER, REPLAYED
from api.operation import Operation
from api.operations import GROUPS
from api.problem import MEDIA_TYPE, ProblemDocument
from api.wire.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from api.parameter import Parameter
    from engine import Json

_STREAM: Final = (
    "`WS /api/v1/ws/workflow/{run_id}?after=SEQ` streams the log of a run as text frames, one "
    "JSON object each: first `stream.opened`, which is no entry and has the `seq` of the last "
    "there is, then the entries after `after` (-1: all), then new ones as they are written. "
    'Frames with `"ephemeral": true` are no entries and have no `seq`: what tools say while '
    "they run, which is not stored. With `?batch=1` what waits comes in one frame, an object on "
    "each line. It closes with 1000 after the entry that ends the run, 4400 if the query is "
    "wrong, 4403 for a web page of another origin, 4404 if there is no such run, 4421 if the "
    '`Host` is no name of this server, and 4408 with `{"after": N}` if the reader takes nothing '
    "for 10 seconds. `GET /api/v1/runs/{run_id}/events` gives the same as server-sent events."
)

_KEYS: Final = (
    f"A POST that makes something takes the header `{HEADER}`: however often it comes with the "
    "same key, path and body, at once or later, it has one effect and one answer; those after "
    f"the first have the header `{REPLAYED}: true`. Another request with that key is refused "
    "with 422. Every answer is kept but those that say that the server failed."
)

_REF: Final = "#/components/schemas/{name}"

_WORDS: Final[Mapping[str, str]] = {
    "400": "The body is not JSON; line and column are told.",
    "403": "A web page of another origin asks.",
    "404": "There is no such thing; it is named.",
    "409": "The run is in no state for this, or its name is taken; what else to do is told.",
    "413": "The body is larger than 1 MiB.",
    "415": "The body is not `application/json`.",
    "421": "The `Host` is no name of this server.",
    "422": "The request does not say what it must; everything that is wrong is listed.",
    "429": "As many runs go on as may at once (`Retry-After`).",
    "500": "The server failed.",
    "503": "The server is stopping, or its store can keep nothing for now (`Retry-After`).",
}

_EVENT: Final[Mapping[str, Json]] = {
    "type": "object",
    "description": "An event. `data` is a line of the log, or a frame without a seq.",
    "required": ["data"],
    "properties": {
        "id": {"type": "string", "description": "The seq of an entry; a frame has none."},
        "event": {"type": "string", "description": "`end`, after all others."},
        "data": {"type": "string"},
    },
}

_ALWAYS: Final = ("403", "421", "422")
"""What anything may be answered with."""


async def openapi(_: Request) -> Reply:
    """Give the description."""
    return Reply(document())


_GROUPS: Final[Mapping[str, tuple[Operation, ...]]] = {
    **GROUPS,
    "Server": (
        *GROUPS["Server"],
        Operation(
            path="/openapi.json",
            name="openapi",
            summary="This description",
            endpoint=openapi,
            answers={"200": (None, "OpenAPI 3.1.")},
        ),
    ),
}

OPERATIONS: Final = tuple(each for group in _GROUPS.values() for each in group)
"""Everything there is, the description included."""


@cache
def document() -> Mapping[str, Json]:
    """Describe every route."""
    kinds: set[type[msgspec.Struct]] = {ProblemDocument}
    for each in OPERATIONS:
        named = (each.body, *(kind for kind, _ in each.answers.values()))
        kinds |= {kind for kind in named if kind is not None}
    ordered = sorted(kinds, key=lambda kind: kind.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template=_REF)
    paths: dict[str, dict[str, Json]] = defaultdict(dict)
    for group, operations in _GROUPS.items():
        for each in operations:
            paths[each.path][each.method] = {"tags": [group], **_operation(each)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Agent Workflow Engine",
            "version": VERSION,
            "description": f"{_STREAM}\n\n{_KEYS}",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": group} for group in _GROUPS],
        "paths": {**paths},
        "components": {"schemas": schemas},
    }


def _operation(told: Operation) -> dict[str, Json]:
    parameters = [_parameter(each) for each in told.all_parameters]
    answers = {status: _answer(told, status) for status in told.answers}
    operation: dict[str, Json] = {"operationId": told.name, "summary": told.summary}
    if parameters:
        operation["parameters"] = [*parameters]
    if told.has_body:
        content: dict[str, Json] = {"schema": _schema(told.body)}
        if told.example is not None:
            content["example"] = dict(told.example)
        operation["requestBody"] = {
            "required": told.body_required,
            "content": {"application/json": content},
        }
    problem: Json = {MEDIA_TYPE: {"schema": _ref(ProblemDocument)}}
    refusals: dict[str, Json] = {
        status: {"description": _WORDS[status], "content": problem}
        for status in sorted((*told.problems, *_ALWAYS))
    }
    operation["responses"] = {**answers, **refusals}
    return operation


def _parameter(told: Parameter[object]) -> Json:
    parameter: dict[str, Json] = {
        "name": told.name,
        "in": told.place,
        "required": told.required,
        "description": told.description,
        "schema": dict(told.schema),
    }
    if told.place == "path":
        parameter["example"] = examples.NAMES[told.name]
    return parameter


def _answer(told: Operation, status: str) -> Json:
    kind, description = told.answers[status]
    answer: dict[str, Json] = {"description": description}
    if status != "204":
        is_json = told.media == "application/json"
        text = _EVENT if told.media.startswith("text/event-stream") else {"type": "string"}
        schema = {} if told.any_value else _schema(kind)
        content: dict[str, Json] = {"schema": schema if is_json else {**text}}
        example = examples.ANSWERS.get(told.name, {}).get(status)
        if example is not None:
            content["example"] = example if isinstance(example, str) else dict(example)
        answer["content"] = {told.media: content}
    headers: dict[str, Json] = {}
    if told.located:
        headers["Location"] = _header("The address of the state of the run.")
    if told.makes:
        headers[REPLAYED] = _header(f"`true`: this answer was given before, to the same {HEADER}.")
    return {**answer, "headers": headers} if headers else answer


def _header(description: str) -> Json:
    return {"description": description, "schema": {"type": "string"}}


def _schema(kind: type[msgspec.Struct] | None) -> Json:
    return {"type": "object"} if kind is None else _ref(kind)


def _ref(kind: type[msgspec.Struct]) -> Json:
    return {"$ref": _REF.format(name=kind.__name__)}
