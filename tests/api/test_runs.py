"""POST /api/v1/graph/run and GET /api/v1/graph/state/{run_id}."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx2

RUN = "/api/v1/graph/run"
STATE = "/api/v1/graph/state"
CREATE = "/api/v1/graph/create"


async def test_a_run_is_accepted_and_goes_on(client: httpx2.AsyncClient) -> None:
    await client.post(CREATE, json={"name": "g", "nodes": ["waits"]})
    answer = await client.post(RUN, json={"graph_id": "g", "initial_state": {}})

    accepted = answer.json()
    assert answer.status_code == 202
    assert accepted == {"run_id": accepted["run_id"], "status": "running", "seq": 2}
    assert answer.headers["location"] == f"{STATE}/{accepted['run_id']}"


async def test_with_wait_the_answer_is_the_whole_state_as_soon_as_the_run_has_ended(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.post(
        RUN,
        json={"graph_id": "hello", "run_id": "r", "initial_state": {"name": "Ada"}, "wait": 30},
    )

    assert answer.status_code == 200
    assert answer.json() == {
        "run_id": "r",
        "graph_id": "hello",
        "version": 1,
        "status": "completed",
        "seq": 7,
        "state": {"name": "Ada", "greeting": "Hello, Ada!", "words": 2},
        "waiting": [],
    }
    assert (await client.get(answer.headers["location"])).json() == answer.json()


async def test_with_wait_a_run_that_takes_longer_is_accepted(client: httpx2.AsyncClient) -> None:
    await client.post(CREATE, json={"name": "g", "nodes": ["waits"]})
    answer = await client.post(RUN, json={"graph_id": "g", "initial_state": {}, "wait": 0.01})

    assert answer.status_code == 202
    assert answer.json()["status"] == "running"


async def test_with_wait_a_run_that_is_paused_is_shown(client: httpx2.AsyncClient) -> None:
    answer = await client.post(
        RUN,
        json={
            "graph_id": "hello",
            "initial_state": {},
            "breakpoints": [{"node": "count_words"}],
            "wait": 30,
        },
    )

    assert answer.status_code == 200
    assert answer.json()["status"] == "paused"
    assert answer.json()["state"] == {"name": "world", "greeting": "Hello, world!"}


async def test_a_run_uses_the_version_that_it_names(client: httpx2.AsyncClient) -> None:
    await client.post(CREATE, json={"name": "hello", "nodes": ["greet"]})
    wanted = {"graph_id": "hello", "initial_state": {"name": "x"}, "wait": 30}

    newest = (await client.post(RUN, json=wanted)).json()
    first = (await client.post(RUN, json={**wanted, "version": 1})).json()

    assert (newest["version"], "words" in newest["state"]) == (2, False)
    assert (first["version"], "words" in first["state"]) == (1, True)


async def test_a_failed_run_says_why(client: httpx2.AsyncClient) -> None:
    await client.post(CREATE, json={"name": "g", "nodes": ["fails"]})
    answer = await client.post(RUN, json={"graph_id": "g", "initial_state": {}, "wait": 30})

    assert answer.status_code == 200
    assert answer.json()["status"] == "failed"
    error = answer.json()["error"]
    assert (error["code"], error["cause"]) == ("TOOL_FAILED", ["ValueError: no luck"])
    assert (error["node"], error["attempt"]) == ("fails", 1)


async def test_a_run_that_waits_for_another_attempt_shows_until_when(
    client: httpx2.AsyncClient,
) -> None:
    node = {"tool": "fails", "retry": {"max_attempts": 2, "delay": 60, "jitter": 0}}
    await client.post(CREATE, json={"name": "g", "nodes": {"n": node}})
    run = (await client.post(RUN, json={"graph_id": "g", "initial_state": {}})).json()["run_id"]
    shown = {"waiting": []}
    while not shown["waiting"]:
        shown = (await client.get(f"{STATE}/{run}")).json()

    waiting = shown["waiting"][0]
    assert (waiting["node"], waiting["for"]) == ("n", "retry")
    assert waiting["until"] > waiting["since"]


async def test_several_branches_in_flight_are_shown_each_with_its_state(
    client: httpx2.AsyncClient,
) -> None:
    nodes = {"a": "greet", "b": "waits", "c": "waits"}
    await client.post(CREATE, json={"name": "g", "nodes": nodes, "edges": {"a": ["b", "c"]}})
    wanted = {"graph_id": "g", "initial_state": {"name": "x"}, "wait": 0.2}
    run = (await client.post(RUN, json=wanted)).json()["run_id"]
    shown = (await client.get(f"{STATE}/{run}")).json()

    assert [each["node"] for each in shown["branches"]] == ["b", "c"]
    assert all(each["state"]["greeting"] == "Hello, x!" for each in shown["branches"])


@pytest.mark.parametrize(("at", "keys"), [(0, 1), (2, 1), (3, 2), (5, 2), (6, 3), (7, 3)])
async def test_the_state_of_the_past_is_that_after_the_batch_of_the_entry(
    client: httpx2.AsyncClient, at: int, keys: int
) -> None:
    await client.post(
        RUN, json={"graph_id": "hello", "run_id": "r", "initial_state": {}, "wait": 30}
    )
    shown = (await client.get(f"{STATE}/r?at={at}")).json()

    assert len(shown["state"]) == keys
    assert shown["seq"] == {0: 2, 2: 2, 3: 5, 5: 5, 6: 7, 7: 7}[at]


# -- what is refused ----------------------------------------------------------------------


async def test_a_run_id_that_is_chosen_twice_is_refused_with_the_address_of_the_first(
    client: httpx2.AsyncClient,
) -> None:
    wanted = {"graph_id": "hello", "run_id": "r", "initial_state": {}}
    async with asyncio.TaskGroup() as group:
        posts = [group.create_task(client.post(RUN, json=wanted)) for _ in range(5)]

    answers = [post.result() for post in posts]
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409, 409]
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert refused["code"] == "RUN_EXISTS"
    assert refused["details"]["location"] == f"{STATE}/r"


async def test_everything_that_is_wrong_with_a_request_is_told_at_once(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.post(
        RUN,
        json={
            "graph_idd": "hello",
            "initial_state": [],
            "wait": 61,
            "version": "1",
            "tags": {"a": 1},
            "breakpoints": [{"node": "greet"}, {"node": 5}],
        },
    )

    assert answer.status_code == 422
    assert answer.json()["code"] == "INVALID_REQUEST"
    told = {each["path"]: each for each in answer.json()["problems"]}
    assert {path: each["code"] for path, each in told.items()} == {
        "/graph_idd": "UNKNOWN_FIELD",
        "/initial_state": "WRONG_TYPE",
        "/wait": "OUT_OF_RANGE",
        "/version": "WRONG_TYPE",
        "/tags": "WRONG_TYPE",
        "/breakpoints/1/node": "WRONG_TYPE",
        "/graph_id": "MISSING_FIELD",
    }
    assert told["/graph_idd"]["hint"] == "did you mean 'graph_id'?"
    assert told["/wait"]["message"] == "wait: expected 0 to 60, got 61"


@pytest.mark.parametrize(
    ("body", "code", "where"),
    [
        (b'{"graph_id": "hello",\n  "initial_state": {,}}', "BAD_JSON", "line 2, column 21"),
        (b'{"graph_id": "h\xc3\xa9", x', "BAD_JSON", "line 1, column 20"),
        (b'{"graph_id": "hello"', "BAD_JSON", "line 1, column 21"),
        (b"", "BAD_JSON", "the body is empty"),
        (b'{"graph_id": "\xff"}', "NOT_UTF8", "not UTF-8"),
        (b"[" * 100_000, "TOO_DEEP", "nested too deep"),
    ],
)
async def test_what_is_not_json_is_refused_with_line_and_column(
    client: httpx2.AsyncClient, body: bytes, code: str, where: str
) -> None:
    answer = await client.post(RUN, content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert where in answer.json()["detail"]


@pytest.mark.parametrize("body", [b"[]", b"3", b"null", b'"x"'])
async def test_json_that_is_no_object_is_refused(client: httpx2.AsyncClient, body: bytes) -> None:
    answer = await client.post(RUN, content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 422
    assert "expected a JSON object" in answer.json()["detail"]


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
async def test_a_body_that_does_not_say_it_is_json_is_refused(
    client: httpx2.AsyncClient, kind: str | None
) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = await client.post(RUN, content=b"{}", headers=headers)

    assert answer.status_code == 415
    assert "Content-Type: application/json" in answer.json()["hint"]


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_that_is_too_large_is_refused_before_it_is_read_to_its_end(
    client: httpx2.AsyncClient, *, declared: bool
) -> None:
    async def chunks() -> object:
        for _ in range(40):
            yield b" " * 50_000

    body = b" " * 2_000_000 if declared else chunks()
    answer = await client.post(
        RUN,
        content=body,  # type: ignore[arg-type]  # an async generator is fine
        headers={"Content-Type": "application/json"},
    )

    assert answer.status_code == 413
    assert answer.json()["code"] == "BODY_TOO_LARGE"


async def test_a_value_that_can_not_be_in_a_state_is_refused(client: httpx2.AsyncClient) -> None:
    answer = await client.post(
        RUN, json={"graph_id": "hello", "initial_state": {"list": [1, {"n": 2**64}]}}
    )

    assert answer.status_code == 422
    assert answer.json()["code"] == "BAD_VALUE"
    assert answer.json()["details"] == {"path": "list[1].n"}


async def test_the_thing_that_is_not_there_is_named(client: httpx2.AsyncClient) -> None:
    no_graph = await client.post(RUN, json={"graph_id": "helo", "initial_state": {}})
    no_version = await client.post(
        RUN, json={"graph_id": "hello", "version": 9, "initial_state": {}}
    )
    no_run = await client.get(f"{STATE}/nobody")
    await client.post(RUN, json={"graph_id": "hello", "run_id": "r", "initial_state": {}})
    no_entry = await client.get(f"{STATE}/r?at=99")

    told = [answer.json() for answer in (no_graph, no_version, no_run, no_entry)]
    assert [each["status"] for each in told] == [404] * 4
    assert told[0]["detail"] == "there is no graph 'helo'"
    assert told[0]["hint"] == "did you mean 'hello'?"
    assert told[1]["detail"] == "graph 'hello' has no version 9"
    assert told[2]["detail"] == "there is no run 'nobody'"
    assert told[3]["detail"] == "run 'r' has no entry 99"


@pytest.mark.parametrize("at", ["x", "-1", "1.5", "", "1_0", "%D9%A1", "9" * 20, "9" * 5_000])
async def test_a_position_that_is_no_number_is_refused(client: httpx2.AsyncClient, at: str) -> None:
    answer = await client.get(f"{STATE}/r?at={at}")

    assert answer.status_code == 422
    assert "at: expected a whole number from 0" in answer.json()["detail"]


@pytest.mark.parametrize("version", [0, -1, 1_000_000, 10**30])
async def test_a_version_that_no_graph_can_have_is_refused(
    client: httpx2.AsyncClient, version: int
) -> None:
    answer = await client.post(
        RUN, json={"graph_id": "hello", "version": version, "initial_state": {}}
    )

    assert answer.status_code == 422
    assert answer.json()["problems"][0]["code"] == "OUT_OF_RANGE"


async def test_an_address_that_leads_nowhere_is_named(client: httpx2.AsyncClient) -> None:
    nowhere = await client.get("/api/v1/graph/runs")
    wrong_method = await client.get(RUN)

    assert nowhere.status_code == 404
    assert nowhere.json()["detail"] == "there is nothing at /api/v1/graph/runs"
    assert wrong_method.status_code == 405
    assert wrong_method.headers["allow"] == "POST"
    assert wrong_method.json()["hint"] == "use POST"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("wait", 500, "wait: expected 0 to 60, got 500"),
        ("wait", -1, "wait: expected 0 to 60, got -1"),
        ("version", 0, "version: expected 1 to 999999, got 0"),
    ],
)
async def test_a_number_that_is_too_small_or_too_large_is_told_the_range(
    client: httpx2.AsyncClient, field: str, value: int, message: str
) -> None:
    answer = await client.post(RUN, json={"graph_id": "hello", "initial_state": {}, field: value})

    (problem,) = answer.json()["problems"]
    assert (problem["code"], problem["message"]) == ("OUT_OF_RANGE", message)


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
async def test_a_run_may_say_when_what_it_does_is_kept(
    client: httpx2.AsyncClient, durability: str
) -> None:
    wanted = {"graph_id": "hello", "initial_state": {}, "durability": durability, "wait": 30}
    answer = await client.post(RUN, json=wanted)

    assert answer.json()["status"] == "completed"


async def test_a_durability_that_there_is_not_is_refused(client: httpx2.AsyncClient) -> None:
    wanted = {"graph_id": "hello", "initial_state": {}, "durability": "never"}
    (problem,) = (await client.post(RUN, json=wanted)).json()["problems"]

    assert (problem["path"], problem["code"]) == ("/durability", "WRONG_TYPE")
    assert "'never'" in problem["message"]


async def test_a_parameter_that_there_is_not_is_refused(client: httpx2.AsyncClient) -> None:
    answer = await client.get(f"{STATE}/r?att=3")

    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_QUERY")
    assert answer.json()["problems"][0]["hint"] == "did you mean 'at'?"
