"""POST /api/v1/graph/create, and the routes under /api/v1/graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine import Engine, GraphBuilder, SQLiteStore, installed_tools

from .conftest import client_of, serving

if TYPE_CHECKING:
    from pathlib import Path

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


async def test_what_is_wrong_with_tools_is_told_together_with_the_rest(
    client: httpx2.AsyncClient,
) -> None:
    document = {"nodes": {"a": "gret"}, "edges": {"a": "b"}}
    answer = await client.post(CREATE, json=document)

    assert answer.status_code == 422
    found = {(each["code"], each["path"]) for each in answer.json()["problems"]}
    assert found == {("UNKNOWN_NODE", "/edges/a"), ("UNKNOWN_TOOL", "/nodes/a/tool")}


# -- lists, documents, validation ---------------------------------------------------------

GRAPHS = "/api/v1/graphs"
OTHER = {"name": "chain", "nodes": ["greet"], "description": "Greets.", "tags": ["short"]}


async def test_graphs_are_listed_by_name_each_in_its_newest_version(
    client: httpx2.AsyncClient,
) -> None:
    await client.post(CREATE, json=CHAIN)
    await client.post(CREATE, json=OTHER)

    assert (await client.get(GRAPHS)).json() == {
        "graphs": [
            {
                "graph_id": "chain", "version": 2, "versions": [1, 2], "nodes": 1,
                "description": "Greets.", "tags": ["short"],
            },
            {"graph_id": "hello", "version": 1, "versions": [1], "nodes": 2},
        ]
    }  # fmt: skip


async def test_a_graph_is_shown_in_its_newest_version_or_the_one_that_is_named(
    client: httpx2.AsyncClient,
) -> None:
    await client.post(CREATE, json=CHAIN)
    await client.post(CREATE, json=OTHER)
    newest = (await client.get(f"{GRAPHS}/chain")).json()
    first = (await client.get(f"{GRAPHS}/chain?version=1")).json()

    assert (newest["version"], newest["document"]["nodes"]) == (2, {"greet": {"tool": "greet"}})
    assert (first["version"], [*first["document"]["nodes"]]) == (1, ["greet", "count_words"])
    assert first["versions"] == newest["versions"] == [1, 2]
    assert first["warnings"] == []


async def test_the_document_that_is_shown_makes_the_same_graph_again(
    client: httpx2.AsyncClient,
) -> None:
    await client.post(CREATE, json=CHAIN)
    shown = (await client.get(f"{GRAPHS}/chain")).json()["document"]

    assert (await client.post(CREATE, json=shown)).status_code == 200


async def test_a_name_with_odd_characters_is_found(client: httpx2.AsyncClient) -> None:
    await client.post(CREATE, json={**CHAIN, "name": "un café? 100%"})

    answer = await client.get(f"{GRAPHS}/un%20caf%C3%A9%3F%20100%25")

    assert answer.json()["graph_id"] == "un café? 100%"


async def test_a_version_that_is_not_there_is_not_found(client: httpx2.AsyncClient) -> None:
    answer = await client.get(f"{GRAPHS}/hello?version=2")

    assert (answer.status_code, answer.json()["code"]) == (404, "GRAPH_NOT_FOUND")
    assert answer.json()["hint"] == "it has the versions 1 to 1"


async def test_a_document_is_looked_at_and_nothing_is_kept(client: httpx2.AsyncClient) -> None:
    rules = [{"when": "words > 3", "to": "echo"}]
    odd = {"name": "odd", "edges": {"greet": "count_words", "count_words": rules}}
    answer = await client.post(f"{GRAPHS}/validate", json=odd)

    assert answer.status_code == 200
    assert (answer.json()["valid"], answer.json()["problems"]) == (True, [])
    assert [each["code"] for each in answer.json()["warnings"]] == ["NO_DEFAULT_ROUTE"]
    assert (await client.get(f"{GRAPHS}/odd")).status_code == 404


async def test_everything_that_is_wrong_with_a_document_is_found_tools_included(
    client: httpx2.AsyncClient,
) -> None:
    document = {
        "nodes": {"a": "gret", "b": {"tool": "greet", "args": {"nmae": "Ada"}}},
        "edges": {"a": "c", "b": [{"when": "x <", "to": "a"}]},
        "tgas": [],
    }
    answer = await client.post(f"{GRAPHS}/validate", json=document)

    assert answer.json()["valid"] is False
    assert {(each["code"], each["path"]) for each in answer.json()["problems"]} >= {
        ("UNKNOWN_FIELD", "/tgas"),
        ("UNKNOWN_NODE", "/edges/a"),
        ("CONDITION_SYNTAX", "/edges/b/0/when"),
        ("UNKNOWN_TOOL", "/nodes/a/tool"),
        ("UNKNOWN_PARAMETER", "/nodes/b/args/nmae"),
    }


async def test_a_document_that_is_too_deep_is_told_so(client: httpx2.AsyncClient) -> None:
    deep: object = 1
    for _ in range(100):
        deep = [deep]
    answer = await client.post(f"{GRAPHS}/validate", json={**CHAIN, "metadata": {"deep": deep}})

    assert [each["code"] for each in answer.json()["problems"]] == ["TOO_DEEP"]


async def test_a_graph_whose_functions_are_not_here_is_not_listed(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "runs.db")
    builder = GraphBuilder("mine").node("greet").node("echo")
    mine = builder.route("greet", (lambda _: True, "echo"), otherwise=None).build()
    assert await listed(Engine(tools=installed_tools(), store=store)) == ["hello"]
    async with Engine(tools=installed_tools(), store=store) as engine:
        await engine.create(mine)
        assert [each.graph_id for each in engine.graphs()] == ["hello", "mine"]
    assert await listed(Engine(tools=installed_tools(), store=store)) == ["hello"]


async def listed(engine: Engine) -> list[str]:
    """Serve an engine, and give the graphs it lists."""
    async with serving(engine) as address, client_of(address) as client:
        return [each["graph_id"] for each in (await client.get(GRAPHS)).json()["graphs"]]


@pytest.mark.parametrize("body", ["5", "[]", '"x"', "64058847493148840109902135296", "1e400"])
async def test_what_is_no_object_is_no_document_to_be_validated(
    client: httpx2.AsyncClient, body: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await client.post("/api/v1/graphs/validate", content=body, headers=headers)

    assert answer.status_code in (400, 422)
    assert answer.json()["hint"]
