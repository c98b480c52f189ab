"""The routes of tools: listed, shown, registered, tried and removed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine import Engine, SQLiteStore, installed_tools
from tests.tools_declared.declaring import EXPRESSION, FETCH, kinds
from tests.tools_declared.site import as_json, listening

from .conftest import RUNS, begin, client_of, rested, serving, waits

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    import httpx2

    from engine import Json
    from tests.tools_declared.site import Site

TOOLS = "/api/v1/tools"
COUNT = f"{TOOLS}/count"
OTHER: dict[str, Json] = {**EXPRESSION, "output": {"length": "size(text) * 2"}}


@pytest.fixture
async def site() -> AsyncGenerator[Site, None]:
    """Serve what tools ask."""
    async with listening() as site:
        yield site


@pytest.fixture
async def engine(site: Site) -> Engine:
    """Give an engine in which tools may be declared that reach the site."""
    return Engine(tools=[*installed_tools(), waits], tool_kinds=kinds(f"127.0.0.1:{site.port}"))


async def registered(client: httpx2.AsyncClient, declared: dict[str, Json]) -> None:
    """Register a tool that is new."""
    answer = await client.post(TOOLS, json=declared)
    assert answer.status_code == 201, answer.text


# -- the list -----------------------------------------------------------------------------


async def test_all_tools_are_listed_by_name_whoever_made_them(client: httpx2.AsyncClient) -> None:
    await registered(client, {**EXPRESSION, "description": "Counts."})
    await registered(client, FETCH)
    listed = {each["name"]: each for each in (await client.get(TOOLS)).json()["tools"]}

    assert [*listed] == sorted(listed)
    assert {"count", "fetch", "greet", "waits"} <= {*listed}
    assert listed["greet"] == {
        "name": "greet",
        "description": "Greet somebody: `greeting` from `name`.",
        "execution": "thread",
        "kind": "python",
    }
    assert listed["count"] == {
        "name": "count",
        "description": "Counts.",
        "execution": "async",
        "kind": "expression",
        "version": 1,
    }
    assert (listed["fetch"]["kind"], listed["fetch"]["execution"]) == ("http", "async")


async def test_a_tool_is_shown_with_what_it_takes_and_gives(client: httpx2.AsyncClient) -> None:
    await registered(client, EXPRESSION)
    shown = (await client.get(COUNT)).json()

    assert shown == {
        "name": "count",
        "description": "",
        "execution": "async",
        "kind": "expression",
        "version": 1,
        "versions": [1],
        "input_schema": {"type": "object", "properties": {"text": {}}, "required": ["text"]},
        "output_schema": {
            "type": "object",
            "properties": {"length": {}},
            "required": ["length"],
        },
        "declaration": EXPRESSION,
    }


async def test_a_python_tool_is_shown_as_well(client: httpx2.AsyncClient) -> None:
    shown = (await client.get(f"{TOOLS}/greet")).json()

    assert (shown["kind"], shown["execution"]) == ("python", "thread")
    assert shown["input_schema"]["properties"] == {"name": {"type": "string"}}
    assert not {"version", "versions", "declaration"} & {*shown}


async def test_what_was_replaced_or_removed_can_still_be_looked_at(
    client: httpx2.AsyncClient,
) -> None:
    await registered(client, EXPRESSION)
    await registered(client, OTHER)
    assert (await client.get(COUNT)).json()["declaration"] == OTHER
    assert (await client.get(COUNT, params={"version": 1})).json()["declaration"] == EXPRESSION

    assert (await client.delete(COUNT)).json() == {"name": "count", "version": 2}
    assert (await client.get(COUNT)).status_code == 404
    shown = (await client.get(COUNT, params={"version": 2})).json()
    assert (shown["declaration"], shown["versions"]) == (OTHER, [1, 2])


# -- registering --------------------------------------------------------------------------


async def test_a_declaration_is_registered_once(client: httpx2.AsyncClient) -> None:
    told = [await client.post(TOOLS, json=each) for each in (EXPRESSION, EXPRESSION, OTHER)]

    assert [each.status_code for each in told] == [201, 200, 201]
    assert [each.json()["version"] for each in told] == [1, 1, 2]
    assert told[0].json() == {"name": "count", "kind": "expression", "version": 1}


async def test_a_key_has_one_effect(client: httpx2.AsyncClient) -> None:
    key = {"Idempotency-Key": "one"}
    one = await client.post(TOOLS, json=EXPRESSION, headers=key)
    await client.post(TOOLS, json=OTHER)
    again = await client.post(TOOLS, json=EXPRESSION, headers=key)

    assert (one.status_code, again.status_code) == (201, 201)
    assert again.content == one.content
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (await client.get(COUNT)).json()["version"] == 2
    other = await client.post(TOOLS, json=OTHER, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_a_graph_calls_what_was_registered(client: httpx2.AsyncClient, site: Site) -> None:
    site.pages["/count"] = as_json({"words": 3})
    await registered(
        client,
        {
            "name": "ask", "kind": "http", "input": ["text"], "method": "POST",
            "url": site.at("/count"), "json": {"text": "{text}"},
            "output": {"words": "body.words"},
        },
    )  # fmt: skip
    await registered(
        client,
        {
            "name": "tell", "kind": "template", "input": ["words"],
            "output": {"told": "It has {words} words."},
        },
    )  # fmt: skip
    run = await begin(
        client,
        {"name": "g", "edges": {"ask": "tell"}},
        initial_state={"text": "one two three"},
    )

    shown = await rested(client, run)
    assert shown["state"]["told"] == "It has 3 words."
    assert site.asked[0].json == {"text": "one two three"}
    entries = (await client.get(f"{RUNS}/{run}/log")).json()["entries"]
    assert entries[0]["tools"] == {"ask": 1, "tell": 1}


async def test_everything_that_is_wrong_is_said_at_once(client: httpx2.AsyncClient) -> None:
    bad = {"name": "a b", "kind": "http", "url": "https://{x}/", "metod": "GET", "timeout": 0}
    answer = await client.post(TOOLS, json=bad)

    assert answer.status_code == 422
    told = answer.json()
    assert (told["code"], told["detail"]) == (
        "INVALID_DECLARATION",
        "the declaration has 5 problems",
    )
    assert {(each["code"], each["path"]) for each in told["problems"]} == {
        ("BAD_NAME", "/name"),
        ("BAD_URL", "/url"),
        ("UNKNOWN_PARAMETER", "/url"),
        ("UNKNOWN_FIELD", "/metod"),
        ("OUT_OF_RANGE", "/timeout"),
    }
    assert (await client.get(f"{TOOLS}/a b")).status_code == 404


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, "BAD_JSON"),
        (b"[]", "application/json", 422, "WRONG_TYPE"),
        (b"{}", "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"{}", "application/json", 422, "INVALID_DECLARATION"),
        (b'{"a":"\xff"}', "application/json", 400, "NOT_UTF8"),
        (b'{"a":"' + b"x" * 2_000_000 + b'"}', "application/json", 413, "BODY_TOO_LARGE"),
        (b'{"a":"' + b"x" * 100_000 + b'"}', "application/json", 422, "INVALID_DECLARATION"),
        (b'{"a":' + b"[" * 99_999 + b"]" * 99_999 + b"}", "application/json", 400, "TOO_DEEP"),
        (b'{"a":' + b"[" * 99 + b"]" * 99 + b"}", "application/json", 422, "INVALID_DECLARATION"),
    ],
)
async def test_what_is_no_declaration_is_refused(
    client: httpx2.AsyncClient, content: bytes, kind: str, status: int, code: str
) -> None:
    answer = await client.post(TOOLS, content=content, headers={"Content-Type": kind})

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_python_tool_is_neither_replaced_nor_removed_nor_tried(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.post(TOOLS, json={**EXPRESSION, "name": "greet"})
    assert answer.json()["problems"][0]["code"] == "TOOL_NAME_TAKEN"
    for refused in (
        await client.delete(f"{TOOLS}/greet"),
        await client.post(f"{TOOLS}/greet/try", json={}),
        await client.get(f"{TOOLS}/greet", params={"version": 1}),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "NOT_DECLARED")
        assert refused.json()["hint"]


@pytest.mark.parametrize(
    ("method", "path"), [("get", ""), ("delete", ""), ("post", "/try"), ("get", "?version=1")]
)
async def test_a_tool_that_is_not_there_is_not_found(
    client: httpx2.AsyncClient, method: str, path: str
) -> None:
    answer = await client.request(method, f"{TOOLS}/greed{path}")

    assert (answer.status_code, answer.json()["code"]) == (404, "UNKNOWN_TOOL")
    assert "did you mean 'greet'?" in answer.json()["hint"]


@pytest.mark.parametrize("path", [f"{TOOLS}?kind=http", f"{COUNT}?version=0", f"{COUNT}?v=1"])
async def test_a_query_that_there_is_none_of_is_refused(
    client: httpx2.AsyncClient, path: str
) -> None:
    await registered(client, EXPRESSION)

    assert (await client.get(path)).json()["code"] == "INVALID_QUERY"


# -- trying -------------------------------------------------------------------------------


async def test_a_tool_is_tried_without_a_run(client: httpx2.AsyncClient) -> None:
    await registered(client, EXPRESSION)
    before = (await client.get(RUNS)).json()["runs"]
    answer = await client.post(f"{COUNT}/try", json={"arguments": {"text": "hello"}})

    assert answer.status_code == 200
    assert answer.json()["patch"] == {"length": 5}
    assert 0 <= answer.json()["took"] < 30
    assert "error" not in answer.json()
    assert (await client.get(RUNS)).json()["runs"] == before


async def test_the_error_that_it_would_be_is_an_answer(
    client: httpx2.AsyncClient, site: Site
) -> None:
    await registered(client, FETCH)
    site.pages["/"] = as_json({}, 429, Retry_After="7")
    tried = f"{TOOLS}/fetch/try"
    answer = await client.post(tried, json={"arguments": {"url": site.at("/")}})
    assert answer.status_code == 200
    error = answer.json()["error"]
    assert (error["code"], error["retry_after"]) == ("HTTP_429", 7.0)
    assert "patch" not in answer.json()

    for url in ("http://127.0.0.1:1/", "http://[::1]/", "http://169.254.169.254/"):
        answer = await client.post(tried, json={"arguments": {"url": url}})
        assert answer.json()["error"]["code"] == "EGRESS_REFUSED"
    assert (await client.post(tried)).json()["error"]["code"] == "MISSING_INPUT"


async def test_a_tool_is_tried_for_as_long_as_wanted(
    client: httpx2.AsyncClient, site: Site
) -> None:
    async def silent(_: object) -> None:
        await asyncio.Event().wait()

    site.pages["/"] = silent
    await registered(client, FETCH)
    asked: Json = {"arguments": {"url": site.at("/")}, "timeout": 0.1}
    answer = await client.post(f"{TOOLS}/fetch/try", json=asked)

    assert answer.json()["error"]["code"] == "TIMEOUT"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"arguments": []}, "INVALID_REQUEST"),
        ({"args": {}}, "INVALID_REQUEST"),
        ({"timeout": 61}, "INVALID_REQUEST"),
        ({"timeout": 0}, "INVALID_REQUEST"),
        ({"arguments": {"txt": 1}}, "BAD_VALUE"),
    ],
)
async def test_a_try_that_can_not_be_is_refused(
    client: httpx2.AsyncClient, body: Json, code: str
) -> None:
    await registered(client, EXPRESSION)
    answer = await client.post(f"{COUNT}/try", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


# -- a server that stops and starts -------------------------------------------------------


async def test_tools_outlive_the_server(tmp_path: Path) -> None:
    def engine() -> Engine:
        return Engine(
            tools=installed_tools(), tool_kinds=kinds(), store=SQLiteStore(tmp_path / "runs.db")
        )

    async with serving(engine()) as address, client_of(address) as client:
        await registered(client, EXPRESSION)
        await registered(client, OTHER)
        paused = await begin(
            client,
            {"name": "g", "nodes": ["count"]},
            initial_state={"text": "hello"},
            breakpoints=[{"node": "count"}],
        )
        await registered(client, EXPRESSION)
        await client.delete(COUNT)
    async with serving(engine()) as address, client_of(address) as client:
        assert (await client.get(COUNT)).status_code == 404
        await client.post(f"{RUNS}/{paused}/resume", json={})
        assert (await rested(client, paused))["state"]["length"] == 10
