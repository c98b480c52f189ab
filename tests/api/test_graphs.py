"""POST /api/v1/graph/create."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx2

CREATE = "/api/v1/graph/create"
CHAIN = {"name": "chain", "edges": {"greet": "count_words"}}


async def test_a_new_graph_is_created_as_version_1(client: httpx2.AsyncClient) -> None:
    answer = await client.post(CREATE, json=CHAIN)

    assert answer.status_code == 201
    assert answer.json() == {"graph_id": "chain", "version": 1, "warnings": []}
    assert answer.headers["content-type"] == "application/json"


async def test_the_same_document_again_changes_nothing(client: httpx2.AsyncClient) -> None:
    await client.post(CREATE, json=CHAIN)
    again = await client.post(CREATE, json={**CHAIN, "entry": "greet"})

    assert again.status_code == 200
    assert again.json() == {"graph_id": "chain", "version": 1, "warnings": []}


async def test_another_document_under_the_name_is_the_next_version(
    client: httpx2.AsyncClient,
) -> None:
    await client.post(CREATE, json=CHAIN)
    other = await client.post(CREATE, json={"name": "chain", "nodes": ["greet"]})

    assert other.status_code == 201
    assert other.json()["version"] == 2


async def test_the_simplest_mapping_is_a_graph_and_gets_a_name(client: httpx2.AsyncClient) -> None:
    made = await client.post(CREATE, json={"greet": "count_words"})

    assert made.status_code == 201
    assert made.json()["graph_id"].startswith("graph-")


async def test_warnings_are_told_and_do_not_hinder(client: httpx2.AsyncClient) -> None:
    rules = [{"when": "words > 3", "to": "echo"}]
    made = await client.post(CREATE, json={"edges": {"greet": "count_words", "count_words": rules}})

    assert made.status_code == 201
    assert [(each["code"], each["path"]) for each in made.json()["warnings"]] == [
        ("NO_DEFAULT_ROUTE", "/edges/count_words")
    ]


async def test_everything_that_is_wrong_with_a_document_is_told_at_once(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.post(
        CREATE,
        json={
            "nodes": ["greet", "echo"],
            "edges": {"greet": ["ecko"], "echo": [{"when": "words <", "to": None}]},
            "entrie": "greet",
        },
    )
    problem = answer.json()

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["code"], problem["status"]) == ("INVALID_GRAPH", 422)
    assert {(each["code"], each["path"]) for each in problem["problems"]} >= {
        ("UNKNOWN_NODE", "/edges/greet/0"),
        ("CONDITION_SYNTAX", "/edges/echo/0/when"),
        ("UNKNOWN_FIELD", "/entrie"),
    }
    hints = {each["code"]: each["hint"] for each in problem["problems"]}
    assert "did you mean 'echo'" in hints["UNKNOWN_NODE"]
    assert "did you mean 'entry'" in hints["UNKNOWN_FIELD"]


async def test_a_tool_that_is_not_there_is_told_with_the_one_that_was_meant(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.post(CREATE, json={"nodes": {"n": "gret"}})

    assert answer.status_code == 422
    assert answer.json()["problems"] == [
        {
            "code": "UNKNOWN_TOOL",
            "path": "/nodes/n/tool",
            "message": "node 'n' names the tool 'gret', which does not exist",
            "hint": "did you mean 'greet'?",
        }
    ]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"name": "x",\n "edges": {]}', "line 2, column 12"),
        (b"", "line 1, column 1"),
        (b'{"edges": {"a": "b"', "line 1, column 20"),
    ],
)
async def test_what_is_not_json_is_refused_with_line_and_column(
    client: httpx2.AsyncClient, body: bytes, where: str
) -> None:
    answer = await client.post(CREATE, content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["code"] == "BAD_JSON"
    assert where in answer.json()["detail"]


async def test_a_name_that_stands_twice_is_refused_rather_than_overlooked(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.post(
        CREATE,
        content=b'{"edges": {"greet": "echo", "greet": "count_words"}}',
        headers={"Content-Type": "application/json"},
    )

    assert answer.status_code == 422
    assert [each["code"] for each in answer.json()["problems"]] == ["DUPLICATE_KEY"]


async def test_a_large_document_is_read_beside_the_loop(client: httpx2.AsyncClient) -> None:
    document = {**CHAIN, "description": "x" * 200_000}

    assert (await client.post(CREATE, json=document)).status_code in (201, 422)
