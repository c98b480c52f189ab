"""/api/v1/templates."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pytest

from api.templates import templates
from engine import Graph

from .conftest import begin

if TYPE_CHECKING:
    from pathlib import Path

    import httpx2

    from engine import Json

TEMPLATES = "/api/v1/templates"
ETL = f"{TEMPLATES}/extract-transform-load"
RETRY = f"{TEMPLATES}/retry-with-fallback"


async def test_the_templates_are_listed_by_name(client: httpx2.AsyncClient) -> None:
    listed = (await client.get(TEMPLATES)).json()["templates"]

    names = [each["name"] for each in listed]
    assert names == sorted(names)
    assert {"code-review", "extract-transform-load", "retry-with-fallback"} <= set(names)
    assert all(each["title"] and each["description"] for each in listed)


async def test_a_template_shows_its_parameters_and_its_graph(client: httpx2.AsyncClient) -> None:
    shown = (await client.get(RETRY)).json()

    assert shown["name"] == "retry-with-fallback"
    assert shown["parameters"]["properties"]["max_attempts"]["default"] == 3
    assert shown["graph"]["nodes"]["try"]["tool"] == {"$parameter": "primary_tool"}


async def test_a_preview_shows_the_document_and_keeps_nothing(client: httpx2.AsyncClient) -> None:
    asked = {"parameters": {"max_attempts": 7, "retry_on": ["TIMEOUT"]}, "name": "mine"}
    shown = (await client.post(f"{RETRY}/preview", json=asked)).json()

    graph = Graph.parse(shown["document"])
    assert (graph.name, graph.nodes["try"].retry.max_attempts) == ("mine", 7)
    assert (shown["problems"], shown["warnings"]) == ([], [])
    kept = (await client.get("/api/v1/graphs")).json()["graphs"]
    assert "mine" not in [each["graph_id"] for each in kept]


async def test_a_preview_needs_no_body(client: httpx2.AsyncClient) -> None:
    assert (await client.post(f"{ETL}/preview")).json()["problems"] == []


async def test_a_preview_says_what_would_be_refused(client: httpx2.AsyncClient) -> None:
    asked = {"parameters": {"load_tool": "records.wite", "load_args": {"syntx": "csv"}}}
    shown = (await client.post(f"{ETL}/preview", json=asked)).json()

    assert [(each["code"], each["hint"]) for each in shown["problems"]] == [
        ("UNKNOWN_TOOL", "did you mean 'records.write'?")
    ]


async def test_an_instance_is_a_graph_like_any_other(client: httpx2.AsyncClient) -> None:
    asked = {"parameters": {"load_args": {"syntax": "jsonl"}}, "name": "people"}
    first = await client.post(f"{ETL}/instantiate", json=asked)
    again = await client.post(f"{ETL}/instantiate", json=asked)
    other = await client.post(f"{ETL}/instantiate", json={"name": "people"})

    assert first.json() == {"graph_id": "people", "version": 1, "warnings": []}
    assert [each.status_code for each in (first, again, other)] == [201, 200, 201]
    assert other.json()["version"] == 2

    wanted: dict[str, Json] = {"text": "id,name\n1, Ada\n2,\n", "required": ["name"]}
    told = {"graph_id": "people", "version": 1, "initial_state": wanted, "wait": 30}
    state = (await client.post("/api/v1/graph/run", json=told)).json()["state"]
    assert state["output"] == '{"id": "1", "name": "Ada"}\n'
    assert [each["reason"] for each in state["rejected"]] == ["no value for name"]


async def test_without_a_name_the_graph_is_called_as_its_template(
    client: httpx2.AsyncClient,
) -> None:
    made = await client.post(f"{RETRY}/instantiate")

    assert made.json()["graph_id"] == "retry-with-fallback"


async def test_what_can_not_be_loaded_is_given_up_as_the_template_says(
    client: httpx2.AsyncClient,
) -> None:
    document = (await client.post(f"{ETL}/preview")).json()["document"]
    run = await begin(client, document, initial_state={"text": "a,b\n1\n"})
    state = (await client.get(f"/api/v1/graph/state/{run}")).json()

    assert (state["status"], state["state"]["loaded"]) == ("completed", False)


async def test_the_fallback_answers_when_the_tool_has_failed_for_good(
    client: httpx2.AsyncClient,
) -> None:
    given = {"primary_tool": "fails", "max_attempts": 3, "delay": 0}
    asked = {"parameters": given, "name": "careful"}
    document = (await client.post(f"{RETRY}/preview", json=asked)).json()["document"]
    run = await begin(client, document)
    log = (await client.get(f"/api/v1/runs/{run}/log")).json()["entries"]

    assert [each["type"] for each in log].count("node.retrying") == 2
    state = (await client.get(f"/api/v1/graph/state/{run}")).json()["state"]
    assert state == {"greeting": "Hello, whoever you are!", "fallback": True}


async def test_the_code_review_comes_with_its_threshold(client: httpx2.AsyncClient) -> None:
    asked = {"parameters": {"threshold": 9.5, "max_rounds": 2}}
    shown = (await client.post(f"{TEMPLATES}/code-review/preview", json=asked)).json()

    assert shown["problems"] == []
    defaults = shown["document"]["state"]["defaults"]
    assert (defaults["threshold"], defaults["max_rounds"]) == (9.5, 2)


async def test_one_key_makes_one_graph(client: httpx2.AsyncClient) -> None:
    headers = {"Idempotency-Key": "made-once"}
    first = await client.post(f"{RETRY}/instantiate", json={"name": "once"}, headers=headers)
    again = await client.post(f"{RETRY}/instantiate", json={"name": "once"}, headers=headers)
    other = await client.post(f"{RETRY}/instantiate", json={"name": "twice"}, headers=headers)

    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"


@pytest.mark.parametrize("action", ["preview", "instantiate"])
async def test_everything_that_is_wrong_with_the_parameters_is_told_at_once(
    client: httpx2.AsyncClient, action: str
) -> None:
    given = {"threshold": 11, "max_round": 3, "max_rounds": "2"}
    answer = await client.post(f"{TEMPLATES}/code-review/{action}", json={"parameters": given})
    problem = answer.json()

    assert (answer.status_code, problem["code"]) == (422, "INVALID_PARAMETERS")
    assert {(each["code"], each["path"]) for each in problem["problems"]} == {
        ("OUT_OF_RANGE", "/parameters/threshold"),
        ("UNKNOWN_FIELD", "/parameters/max_round"),
        ("WRONG_TYPE", "/parameters/max_rounds"),
    }
    assert problem["hint"] == "what it asks for is at /api/v1/templates/code-review"


async def test_a_tool_that_is_not_there_makes_no_graph(client: httpx2.AsyncClient) -> None:
    answer = await client.post(f"{ETL}/instantiate", json={"parameters": {"extract_tool": "gone"}})

    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_GRAPH")
    assert [each["path"] for each in answer.json()["problems"]] == ["/nodes/extract/tool"]
    assert f"POST {ETL}/preview" in answer.json()["hint"]


async def test_a_name_that_no_graph_can_have_is_refused(client: httpx2.AsyncClient) -> None:
    answer = await client.post(f"{ETL}/instantiate", json={"name": "a/b"})

    assert [(each["code"], each["path"]) for each in answer.json()["problems"]] == [
        ("BAD_NAME", "/name")
    ]


@pytest.mark.parametrize(
    ("method", "path", "body", "refusal"),
    [
        ("GET", "code-reviw", None, (404, "TEMPLATE_NOT_FOUND")),
        ("POST", "nothing/preview", {}, (404, "TEMPLATE_NOT_FOUND")),
        ("POST", "nothing/instantiate", {}, (404, "TEMPLATE_NOT_FOUND")),
        ("GET", "?limit=3", None, (422, "INVALID_QUERY")),
        ("GET", "code-review?version=3", None, (422, "INVALID_QUERY")),
        ("POST", "code-review/preview", {"parameter": {}}, (422, "INVALID_REQUEST")),
        ("POST", "code-review/instantiate", {"parameters": []}, (422, "INVALID_REQUEST")),
        ("POST", "code-review/preview", {"parameters": {"threshold": 2**80}}, (422, None)),
    ],
)
async def test_a_request_that_can_not_be_meant_is_refused(
    client: httpx2.AsyncClient, method: str, path: str, body: Json, refusal: tuple[int, str | None]
) -> None:
    where = f"{TEMPLATES}{path if path.startswith('?') else f'/{path}'}"
    answer = await client.request(method, where, json=body)

    assert answer.status_code == refusal[0]
    assert refusal[1] in (None, answer.json()["code"])
    assert answer.json()["hint"] or answer.json()["problems"]


async def test_a_package_whose_template_is_none_is_named_and_can_be_mended(
    client: httpx2.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_templates").mkdir()
    (tmp_path / "broken_templates" / "bad.json").write_text("{}")
    (tmp_path / "broken-1.dist-info").mkdir()
    offered = tmp_path / "broken-1.dist-info" / "entry_points.txt"
    offered.write_text("[awe.templates]\nbroken = broken_templates\n")
    templates.cache_clear()
    monkeypatch.syspath_prepend(str(tmp_path))
    answer = await client.get(TEMPLATES)

    assert (answer.status_code, answer.json()["code"]) == (500, "INVALID_TEMPLATE")
    assert "broken_templates/bad.json" in answer.json()["detail"]

    offered.unlink()
    importlib.invalidate_caches()
    assert (await client.get(TEMPLATES)).is_success


async def test_parameters_nested_beyond_measure_are_refused(client: httpx2.AsyncClient) -> None:
    deep = '{"parameters": {"fallback_args": ' + '{"a":' * 300 + "1" + "}" * 300 + "}}"
    answer = await client.post(
        f"{RETRY}/instantiate", content=deep, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 422
    assert [each["code"] for each in answer.json()["problems"]] == ["TOO_DEEP"]
