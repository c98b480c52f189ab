"""`/docs`: the description of the API, for people, on one page that needs no other.

This module knows how a description in OpenAPI is shown as HTML. It does not know what there is
to describe. The page has no script, and takes nothing from any other host.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
from functools import cache
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Final, cast

from starlette.responses import Response
from starlette.routing import Route

from api.openapi import document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from starlette.requests import Request

    from engine import Json

    Object = Mapping[str, Json]

_HERE: Final = "\0"
"""Stands for where the examples ask, until it is known where the page was asked for."""

_STYLE: Final = resources.files("api").joinpath("manual.css").read_text()

_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
"""The page executes nothing and asks for nothing; its one sheet of style is known."""

_CODE: Final = re.compile(r"`([^`]+)`")
_REFERENCE: Final = "#/components/schemas/"


async def docs(request: Request) -> Response:
    """Give the page."""
    shown = page(str(request.base_url).rstrip("/"))
    return Response(shown, media_type="text/html; charset=utf-8", headers=HEADERS)


def page(address: str) -> str:
    """Write the page.

    Args:
        address: Where the examples ask. It is what a client says, so it is quoted, for a
            shell and for HTML.
    """
    return _written().replace(_HERE, escape(shlex.quote(address)))


@cache
def _written() -> str:
    return "".join(_page(document()))


ROUTES: Final = (Route("/docs", docs, include_in_schema=False),)
"""The route of the page; it is no part of the API."""


def _page(told: Object) -> Iterator[str]:
    info = _object(told["info"])
    yield (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(info['title'])}: the API</title><style>{_STYLE}</style></head><body>"
    )
    groups = _grouped(told)
    yield from _contents(groups)
    yield f"<main><h1>{_text(info['title'])} {_text(info['version'])}: the API</h1>"
    for paragraph in str(info["description"]).split("\n\n"):
        yield f"<p>{_prose(paragraph)}</p>"
    yield (
        '<p>The same for programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1). '
        "Every error is a problem document (RFC 9457) with a <code>code</code> and a "
        "<code>hint</code>.</p>"
    )
    for group, operations in groups.items():
        yield f'<h2 id="{_anchor(group)}">{_text(group)}</h2>'
        for method, path, operation in operations:
            yield from _operation(method, path, operation)
    yield '<h2 id="refusals">Refusals</h2>'
    refusals = {
        status: _object(answer)["description"]
        for operations in groups.values()
        for _, _, operation in operations
        for status, answer in _object(operation["responses"]).items()
        if not status.startswith("2")
    }
    yield f"<p>Each is a problem document: {_link('ProblemDocument')}.</p>"
    rows = ((f"<code>{status}</code>", _prose(refusals[status])) for status in sorted(refusals))
    yield from _table(("status", "when"), rows)
    yield '<h2 id="schemas">Words of bodies and answers</h2>'
    for name, schema in _object(_object(told["components"])["schemas"]).items():
        yield from _schema(name, _object(schema))
    yield "</main></body></html>"


def _grouped(told: Object) -> dict[str, list[tuple[str, str, Object]]]:
    """Sort operations by what they are about, in the order of the description."""
    groups: dict[str, list[tuple[str, str, Object]]] = {
        str(_object(each)["name"]): [] for each in _list(told["tags"])
    }
    for path, methods in _object(told["paths"]).items():
        for method, operation in _object(methods).items():
            found = _object(operation)
            groups[str(_list(found["tags"])[0])].append((method.upper(), path, found))
    return groups


def _contents(groups: Mapping[str, list[tuple[str, str, Object]]]) -> Iterator[str]:
    yield '<nav aria-label="Contents"><ul>'
    for group, operations in groups.items():
        yield f'<li><a href="#{_anchor(group)}">{_text(group)}</a><ul>'
        for method, path, operation in operations:
            short = path.removeprefix("/api/v1")
            yield (
                f'<li><a href="#{_text(operation["operationId"])}">'
                f'<span class="{method.lower()}">{method}</span> {_text(short)}</a></li>'
            )
        yield "</ul></li>"
    yield '<li><a href="#refusals">Refusals</a></li>'
    yield '<li><a href="#schemas">Words of bodies and answers</a></li></ul></nav>'


def _operation(method: str, path: str, told: Object) -> Iterator[str]:
    name = _text(told["operationId"])
    yield (
        f'<section id="{name}"><h3><span class="{method.lower()}">{method}</span> '
        f"<code>{_text(path)}</code></h3><p>{_prose(told['summary'])}.</p>"
    )
    if parameters := _list(told.get("parameters", [])):
        rows = (
            (
                f"<code>{_text(each['name'])}</code>",
                _text(each["in"]),
                _type(_object(each["schema"])),
                "required" if each["required"] else _default(_object(each["schema"])),
                _prose(each["description"]),
            )
            for each in map(_object, parameters)
        )
        yield from _table(("parameter", "in", "type", "if left out", ""), rows)
    yield from _asked(method, path, told)
    answers = _object(told["responses"])
    good = [each for each in answers if each.startswith("2")]
    yield from _table(
        ("status", "", "body"),
        ((f"<code>{each}</code>", *_answered(_object(answers[each]))) for each in good),
    )
    refusals = ", ".join(f"<code>{each}</code>" for each in answers if each not in good)
    yield f'<p>Refused with {refusals}: see <a href="#refusals">below</a>.</p>'
    for status, answer in answers.items():
        for content in _object(_object(answer).get("content", {})).values():
            if "example" in _object(content):
                shown = _pretty(_object(content)["example"])
                yield f"<details><summary>an answer with {status}</summary>{shown}</details>"
    yield "</section>"


def _asked(method: str, path: str, told: Object) -> Iterator[str]:
    """Say what is sent, and show a line for a shell."""
    line = f"curl -sS {'' if method in ('GET', 'POST') else f'-X {method} '}"
    for each in map(_object, _list(told.get("parameters", []))):
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", str(each["example"]))
    line += f"{_HERE}{path}"
    if "requestBody" in told:
        body = _object(told["requestBody"])
        content = _object(_object(body["content"])["application/json"])
        left = "" if body["required"] else ", which may be left out"
        yield f"<p>The body is {_type(_object(content['schema']))}{left}.</p>"
        if "example" in content:
            line += f" --json {shlex.quote(json.dumps(content['example'], indent=1))}"
    yield f"<pre><code>{escape(line)}</code></pre>"


def _answered(answer: Object) -> tuple[str, str]:
    kinds = (
        f"{_type(_object(_object(content)['schema']))} <small>{_text(media)}</small>"
        for media, content in _object(answer.get("content", {})).items()
    )
    return _prose(answer["description"]), ", ".join(kinds)


def _schema(name: str, schema: Object) -> Iterator[str]:
    yield f'<section id="schema-{_text(name)}"><h3>{_text(name)}</h3>'
    if "description" in schema:
        yield f"<p>{_prose(schema['description'])}</p>"
    if "properties" in schema:
        required = _list(schema.get("required", []))
        rows = (
            (
                f"<code>{_text(field)}</code>",
                _type(_object(told)),
                "required" if field in required else _default(_object(told)),
            )
            for field, told in _object(schema["properties"]).items()
        )
        yield from _table(("field", "type", "if left out"), rows)
    else:
        yield f"<p>{_type(schema)}</p>"
    yield "</section>"


def _default(schema: Object) -> str:
    return (
        f"<code>{escape(json.dumps(schema['default']))}</code>"
        if "default" in schema
        else "optional"
    )


def _type(schema: Object) -> str:
    """Write a type in words, with a link where it has a name."""
    if "$ref" in schema:
        return _link(str(schema["$ref"]).removeprefix(_REFERENCE))
    if "anyOf" in schema:
        return " or ".join(_type(_object(each)) for each in _list(schema["anyOf"]))
    if words := [*_list(schema.get("enum", [])), *(schema[k] for k in ("const",) if k in schema)]:
        return " or ".join(f"<code>{escape(json.dumps(each))}</code>" for each in words)
    kind = cast("str | None", schema.get("type"))
    if kind == "array":
        return f"list of {_type(_object(schema.get('items', {})))}"
    values = schema.get("additionalProperties")
    if kind == "object" and isinstance(values, dict):
        return f"object of {_type(values)}"
    limits = (("minimum", "from"), ("maximum", "to"), ("exclusiveMinimum", "above"))
    span = "".join(f" {word} {_text(schema[limit])}" for limit, word in limits if limit in schema)
    plain = {None: "any value", "object": "an object"}
    return f"{plain.get(kind, kind)}{span}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "<table><thead><tr>"
    yield "".join(f"<th>{each}</th>" for each in head)
    yield "</tr></thead><tbody>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
    yield "</tbody></table>"


def _pretty(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, indent=2)
    return f"<pre><code>{escape(text)}</code></pre>"


def _prose(text: Json) -> str:
    return _CODE.sub(r"<code>\1</code>", _text(text))


def _text(value: Json) -> str:
    return escape(str(value))


def _anchor(group: str) -> str:
    return escape(group.lower().replace(" ", "-"))


def _link(name: str) -> str:
    return f'<a href="#schema-{_text(name)}">{_text(name)}</a>'


def _object(value: Json) -> Object:
    return cast("Object", value)


def _list(value: Json) -> list[Json]:
    return cast("list[Json]", value)
