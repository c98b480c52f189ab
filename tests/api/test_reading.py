"""GET /api/v1/runs/{run_id}/log, /diff and /report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from api import reading

from .conftest import RUNS, begin, rested

if TYPE_CHECKING:
    import httpx2

    from engine import Engine, Json

CHAIN: dict[str, Json] = {"name": "chain", "edges": {"greet": "echo", "echo": "count_words"}}
LAST = 10


async def ended(client: httpx2.AsyncClient) -> str:
    """Give a run that has completed, with a log up to entry `LAST`."""
    return await begin(client, CHAIN, run_id="r", initial_state={"name": "Ada"})


# -- its log ------------------------------------------------------------------------------


async def test_a_page_has_the_entries_as_they_stand_in_the_log(
    client: httpx2.AsyncClient, engine: Engine
) -> None:
    run = await ended(client)
    answer = await client.get(f"{RUNS}/{run}/log")
    lines = [line async for line in (await engine.find(run)).lines()]

    assert answer.content == b'{"entries":[' + b",".join(lines) + b'],"next":null}'
    assert [each["seq"] for each in answer.json()["entries"]] == [*range(LAST + 1)]


@pytest.mark.parametrize("limit", [1, 2, 5, 10, 11, 12])
async def test_pages_give_every_entry_once(client: httpx2.AsyncClient, limit: int) -> None:
    run = await ended(client)
    after: int | None = -1
    read: list[int] = []
    while after is not None:
        page = (await client.get(f"{RUNS}/{run}/log?after={after}&limit={limit}")).json()
        assert 0 < len(page["entries"]) <= limit
        read += [each["seq"] for each in page["entries"]]
        after = page["next"]

    assert read == [*range(LAST + 1)]


async def test_a_page_of_large_entries_ends_early(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_PAGE", 1)
    run = await ended(client)
    page = (await client.get(f"{RUNS}/{run}/log")).json()

    assert ([each["seq"] for each in page["entries"]], page["next"]) == ([0], 0)


async def test_a_page_of_a_run_that_goes_on_waits_for_nothing(client: httpx2.AsyncClient) -> None:
    run = await begin(client, {"name": "w", "nodes": ["waits"]}, wait=None)
    page = (await client.get(f"{RUNS}/{run}/log")).json()
    beyond = (await client.get(f"{RUNS}/{run}/log?after=99")).json()

    assert (len(page["entries"]), page["next"]) == (3, None)
    assert beyond == {"entries": [], "next": None}


async def test_the_log_of_a_fork_begins_with_that_of_its_origin(
    client: httpx2.AsyncClient,
) -> None:
    run = await ended(client)
    await client.post(f"{RUNS}/{run}/fork", json={"at": 5, "run_id": "f"})
    await rested(client, "f")
    page = (await client.get(f"{RUNS}/f/log?after=4&limit=2")).json()

    assert [(each["run_id"], each["type"]) for each in page["entries"]] == [
        ("r", "node.started"), ("f", "run.forked"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("?after=-2", {"?after"}),
        ("?limit=0&after=x", {"?limit", "?after"}),
        ("?limit=1001", {"?limit"}),
        ("?from=3", {"?from"}),
    ],
)
async def test_a_page_that_can_not_be_is_refused(
    client: httpx2.AsyncClient, query: str, paths: set[str]
) -> None:
    answer = await client.get(f"{RUNS}/r/log{query}")

    assert answer.status_code == 422
    assert {each["path"] for each in answer.json()["problems"]} == paths


# -- what has changed ---------------------------------------------------------------------


async def test_two_states_of_a_run_are_compared(client: httpx2.AsyncClient) -> None:
    run = await ended(client)
    found = (await client.get(f"{RUNS}/{run}/diff?from=3&to=10")).json()

    assert found == {
        "run_id": "r", "from": 5, "to": 10, "added": {"words": 3}, "removed": {},
        "changed": {"greeting": {"from": "Hello, Ada!", "to": "Hello, Ada! Ada!"}},
    }  # fmt: skip


async def test_without_an_end_the_state_is_compared_with_that_of_now(
    client: httpx2.AsyncClient,
) -> None:
    run = await ended(client)
    found = (await client.get(f"{RUNS}/{run}/diff?from=0")).json()
    back = (await client.get(f"{RUNS}/{run}/diff?from=10&to=0")).json()

    assert (found["from"], found["to"], sorted(found["added"])) == (2, 10, ["greeting", "words"])
    assert sorted(back["removed"]) == ["greeting", "words"]


@pytest.mark.parametrize(
    ("query", "paths"),
    [("", {"?from"}), ("?from=x&to=-1", {"?from", "?to"}), ("?form=1", {"?from", "?form"})],
)
async def test_states_that_are_not_named_are_not_compared(
    client: httpx2.AsyncClient, query: str, paths: set[str]
) -> None:
    answer = await client.get(f"{RUNS}/r/diff{query}")

    assert answer.status_code == 422
    assert {each["path"] for each in answer.json()["problems"]} == paths


@pytest.mark.parametrize("query", ["?from=99", "?from=0&to=99"])
async def test_an_entry_that_is_not_there_is_named(client: httpx2.AsyncClient, query: str) -> None:
    run = await ended(client)
    answer = await client.get(f"{RUNS}/{run}/diff{query}")

    assert (answer.status_code, answer.json()["detail"]) == (404, "run 'r' has no entry 99")


# -- why it failed ------------------------------------------------------------------------


async def test_a_report_says_what_failed_on_what_and_what_can_be_done(
    client: httpx2.AsyncClient,
) -> None:
    node = {"tool": "sail", "retry": {"max_attempts": 3, "delay": 0}}
    graph = {"name": "g", "nodes": {"leave": node, "greet": None}, "edges": {"greet": "leave"}}
    run = await begin(client, graph, run_id="r", initial_state={"name": "Ada", "to": "Oslo"})
    report = (await client.get(f"{RUNS}/{run}/report")).json()

    assert (report["run_id"], report["graph_id"], report["status"]) == ("r", "g", "failed")
    assert (report["node"], report["attempt"]) == ("leave", 3)
    assert report["error"]["code"] == "STORM"
    assert report["state"] == {"name": "Ada", "to": "Oslo", "greeting": "Hello, Ada!"}
    assert [each["attempt"] for each in report["earlier"]] == [1, 2]
    assert report["actions"][0] == {
        "method": "POST", "path": f"{RUNS}/r/retry", "body": {},
        "says": report["actions"][0]["says"],
    }  # fmt: skip


async def test_of_a_run_that_has_not_failed_there_is_nothing_to_report(
    client: httpx2.AsyncClient,
) -> None:
    run = await ended(client)
    answer = await client.get(f"{RUNS}/{run}/report")

    assert (answer.status_code, answer.json()["code"]) == (404, "NOTHING_TO_REPORT")
    assert answer.json()["hint"] == "how it is now is at /api/v1/graph/state/r"


@pytest.mark.parametrize("page", ["log", "diff?from=0", "report"])
async def test_a_run_that_is_not_there_is_named(client: httpx2.AsyncClient, page: str) -> None:
    answer = await client.get(f"{RUNS}/nobody/{page}")

    assert (answer.status_code, answer.json()["code"]) == (404, "RUN_NOT_FOUND")
