"""The routes of tools: those there are, and those that are declared.

This module knows how tools are listed, shown, registered, tried and removed over HTTP. It does
not know what a declaration may say; the engine and its kinds do.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING, Final

from api import body
from api.operation import BODY_PROBLEMS, Operation
from api.parameter import number
from api.problem import BadRequest, counted
from api.wire.reply import Reply
from api.wire.tools import (
    ToolDescription,
    ToolList,
    ToolRegistered,
    ToolRemoved,
    ToolSummary,
    Tried,
    TryRequest,
)
from engine import DeclaredTool, Engine, InvalidDeclaration

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from api.idempotency import Attempt, Keys
    from api.parameter import Given

TOOLS: Final = "/api/v1/tools"
TOOL: Final = f"{TOOLS}/{{tool}}"

VERSION: Final = number("version", 1, "Of a declared tool; the newest if left out.")


async def tools(request: Request) -> Reply:
    """List the tools that nodes may name."""
    engine: Engine = request.state.engine
    return Reply(ToolList(tuple(_summary(engine, name) for name in sorted(engine.tools))))


async def tool(request: Request) -> Reply:
    """Show a tool, in its newest version unless one is named."""
    engine: Engine = request.state.engine
    given: Given = request.state.given
    name, version = request.path_params["tool"], given[VERSION]
    found = engine.tools[name] if version is None else engine.tools.declared(name, version)
    declared = found if isinstance(found, DeclaredTool) else None
    return Reply(
        ToolDescription(
            name=found.name,
            description=found.description,
            execution=found.execution,
            kind="python" if declared is None else declared.declaration.kind,
            version=found.version or None,
            versions=tuple(engine.tools.versions(name)) if declared else (),
            input_schema=found.input_schema,
            output_schema=found.output_schema,
            declaration=None if declared is None else dict(declared.declaration.document),
        )
    )


async def register(request: Request) -> Response:
    """Register a declaration: 201, or 200 if it is what is registered already. Runs nothing."""
    engine: Engine = request.state.engine
    keys: Keys = request.state.keys
    raw = await body.raw(request)
    document = await body.decoded(raw, body.json_object)

    async def act(attempt: Attempt) -> Reply:
        try:
            registered = await engine.tools.register(document, again=attempt.again)
        except InvalidDeclaration as error:
            raise _refused(error) from error
        made = registered.tool
        told = ToolRegistered(made.name, made.declaration.kind, made.version)
        return Reply(told, HTTPStatus.CREATED if registered.new else HTTPStatus.OK)

    return await keys.once(request, raw, act)


async def attempt(request: Request) -> Reply:
    """Call a declared tool once, outside any run, and say what would have come of it."""
    engine: Engine = request.state.engine
    raw = await body.raw(request, required=False)
    wanted = await body.decoded(raw, partial(body.decode, kind=TryRequest))
    began = perf_counter()
    outcome = await engine.tools.attempt(
        request.path_params["tool"], wanted.arguments, timeout=wanted.timeout
    )
    took = round(perf_counter() - began, 6)
    return Reply(Tried(took, outcome.patch, outcome.error))


async def remove(request: Request) -> Reply:
    """Take a declared tool from the list; runs that are bound to it go on calling it."""
    engine: Engine = request.state.engine
    name = request.path_params["tool"]
    removed = await engine.tools.remove(name)
    return Reply(ToolRemoved(name, removed.version))


def _summary(engine: Engine, name: str) -> ToolSummary:
    found = engine.tools[name]
    kind = found.declaration.kind if isinstance(found, DeclaredTool) else "python"
    return ToolSummary(found.name, found.description, found.execution, kind, found.version or None)


def _refused(error: InvalidDeclaration) -> BadRequest:
    return BadRequest(
        f"the declaration has {counted(len(error.problems))}",
        code=error.code,
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        problems=error.problems,
    )


OPERATIONS: Final = (
    Operation(
        path=TOOLS,
        name="listTools",
        summary="List the tools that nodes may name",
        endpoint=tools,
        answers={"200": (ToolList, "All of them, by name.")},
        problems=("500", "503"),
    ),
    Operation(
        path=TOOLS,
        name="registerTool",
        summary="Declare a tool: `http`, `expression` or `template`. Registering runs nothing",
        endpoint=register,
        method="post",
        example={
            "name": "forecast",
            "kind": "http",
            "description": "The weather of a city in the days to come.",
            "input": ["city", "days"],
            "url": "https://api.example.com/v1/cities/{city}/forecast",
            "query": {"days": "{days}"},
            "headers": {"Authorization": "Bearer {secret.WEATHER}"},
            "output": {"temperature": "body.daily[0].temperature"},
        },
        answers={
            "201": (ToolRegistered, "It is new, or a new version of its name."),
            "200": (ToolRegistered, "It is what is registered already."),
        },
        problems=BODY_PROBLEMS,
        makes=True,
    ),
    Operation(
        path=TOOL,
        name="getTool",
        summary="Show a tool: what it takes, what it gives, and what was declared",
        endpoint=tool,
        parameters=(VERSION,),
        answers={"200": (ToolDescription, "The tool.")},
        problems=("404", "409", "500", "503"),
    ),
    Operation(
        path=TOOL,
        name="removeTool",
        summary="Take a declared tool from the list; runs that began with it go on calling it",
        endpoint=remove,
        method="delete",
        answers={"200": (ToolRemoved, "It is in the list no more.")},
        problems=("404", "409", "500", "503"),
    ),
    Operation(
        path=f"{TOOL}/try",
        name="tryTool",
        summary="Call a declared tool once, outside any run. What it does to others is done",
        endpoint=attempt,
        method="post",
        body=TryRequest,
        example={"arguments": {"city": "Oslo", "days": 3}},
        answers={"200": (Tried, "What would have come of it in a run.")},
        problems=("404", "409", *BODY_PROBLEMS),
    ),
)
