"""The routes of templates: what there is, what would come out, and a graph made of one.

This module knows how a template is asked for over HTTP. It does not know how parameters are
put into it, nor what the graph means.

Those that packages installed beside the server offer are read when they are first asked for.
"""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from functools import cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from api import body
from api.operation import BODY_PROBLEMS, Operation
from api.problem import BadRequest, counted
from api.wire.graphs import GraphCreated
from api.wire.reply import Reply
from api.wire.templates import (
    ListedTemplate,
    TemplateList,
    TemplatePreview,
    TemplateRequest,
    TemplateView,
)
from engine import Engine, InvalidGraph, InvalidParameters, installed_templates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from api.idempotency import Attempt, Keys
    from engine import Json, Template

TEMPLATES: Final = "/api/v1/templates"

TEMPLATE: Final = f"{TEMPLATES}/{{template}}"


@cache
def templates() -> Mapping[str, Template]:
    """Read the templates there are, once."""
    return {each.name: each for each in installed_templates()}


async def listed(_: Request) -> Reply:
    """List the templates."""
    found = (ListedTemplate(t.name, t.title, t.description) for t in templates().values())
    return Reply(TemplateList(tuple(found)))


async def shown(request: Request) -> Reply:
    """Show a template as a whole."""
    found = _found(request)
    return Reply(
        TemplateView(
            found.name,
            found.title,
            found.description,
            dict(found.parameters),
            dict(found.graph),
        )
    )


async def preview(request: Request) -> Reply:
    """Show the document that a template makes, and what is to be said of it; keep nothing."""
    engine: Engine = request.state.engine
    template = _found(request)
    raw = await body.raw(request, required=False)
    made = _made(template, await _asked(raw))
    verdict = engine.judge(made)
    return Reply(TemplatePreview(made, verdict.problems, verdict.warnings))


async def instantiate(request: Request) -> Response:
    """Create the graph that a template makes: 201, or 200 if it is there already."""
    engine: Engine = request.state.engine
    keys: Keys = request.state.keys
    template = _found(request)
    raw = await body.raw(request, required=False)
    made = _made(template, await _asked(raw))

    async def act(_: Attempt) -> Reply:
        try:
            graph = await engine.create(made)
        except InvalidGraph as error:
            raise _no_graph(template, error) from error
        created = GraphCreated(graph.graph_id, graph.version, graph.warnings)
        return Reply(created, HTTPStatus.CREATED if graph.new else HTTPStatus.OK)

    return await keys.once(request, raw, act)


def _no_graph(template: Template, error: InvalidGraph) -> BadRequest:
    """Say that what came out is no graph, and where the document is that was never sent."""
    return BadRequest(
        f"the graph has {counted(len(error.problems))}",
        code=error.code,
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        hint="the paths lead into the document that is shown by "
        f"POST {TEMPLATES}/{template.name}/preview",
        problems=error.problems,
    )


def _found(request: Request) -> Template:
    """Find the template of a request.

    Raises:
        BadRequest: There is none of that name.
    """
    name: str = request.path_params["template"]
    known = templates()
    if name not in known:
        close = get_close_matches(name, known, n=1)
        raise BadRequest(
            f"there is no template '{name}'",
            code="TEMPLATE_NOT_FOUND",
            status=HTTPStatus.NOT_FOUND,
            hint=f"did you mean '{close[0]}'?" if close else f"they are listed at {TEMPLATES}",
            details={"template": name},
        )
    return known[name]


async def _asked(raw: bytes) -> TemplateRequest:
    return await body.decoded(raw, partial(body.decode, kind=TemplateRequest))


def _made(template: Template, asked: TemplateRequest) -> dict[str, Json]:
    """Make the document that is asked for.

    Raises:
        BadRequest: The parameters are not what the template asks for; all that is wrong.
    """
    try:
        return template.document(asked.parameters, name=asked.name)
    except InvalidParameters as error:
        problems = [replace(each, path=f"/parameters{each.path}") for each in error.problems]
        raise BadRequest(
            f"the parameters of the template '{template.name}' have {counted(len(problems))}",
            code=error.code,
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            hint=f"what it asks for is at {TEMPLATES}/{template.name}",
            problems=problems,
            details=error.details,
        ) from error


OPERATIONS: Final = (
    Operation(
        path=TEMPLATES,
        name="listTemplates",
        summary="List the templates from which graphs can be made",
        endpoint=listed,
        answers={"200": (TemplateList, "All of them.")},
        problems=("500", "503"),
    ),
    Operation(
        path=TEMPLATE,
        name="getTemplate",
        summary="Show a template: its parameters as JSON Schema, and its graph",
        endpoint=shown,
        answers={"200": (TemplateView, "The template.")},
        problems=("404", "500", "503"),
    ),
    Operation(
        path=f"{TEMPLATE}/preview",
        name="previewTemplate",
        summary="Show the document that a template makes with these parameters; keep nothing",
        endpoint=preview,
        method="post",
        body=TemplateRequest,
        example={"parameters": {"threshold": 9}, "name": "strict-review"},
        answers={"200": (TemplatePreview, "The document.")},
        problems=("404", *BODY_PROBLEMS),
    ),
    Operation(
        path=f"{TEMPLATE}/instantiate",
        name="instantiateTemplate",
        summary="Create a graph from a template",
        endpoint=instantiate,
        method="post",
        body=TemplateRequest,
        example={"parameters": {"threshold": 9}, "name": "strict-review"},
        answers={
            "201": (GraphCreated, "It is new, or a new version of its name."),
            "200": (GraphCreated, "It was there already."),
        },
        problems=("404", *BODY_PROBLEMS),
        makes=True,
    ),
)
