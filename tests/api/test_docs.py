"""GET /docs, and the examples that it and the description show."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from api import examples
from api.manual import page
from api.openapi import OPERATIONS, document
from engine import Engine, installed_tool_kinds, installed_tools

from .conftest import RUNS, STATE, rested, waits
from .contract import fits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx2

    from api.operation import Operation

CREATE = "/api/v1/graph/create"
RUN = "/api/v1/graph/run"


@pytest.fixture
def engine() -> Engine:
    """Give an engine with all that comes along, and a tool that waits."""
    return Engine(tools=[*installed_tools(), waits], tool_kinds=installed_tool_kinds())


class Links(HTMLParser):
    """Collects what a page refers to, and what is there."""

    def __init__(self) -> None:
        super().__init__()
        self.refers: set[str] = set()
        self.ids: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at a tag."""
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("href", "src"):
                self.refers.add(str(value))
            if name == "id":
                self.ids.append(str(value))


async def test_the_page_needs_no_other_host_and_no_script(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/docs")
    found = Links()
    found.feed(answer.text)

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'; style-src 'sha256-" in answer.headers["content-security-policy"]
    assert {each for each in found.refers if not each.startswith("#")} == {"/openapi.json"}
    assert not {"script", "img", "link", "iframe"} & found.tags
    assert "style=" not in answer.text


async def test_the_page_shows_every_operation_and_every_word_and_no_link_leads_nowhere(
    client: httpx2.AsyncClient,
) -> None:
    found = Links()
    found.feed((await client.get("/docs")).text)

    assert len(found.ids) == len({*found.ids})
    assert {each.removeprefix("#") for each in found.refers if each.startswith("#")} <= {*found.ids}
    assert {each.name for each in OPERATIONS} <= {*found.ids}
    schemas = document()["components"]["schemas"]  # type: ignore[index,call-overload]  # it has them
    assert {f"schema-{name}" for name in schemas} <= {*found.ids}


async def test_the_examples_ask_where_the_page_was_asked_for(
    client: httpx2.AsyncClient, address: str
) -> None:
    text = (await client.get("/docs")).text
    by_name = (await client.get("/docs", headers={"Host": "localhost:81"})).text

    assert f"<code>curl -sS {address}/api/v1/runs</code>" in text
    assert "<code>curl -sS http://localhost:81/api/v1/runs</code>" in by_name
    assert ":8000" not in text
    assert "\0" not in text


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("http://[::1]:80", "&#x27;http://[::1]:80&#x27;"),
        ("http://$(x)<b>'", "&#x27;http://$(x)&lt;b&gt;&#x27;&quot;&#x27;&quot;&#x27;&#x27;"),
    ],
)
def test_what_a_client_says_of_the_address_is_quoted(told: str, shown: str) -> None:
    assert f"<code>curl -sS {shown}/healthz</code>" in page(told)


async def test_what_comes_from_elsewhere_is_text(client: httpx2.AsyncClient) -> None:
    text = (await client.get("/docs")).text

    assert "{&quot;after&quot;: N}" in text
    assert re.search(r"words &lt; 5", text)


# -- examples -----------------------------------------------------------------------------

WITH_JSON = [each for each in OPERATIONS if each.media == "application/json"]


def test_every_operation_that_takes_something_shows_it() -> None:
    assert [each.name for each in OPERATIONS if each.has_body and each.example is None] == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_examples_are_what_the_description_says(operation: Operation) -> None:
    told: Any = document()["paths"][operation.path][operation.method]  # type: ignore[index,call-overload]  # it has it
    if operation.example is not None:
        content = told["requestBody"]["content"]
        fits(content["application/json"]["example"], content)
    for answer in told["responses"].values():
        for media, content in answer.get("content", {}).items():
            if "example" in content and media == "application/json":
                fits(content["example"], {media: content})


async def paused(client: httpx2.AsyncClient) -> None:
    """Have the run of the examples pause before `echo`."""
    assert (await client.post(RUN, json=examples.BEGUN)).is_success


async def failed(client: httpx2.AsyncClient) -> None:
    """Have the run of the examples, under the name of another, fail."""
    begun = {"graph_id": "chorus", "run_id": "first", "initial_state": {"name": 7}, "wait": 30}
    assert (await client.post(RUN, json=begun)).is_success


async def held(client: httpx2.AsyncClient) -> None:
    """Have the run of the examples come to a tool that waits."""
    graph = {"name": "held", "nodes": {"greet": "waits"}}
    assert (await client.post(CREATE, json=graph)).is_success
    begun = {"graph_id": "held", "run_id": "first", "initial_state": {}}
    assert (await client.post(RUN, json=begun)).is_success


async def declared(client: httpx2.AsyncClient) -> None:
    """Have the tool of the examples, under the name of another."""
    shout = {"kind": "expression", "input": ["city", "days"], "output": {"temperature": "days"}}
    assert (await client.post("/api/v1/tools", json={"name": "greeting", **shout})).is_success


async def large(client: httpx2.AsyncClient) -> None:
    """Have the large value of the examples, which somebody has seen named."""
    graph = {"graph_id": "chorus", "run_id": "first", "initial_state": {"name": "0" * 70_000}}
    assert (await client.post(RUN, json={**graph, "wait": 30})).is_success
    assert (await client.get("/api/v1/runs/first/log")).is_success


async def nothing(_: httpx2.AsyncClient) -> None:
    """Have nothing."""


BEFORE: dict[str, Callable[[httpx2.AsyncClient], Awaitable[None]]] = {
    "createGraph": nothing,
    "getBlob": large,
    "runGraph": nothing,
    "pauseRun": held,
    "skipRun": held,
    "retryRun": failed,
    "getReport": failed,
    "tryTool": declared,
    "removeTool": declared,
}
"""What must be there before an example can be sent; a run that is paused if nothing else is."""

OTHER_PATHS = {"tryTool": "/api/v1/tools/greeting/try", "removeTool": "/api/v1/tools/greeting"}


@pytest.mark.parametrize("operation", WITH_JSON, ids=lambda each: each.name)
async def test_every_example_is_accepted_and_answered_as_is_shown(
    client: httpx2.AsyncClient, operation: Operation
) -> None:
    if operation.name != "createGraph":
        assert (await client.post(CREATE, json=examples.CHORUS)).is_success
    await BEFORE.get(operation.name, paused)(client)
    path = OTHER_PATHS.get(operation.name, operation.path.format(**examples.NAMES))
    needed = {each.name: "9" for each in operation.parameters if each.required}
    body = {"json": dict(operation.example or {})} if operation.has_body else {}

    answer = await client.request(operation.method.upper(), path, params=needed, **body)

    assert answer.is_success, answer.text
    shown = examples.ANSWERS.get(operation.name, {}).get(str(answer.status_code))
    if isinstance(shown, dict):
        assert {*shown} == {*answer.json()}
        if "entry" in shown:
            assert {*shown["entry"]} == {*answer.json()["entry"]}


async def test_a_run_of_the_examples_ends_well(client: httpx2.AsyncClient) -> None:
    await client.post(CREATE, json=examples.CHORUS)
    await client.post(RUN, json=examples.BEGUN)
    await client.post(f"{RUNS}/first/breakpoints", json={"breakpoints": []})
    await client.post(f"{RUNS}/first/resume")

    assert (await rested(client, "first"))["status"] == "completed"
    assert (await client.get(f"{STATE}/first")).json()["state"]["words"] == 5
