"""GET /api/v1/runs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from .conftest import RUNS, begin, rested

if TYPE_CHECKING:
    import httpx2

    from engine import Json

GREETS: dict[str, Json] = {"name": "greets", "nodes": ["greet"]}
WAITS: dict[str, Json] = {"name": "waits", "nodes": ["waits"]}
FAILS: dict[str, Json] = {"name": "fails", "nodes": ["fails"]}


async def names(client: httpx2.AsyncClient, query: str = "") -> list[str]:
    """List the names of runs."""
    answer = await client.get(f"{RUNS}{query}")
    assert answer.status_code == 200, answer.text
    return [each["run_id"] for each in answer.json()["runs"]]


async def test_runs_are_listed_the_latest_first(client: httpx2.AsyncClient) -> None:
    assert (await client.get(RUNS)).json() == {"runs": [], "next": None}
    for name in ("c", "a", "b"):
        await begin(client, GREETS, run_id=name, initial_state={"name": "x"})

    assert await names(client) == ["b", "a", "c"]


async def test_a_run_is_shown_without_reading_its_log(client: httpx2.AsyncClient) -> None:
    run = await begin(client, FAILS, run_id="r", tags={"team": "blue"})
    await client.post(f"{RUNS}/{run}/retry", json={"run_id": "again"})
    await rested(client, "again")
    again, first = (await client.get(RUNS)).json()["runs"]

    assert datetime.fromisoformat(first.pop("began")) <= datetime.fromisoformat(
        first.pop("changed")
    )
    assert first == {
        "run_id": "r", "graph_id": "fails", "version": 1, "status": "failed",
        "error": "TOOL_FAILED", "tags": {"team": "blue"},
    }  # fmt: skip
    assert again["origin"]["run_id"] == "r"


async def test_runs_are_listed_by_status_and_by_graph(client: httpx2.AsyncClient) -> None:
    await begin(client, WAITS, run_id="w", wait=None)
    await begin(client, FAILS, run_id="f")
    await begin(client, GREETS, run_id="g", initial_state={"name": "x"})

    assert await names(client, "?status=running") == ["w"]
    assert await names(client, "?status=completed&status=failed") == ["g", "f"]
    assert await names(client, "?graph=fails") == ["f"]
    assert await names(client, "?graph=fails&status=running") == []
    assert await names(client, "?graph=nobody") == []


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
async def test_pages_give_every_run_once(client: httpx2.AsyncClient, limit: int) -> None:
    for name in "abcdefg":
        await begin(client, GREETS, run_id=name, initial_state={"name": "x"})
    pages: list[list[str]] = []
    before = ""
    while True:
        page = (await client.get(f"{RUNS}?limit={limit}{before}")).json()
        pages.append([each["run_id"] for each in page["runs"]])
        if page["next"] is None:
            break
        before = f"&before={page['next']}"

    assert "".join(name for page in pages for name in page) == "gfedcba"
    assert {len(page) for page in pages[:-1]} <= {limit}
    assert pages[-1]


async def test_runs_that_begin_meanwhile_do_not_move_the_pages(client: httpx2.AsyncClient) -> None:
    for name in "abcd":
        await begin(client, GREETS, run_id=name, initial_state={"name": "x"})
    page = (await client.get(f"{RUNS}?limit=2")).json()
    await begin(client, GREETS, run_id="e", initial_state={"name": "x"})

    assert await names(client, f"?limit=2&before={page['next']}") == ["b", "a"]


async def test_runs_of_each_version_of_a_graph_are_told_apart(client: httpx2.AsyncClient) -> None:
    await begin(client, GREETS, initial_state={"name": "x"})
    await begin(client, {**GREETS, "edges": {"greet": "echo"}, "nodes": None},
                initial_state={"name": "x"})  # fmt: skip

    listed = (await client.get(RUNS)).json()["runs"]
    assert [each["version"] for each in listed] == [2, 1]


async def test_everything_that_is_wrong_with_a_query_is_told_at_once(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.get(
        f"{RUNS}?status=done&status=failed&limit=0&before=x&gaph=a&graph=a&graph=b"
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_QUERY")
    told = {each["path"]: each for each in answer.json()["problems"]}
    assert {path: each["code"] for path, each in told.items()} == {
        "?status": "NOT_ONE_OF", "?limit": "OUT_OF_RANGE", "?before": "WRONG_TYPE",
        "?gaph": "UNKNOWN_FIELD", "?graph": "WRONG_TYPE",
    }  # fmt: skip
    assert told["?gaph"]["hint"] == "did you mean 'graph'?"
    assert told["?status"]["message"] == (
        "status: expected one of running, paused, completed, failed, cancelled, got 'done'"
    )
    assert told["?limit"]["message"] == "limit: expected a whole number from 1 to 1,000, got '0'"


@pytest.mark.parametrize("limit", ["1001", "x", "1.5", "", "-3", "9" * 30])
async def test_a_limit_that_is_none_is_refused(client: httpx2.AsyncClient, limit: str) -> None:
    answer = await client.get(f"{RUNS}?limit={limit}")

    assert answer.status_code == 422


@pytest.mark.parametrize(
    "before",
    [
        "",
        "a",
        "%C3%A9",
        "W10",
        "WyIyMDI2IiwgMV0",
        "bm8",
        "null",
        "WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzIzOjAwIiwgImEiXQ",
    ],
)
async def test_a_cursor_that_no_page_gave_is_refused(
    client: httpx2.AsyncClient, before: str
) -> None:
    answer = await client.get(f"{RUNS}?before={before}")

    assert answer.status_code == 422
    assert "expected the `next` of a page" in answer.json()["detail"]


async def test_runs_are_listed_by_tag_error_and_time(client: httpx2.AsyncClient) -> None:
    await begin(client, GREETS, run_id="a", initial_state={"name": "x"},
                tags={"team": "core", "env": "live"})  # fmt: skip
    await begin(client, FAILS, run_id="b", tags={"team": "core", "at": "10:30"})
    await begin(client, FAILS, run_id="c")
    listed = {each["run_id"]: each["began"] for each in (await client.get(RUNS)).json()["runs"]}
    middle = listed["b"]

    assert await names(client, "?tag=team:core") == ["b", "a"]
    assert await names(client, "?tag=team:core&tag=env:live") == ["a"]
    assert await names(client, "?tag=at:10:30") == ["b"]
    assert await names(client, "?tag=team:") == []
    assert await names(client, "?error=TOOL_FAILED") == ["c", "b"]
    assert await names(client, "?error=TOOL_FAILED&tag=team:core&graph=fails") == ["b"]
    assert await names(client, f"?since={middle}") == ["c", "b"]
    assert await names(client, f"?until={middle}") == ["a"]
    assert await names(client, f"?since={middle}&until={listed['c']}") == ["b"]
    assert await names(client, "?since=2026-01-01&until=2026-01-02T00:00:00%2B05:30") == []


@pytest.mark.parametrize(
    ("query", "path", "said"),
    [
        ("tag=team", "?tag", "tag: expected a tag and its value, as in team:core, got 'team'"),
        ("tag=a:1&tag=a:2", "?tag", "tag: expected one value of the tag 'a', got two"),
        ("since=noon", "?since", "since: expected a time, such as 2026-11-22T10:00:00Z, got"),
        ("until=", "?until", "until: expected a time"),
        ("until=0001-01-01T00:00:00%2B10:00", "?until", "until: expected a time"),
        ("since=2026-01-01&since=2026-01-02", "?since", "since: expected one value, got 2"),
    ],
)
async def test_what_can_not_be_asked_for_is_told(
    client: httpx2.AsyncClient, query: str, path: str, said: str
) -> None:
    answer = await client.get(f"{RUNS}?{query}")

    assert answer.status_code == 422
    (problem,) = answer.json()["problems"]
    assert problem["path"] == path
    assert problem["message"].startswith(said)
