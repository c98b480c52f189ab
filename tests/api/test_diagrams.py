"""GET /api/v1/graphs/{graph_id}/diagram, as text and as a picture."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest

from .conftest import begin

if TYPE_CHECKING:
    import httpx2

    from engine import Json

GRAPHS = "/api/v1/graphs"
CHORUS: dict[str, Json] = {
    "name": "chorus",
    "edges": {
        "greet": "count_words",
        "count_words": [{"when": "words < 5", "to": "echo"}, {"to": None}],
        "echo": "count_words",
    },
    "entry": "greet",
    "state": {"defaults": {"name": "world"}},
}
LOST: dict[str, Json] = {"name": "lost", "edges": {"greet": "fails", "fails": "echo"}}


def nodes(picture: str) -> dict[str, str | None]:
    """Give the nodes of a picture, and the status of each."""
    root = ET.fromstring(picture)  # noqa: S314  # it is ours
    found = [each for each in root.iter() if "data-node" in each.attrib]
    return {each.attrib["data-node"]: each.get("data-status") for each in found}


async def test_a_graph_is_written_as_mermaid(client: httpx2.AsyncClient) -> None:
    answer = await client.get(f"{GRAPHS}/hello/diagram")

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.splitlines() == [
        "flowchart TD",
        "  s(( ))",
        '  n0["<b>greet</b>"]',
        '  n1["<b>count_words</b>"]',
        "  s --> n0",
        "  n0 --> n1",
        "  n1 --> e1((( )))",
    ]


async def test_a_graph_is_drawn_as_svg(client: httpx2.AsyncClient) -> None:
    answer = await client.get(f"{GRAPHS}/hello/diagram.svg")

    assert answer.headers["content-type"] == "image/svg+xml"
    assert nodes(answer.text) == {"greet": None, "count_words": None}


async def test_a_picture_may_show_itself_and_nothing_else(client: httpx2.AsyncClient) -> None:
    answer = await client.get(f"{GRAPHS}/hello/diagram.svg")
    policy = answer.headers["content-security-policy"]
    (sheet,) = re.findall("<style>(.*?)</style>", answer.text)
    known = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()

    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{known}';")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "style=" not in answer.text


async def test_the_way_of_a_run_is_shown(
    client: httpx2.AsyncClient,
) -> None:
    run = await begin(client, CHORUS, run_id="sung")
    picture = await client.get(f"{GRAPHS}/chorus/diagram.svg", params={"run": run})
    text = await client.get(f"{GRAPHS}/chorus/diagram", params={"run": run, "version": 1})

    assert set(nodes(picture.text).values()) == {"completed"}
    assert 'data-visits="4"' in picture.text
    assert '  n1["<b>count_words</b><br/>✓ completed \u00d74"]' in text.text.splitlines()


async def test_a_run_that_failed_shows_where(
    client: httpx2.AsyncClient,
) -> None:
    run = await begin(client, LOST, initial_state={"name": "Ada"})
    picture = await client.get(f"{GRAPHS}/lost/diagram.svg", params={"run": run})

    assert nodes(picture.text) == {"greet": "completed", "fails": "failed", "echo": None}


async def test_a_run_is_shown_on_the_version_that_it_was_started_with(
    client: httpx2.AsyncClient,
) -> None:
    run = await begin(client, CHORUS)
    other: dict[str, Json] = {"name": "chorus", "nodes": ["greet"]}
    await client.post("/api/v1/graph/create", json=other)
    newest = await client.get(f"{GRAPHS}/chorus/diagram.svg")
    first = await client.get(f"{GRAPHS}/chorus/diagram.svg", params={"version": 1})
    of_run = await client.get(f"{GRAPHS}/chorus/diagram.svg", params={"run": run})

    assert [len(nodes(each.text)) for each in (newest, first, of_run)] == [1, 3, 3]


@pytest.mark.parametrize("suffix", ["", ".svg"])
async def test_a_run_of_another_graph_or_version_is_refused(
    client: httpx2.AsyncClient, suffix: str
) -> None:
    run = await begin(client, CHORUS)
    for graph, query in (("hello", {"run": run}), ("chorus", {"run": run, "version": "2"})):
        answer = await client.get(f"{GRAPHS}/{graph}/diagram{suffix}", params=query)

        assert answer.status_code == 422
        problem = answer.json()
        assert problem["code"] == "OTHER_GRAPH"
        assert problem["details"] == {"run_id": run, "graph_id": "chorus", "version": 1}
        assert problem["hint"]


@pytest.mark.parametrize("suffix", ["", ".svg"])
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("helo/diagram{}", 404, "GRAPH_NOT_FOUND"),
        ("hello/diagram{}?version=7", 404, "GRAPH_NOT_FOUND"),
        ("hello/diagram{}?run=nobody", 404, "RUN_NOT_FOUND"),
        ("hello/diagram{}?version=x", 422, "INVALID_QUERY"),
        ("hello/diagram{}?version=0&runs=1", 422, "INVALID_QUERY"),
    ],
)
async def test_what_can_not_be_drawn_is_refused(
    client: httpx2.AsyncClient, suffix: str, path: str, status: int, code: str
) -> None:
    answer = await client.get(f"{GRAPHS}/{path.format(suffix)}")

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_large_graph_is_drawn_beside_the_loop(
    client: httpx2.AsyncClient,
) -> None:
    edges: dict[str, Json] = {f"n{n}": f"n{n + 1}" for n in range(150)}
    tools: Json = {f"n{n}": "echo" for n in range(151)}
    await client.post("/api/v1/graph/create", json={"name": "long", "nodes": tools, "edges": edges})

    assert len(nodes((await client.get(f"{GRAPHS}/long/diagram.svg")).text)) == 151
    assert (await client.get(f"{GRAPHS}/long/diagram")).text.count("-->") == 152


async def test_a_graph_that_no_picture_can_be_made_of_still_has_its_text(
    client: httpx2.AsyncClient,
) -> None:
    edges: dict[str, Json] = {
        f"n{n}": [f"n{m}" for m in range(n + 1, min(n + 40, 400))] for n in range(399)
    }
    tools: Json = {f"n{n}": "echo" for n in range(400)}
    document: dict[str, Json] = {"name": "dense", "nodes": tools, "edges": edges}
    await client.post("/api/v1/graph/create", json=document)
    answer = await client.get(f"{GRAPHS}/dense/diagram.svg")

    assert (answer.status_code, answer.json()["code"]) == (422, "DIAGRAM_TOO_LARGE")
    text = answer.json()["hint"].rpartition("GET ")[2]
    assert (await client.get(text)).text.startswith("flowchart TD")


async def test_a_graph_of_any_name_has_its_diagram(
    client: httpx2.AsyncClient,
) -> None:
    name = '<b>&"é .svg?'
    document: dict[str, Json] = {"name": name, "nodes": {"<i>": "greet"}}
    await client.post("/api/v1/graph/create", json=document)
    answer = await client.get(f"{GRAPHS}/{quote(name, safe='')}/diagram.svg")

    assert nodes(answer.text) == {"<i>": None}
    assert "<title>&lt;b&gt;&amp;&quot;é .svg?</title>" in answer.text
