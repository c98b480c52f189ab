"""Holds what is said over HTTP against the description of the API."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from api.openapi import document

if TYPE_CHECKING:
    import httpx2

DOCUMENT: dict[str, Any] = document()
PATHS = {
    re.compile(re.sub(r"\{\w+\}", "[^/]+", path)): methods
    for path, methods in DOCUMENT["paths"].items()
}


def operation(method: str, path: str) -> dict[str, Any] | None:
    """Find what the description says of a request; None if there is no such route."""
    for pattern, methods in PATHS.items():
        if pattern.fullmatch(path):
            return methods.get(method.lower().replace("head", "get"))
    return None


def fits(value: object, content: dict[str, Any]) -> None:
    """See that a value is what the description says."""
    (told,) = content.values()
    schema = {**told["schema"], "components": DOCUMENT["components"]}
    Draft202012Validator(schema).validate(value)


async def keeps(response: httpx2.Response) -> None:
    """See that an answer is what the description says, and that what it accepts is, too."""
    request = response.request
    told = operation(request.method, request.url.path)
    if told is None:
        pages = not request.url.path.startswith("/api/")  # those of people are not described
        assert response.status_code in (404, 405, 426) or pages
        return
    answer = told["responses"][str(response.status_code)]
    if "content" not in answer:
        assert "content-type" not in response.headers
        return
    assert {response.headers["content-type"]} == {*answer["content"]}
    if not response.headers["content-type"].endswith("json") or request.method == "HEAD":
        return  # it may go on for as long as a run, or is not there
    await response.aread()
    fits(response.json(), answer["content"])
    if response.is_success:
        for name in answer.get("headers", {}):
            assert name in response.headers or name == "Idempotency-Replayed"
        if "requestBody" in told and await request.aread():
            fits(json.loads(request.content), told["requestBody"]["content"])
