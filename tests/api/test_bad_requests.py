"""What is wrong with a request is said with a status, a code and the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import pytest_asyncio

from api import examples
from api.openapi import OPERATIONS
from engine import Engine, installed_tools

from .conftest import RUNS, client_of, serving

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import httpx2

    from api.operation import Operation

pytestmark = pytest.mark.asyncio(loop_scope="module")

RUN = "/api/v1/graph/run"
CREATE = "/api/v1/graph/create"

JSON_HINT = (
    "mend the text there: strings and names stand in double quotes, and no comma stands behind "
    "the last"
)
PROBLEMS_HINT = "mend each of `problems`: `path` says where it is"
NEW_RUN_HINT = (
    "POST /api/v1/runs/done/retry makes a new run that goes on where this one ended, "
    'POST /api/v1/runs/done/fork with {"at": SEQ} one that goes on after that entry'
)

WITH_BODY = [each for each in OPERATIONS if each.has_body]
MAKERS = [each for each in OPERATIONS if each.makes]
OF_DOCUMENTS = ("createGraph", "validateGraph")
"""Operations that take a document of a graph, of which the engine says what is wrong."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked() -> AsyncGenerator[httpx2.AsyncClient, None]:
    """Give a client of a server that has a graph, and a run that has ended."""
    async with (
        serving(Engine(tools=installed_tools())) as address,
        client_of(address) as client,
    ):
        await client.post(CREATE, json=dict(examples.CHORUS))
        done = {"graph_id": "chorus", "run_id": "done", "initial_state": {}, "wait": 30}
        await client.post(RUN, json=done)
        yield client


def path_of(operation: Operation) -> str:
    """Write the path of something that is there."""
    names = {"run_id": "done", "graph_id": "chorus", "tool": "greet", "template": "code-review"}
    return operation.path.format(**names, sha256="0" * 64)


def is_problem(answer: httpx2.Response, status: int, code: str, hint: str) -> dict[str, Any]:
    """See that an answer is a problem document that says so, and give it."""
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"], problem["hint"]) == (status, code, hint)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["type"] == f"urn:awe:problem:{code}"
    assert problem["instance"] == answer.request.url.path
    assert problem["title"]
    assert problem["detail"]
    return problem


class Bad(NamedTuple):
    """A body, and what is said of it where a struct is expected, or a document of a graph."""

    content: bytes
    said: tuple[int, str, str]
    of_document: tuple[int, str, str] | None = None
    media: str = "application/json"


BODIES = {
    "another type": Bad(
        b"{}",
        (415, "UNSUPPORTED_MEDIA_TYPE", "send the header Content-Type: application/json"),
        media="text/plain",
    ),
    "2 MB": Bad(
        b'{"a": "' + b"x" * 2_000_000 + b'"}',
        (413, "BODY_TOO_LARGE", "keep large values outside, and pass their address"),
    ),
    "deep": Bad(
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        (400, "TOO_DEEP", "flatten it"),
        (422, "INVALID_GRAPH", "flatten it"),
    ),
    "no JSON": Bad(b'{"a": }', (400, "BAD_JSON", JSON_HINT)),
    "no UTF-8": Bad(b'{"a": "\xff"}', (400, "NOT_UTF8", "save the text as UTF-8")),
    "a list": Bad(
        b"[]",
        (422, "WRONG_TYPE", 'a request reads {"field": value, ...}'),
        (422, "INVALID_GRAPH", 'a list of edges goes under "edges"'),
    ),
}


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        pytest.param(each, body, id=f"{each.name}-{body}")
        for each in WITH_BODY
        for body in BODIES
        if (each.name, body) != ("validateGraph", "deep")  # to be told that is what it is for
    ],
)
async def test_a_body_that_can_not_be_read(
    asked: httpx2.AsyncClient, operation: Operation, body: str
) -> None:
    bad = BODIES[body]
    headers = {"Content-Type": bad.media}
    answer = await asked.post(path_of(operation), content=bad.content, headers=headers)

    of_document = bad.of_document if operation.name in OF_DOCUMENTS else None
    is_problem(answer, *(of_document or bad.said))


@pytest.mark.parametrize("operation", MAKERS, ids=lambda each: each.name)
@pytest.mark.parametrize("key", ["a b", "", "x" * 256, "ä"])
async def test_a_key_that_can_not_be_one(
    asked: httpx2.AsyncClient, operation: Operation, key: str
) -> None:
    answer = await asked.post(
        path_of(operation),
        json=dict(operation.example or {}),
        headers={"Idempotency-Key": key.encode()},  # type: ignore[dict-item]  # bytes are sent so
    )

    is_problem(answer, 422, "INVALID_IDEMPOTENCY_KEY", "a random UUID is fine")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
async def test_a_parameter_that_there_is_not(
    asked: httpx2.AsyncClient, operation: Operation
) -> None:
    body = {"json": dict(operation.example or {})} if operation.has_body else {}
    needed = {each.name: "1" for each in operation.parameters if each.required}
    answer = await asked.request(
        operation.method.upper(), path_of(operation), params={**needed, "x": "1"}, **body
    )

    known = [each.name for each in operation.parameters if each.place == "query"]
    problem = is_problem(answer, 422, "INVALID_QUERY", f"there are: {', '.join(known) or 'none'}")
    assert [each["path"] for each in problem["problems"]] == ["?x"]


ABSENT = {
    "run_id": (
        "RUN_NOT_FOUND",
        "it was never started here, or the process that kept it in memory has ended",
    ),
    "graph_id": ("GRAPH_NOT_FOUND", "create it first"),
    "tool": ("UNKNOWN_TOOL", f"there are: {', '.join(sorted(t.name for t in installed_tools()))}"),
    "sha256": (
        "BLOB_NOT_FOUND",
        "`blobs` of an entry names one; it goes with the last run that has it",
    ),
    "template": ("TEMPLATE_NOT_FOUND", "they are listed at /api/v1/templates"),
}


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if "{" in each.path], ids=lambda each: each.name
)
async def test_something_that_there_is_not(asked: httpx2.AsyncClient, operation: Operation) -> None:
    (name,) = (each for each in ABSENT if f"{{{each}}}" in operation.path)
    body = {"json": dict(operation.example or {})} if operation.has_body else {}
    needed = {each.name: "1" for each in operation.parameters if each.required}
    answer = await asked.request(
        operation.method.upper(),
        operation.path.replace(f"{{{name}}}", "zzzzzz"),
        params=needed,
        **body,
    )

    is_problem(answer, 404, *ABSENT[name])


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if each.body is not None], ids=lambda each: each.name
)
async def test_a_field_that_there_is_not(asked: httpx2.AsyncClient, operation: Operation) -> None:
    body = {**(operation.example or {}), "zzz": 1}
    problem = (await asked.post(path_of(operation), json=body)).json()

    assert (problem["status"], problem["code"]) == (422, "INVALID_REQUEST")
    assert [(each["code"], each["path"]) for each in problem["problems"]] == [
        ("UNKNOWN_FIELD", "/zzz")
    ]
    assert problem["hint"].startswith("there are: ")


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/runs/", "/api/v1", "/docs/", "/assets/x.js"])
async def test_a_path_that_there_is_not(asked: httpx2.AsyncClient, path: str) -> None:
    is_problem(await asked.get(path), 404, "NOT_FOUND", "the routes are listed in /docs")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (RUN, "POST"),
        (f"{RUNS}/done/log", "GET, HEAD"),
        ("/api/v1/tools", "GET, HEAD, POST"),
        ("/api/v1/tools/greet", "DELETE, GET, HEAD"),
        ("/docs", "GET, HEAD"),
        ("/", "GET, HEAD"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS"])
async def test_a_method_that_a_path_has_not(
    asked: httpx2.AsyncClient, path: str, allowed: str, method: str
) -> None:
    answer = await asked.request(method, path)

    is_problem(answer, 405, "METHOD_NOT_ALLOWED", f"use {allowed}")
    assert answer.headers["allow"] == allowed


BEGUN = {"graph_id": "chorus", "initial_state": {}}

TABLE: dict[str, tuple[str, dict[str, Any], tuple[int, str, str]]] = {
    "an unknown node": (
        CREATE,
        {"nodes": ["greet", "echo"], "edges": {"greet": "ecko"}, "entrie": "greet"},
        (422, "INVALID_GRAPH", PROBLEMS_HINT),
    ),
    "an unknown tool": (
        CREATE,
        {"nodes": {"n": "gret"}},
        (422, "INVALID_GRAPH", "did you mean 'greet'?"),
    ),
    "an unknown graph": (
        RUN,
        {**BEGUN, "graph_id": "chours"},
        (404, "GRAPH_NOT_FOUND", "did you mean 'chorus'?"),
    ),
    "a version that is not there": (
        RUN,
        {**BEGUN, "version": 7},
        (404, "GRAPH_NOT_FOUND", "it has the versions 1 to 1"),
    ),
    "wrong types": (
        RUN,
        {"graph_id": 7, "initial_state": [], "wait": "long", "tags": {"a": 1}},
        (422, "INVALID_REQUEST", PROBLEMS_HINT),
    ),
    "a misspelt field": (
        RUN,
        {**BEGUN, "breakpoint": []},
        (422, "INVALID_REQUEST", "did you mean 'breakpoints'?"),
    ),
    "a missing field": (RUN, {"graph_id": "chorus"}, (422, "INVALID_REQUEST", PROBLEMS_HINT)),
    "too long a wait": (RUN, {**BEGUN, "wait": 61}, (422, "INVALID_REQUEST", PROBLEMS_HINT)),
    "no name for a run": (
        RUN,
        {**BEGUN, "run_id": "a/b"},
        (
            422,
            "BAD_VALUE",
            "1 to 128 of A-Z a-z 0-9 . _ : - and no other character, the first a letter or digit",
        ),
    ),
    "a name that is taken": (
        RUN,
        {**BEGUN, "run_id": "done"},
        (
            409,
            "RUN_EXISTS",
            "it is at /api/v1/graph/state/done; leave run_id out to have one made up",
        ),
    ),
    "a run that is over": (f"{RUNS}/done/cancel", {}, (409, "RUN_OVER", NEW_RUN_HINT)),
    "nothing to retry": (
        f"{RUNS}/done/retry",
        {},
        (409, "NOT_APPLICABLE", "fork it at an earlier seq"),
    ),
}


@pytest.mark.parametrize("case", TABLE)
async def test_a_request_that_can_not_be_met(asked: httpx2.AsyncClient, case: str) -> None:
    path, body, said = TABLE[case]

    is_problem(await asked.post(path, json=body), *said)


async def test_the_same_key_with_something_else(asked: httpx2.AsyncClient) -> None:
    key = {"Idempotency-Key": "twice"}
    first = await asked.post(RUN, json={**BEGUN, "tags": {"a": "1"}}, headers=key)
    again = await asked.post(RUN, json={**BEGUN, "tags": {"a": "1"}}, headers=key)
    other = await asked.post(RUN, json={**BEGUN, "tags": {"a": "2"}}, headers=key)

    assert (again.status_code, again.json()) == (first.status_code, first.json())
    hint = (
        "a new request needs a new Idempotency-Key; the same key is for the same path and the "
        "same body, byte for byte"
    )
    is_problem(other, 422, "IDEMPOTENCY_KEY_REUSED", hint)
