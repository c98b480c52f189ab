"""POST /api/v1/runs/{run_id}/fork and /retry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import RUNS, STATE, begin, rested

if TYPE_CHECKING:
    import httpx2

    from engine import Json

    from .conftest import Weather

CHAIN: dict[str, Json] = {"name": "chain", "edges": {"greet": "echo", "echo": "count_words"}}
SAILS: dict[str, Json] = {"name": "sails", "edges": {"greet": "sail", "sail": "count_words"}}
LOOP: dict[str, Json] = {
    "name": "loop",
    "edges": {"echo": "count_words", "count_words": [{"when": "words < 9", "to": "echo"}]},
    "entry": "echo",
    "limits": {"max_visits": 3},
}


async def ended(client: httpx2.AsyncClient) -> str:
    """Give a run that has completed."""
    return await begin(client, CHAIN, run_id="r", initial_state={"name": "Ada"})


async def failed(client: httpx2.AsyncClient) -> str:
    """Give a run that has failed."""
    return await begin(client, SAILS, run_id="r", initial_state={"name": "Ada", "to": "Oslo"})


async def test_a_fork_goes_on_where_another_run_was(client: httpx2.AsyncClient) -> None:
    run = await ended(client)
    answer = await client.post(
        f"{RUNS}/{run}/fork", json={"at": 4, "run_id": "f", "patch": {"greeting": "Good day"}}
    )

    made = answer.json()
    assert answer.status_code == 201
    assert made == {"run_id": "f", "status": "running", "seq": made["seq"],
                    "origin": {"run_id": "r", "seq": 5}}  # fmt: skip
    assert answer.headers["location"] == f"{STATE}/f"
    assert (await rested(client, "f"))["state"]["greeting"] == "Good day day"
    assert (await client.get(f"{STATE}/r")).json()["state"]["greeting"] == "Hello, Ada! Ada!"


async def test_a_fork_without_a_word_goes_on_from_the_end(client: httpx2.AsyncClient) -> None:
    run = await begin(client, {"name": "w", "nodes": ["waits"]}, wait=None)
    made = (await client.post(f"{RUNS}/{run}/fork")).json()

    assert made["run_id"] != run
    assert made["origin"] == {"run_id": run, "seq": 2}


async def test_forks_of_forks_know_where_they_parted(client: httpx2.AsyncClient) -> None:
    origin = await ended(client)
    for depth in range(1, 5):
        told = {"at": 4 + depth, "run_id": f"f{depth}"}
        made = (await client.post(f"{RUNS}/{origin}/fork", json=told)).json()
        assert made["origin"]["run_id"] == origin
        assert made["origin"]["seq"] >= 4 + depth
        origin = made["run_id"]
        await rested(client, origin)


async def test_a_failed_run_is_retried_and_what_has_completed_is_not_done_again(
    client: httpx2.AsyncClient, weather: Weather
) -> None:
    run = await failed(client)
    again = (await client.post(f"{RUNS}/{run}/retry")).json()
    assert (await rested(client, again["run_id"]))["status"] == "failed"
    weather.fine = True
    answer = await client.post(f"{RUNS}/{run}/retry", json={"run_id": "second"})

    assert (answer.status_code, answer.headers["location"]) == (201, f"{STATE}/second")
    assert answer.json()["origin"]["run_id"] == run
    assert (await rested(client, "second"))["state"]["at"] == "Oslo"
    log = (await client.get(f"{RUNS}/second/log")).json()["entries"]
    assert [each["node"] for each in log if each["type"] == "node.completed"] == [
        "greet", "sail", "count_words",
    ]  # fmt: skip


async def test_a_fork_may_give_the_result_of_what_had_failed(client: httpx2.AsyncClient) -> None:
    run = await failed(client)
    told = {"run_id": "f", "skip": {"at": "home"}, "keep_keys": True}
    assert (await client.post(f"{RUNS}/{run}/fork", json=told)).status_code == 201

    assert (await rested(client, "f"))["state"]["at"] == "home"


async def test_a_fork_may_have_other_limits(client: httpx2.AsyncClient) -> None:
    run = await begin(client, LOOP, initial_state={"greeting": "Oh"})
    told = {"run_id": "f", "limits": {"max_visits": 50, "deadline": None}, "keep_keys": True}
    assert (await client.post(f"{RUNS}/{run}/fork", json=told)).status_code == 201

    assert (await rested(client, "f"))["state"]["words"] == 9


# -- what is refused ----------------------------------------------------------------------


@pytest.mark.parametrize("way", ["fork", "retry"])
async def test_a_name_that_is_taken_is_refused_with_its_address(
    client: httpx2.AsyncClient, way: str
) -> None:
    run = await failed(client)
    await client.post(f"{RUNS}/{run}/retry", json={"run_id": "f"})
    for name in ("f", "r"):
        answer = await client.post(f"{RUNS}/{run}/{way}", json={"run_id": name})
        assert answer.status_code == 409
        assert name == "r" or answer.json()["details"]["location"] == f"{STATE}/f"


@pytest.mark.parametrize("way", ["fork", "retry"])
async def test_a_run_that_is_not_there_is_named(client: httpx2.AsyncClient, way: str) -> None:
    answer = await client.post(f"{RUNS}/nobody/{way}")

    assert (answer.status_code, answer.json()["code"]) == (404, "RUN_NOT_FOUND")


async def test_an_entry_that_is_not_there_is_named(client: httpx2.AsyncClient) -> None:
    run = await ended(client)
    answer = await client.post(f"{RUNS}/{run}/fork", json={"at": 99})

    assert (answer.status_code, answer.json()["code"]) == (404, "SEQ_NOT_FOUND")


async def test_everything_that_is_wrong_with_a_fork_is_told_at_once(
    client: httpx2.AsyncClient,
) -> None:
    told = {"at": -1, "run": "x", "patch": [], "skip": 1, "limits": {"a": "b"}, "keep_keys": 1}
    answer = await client.post(f"{RUNS}/r/fork", json=told)

    assert answer.status_code == 422
    assert {each["path"]: each["code"] for each in answer.json()["problems"]} == {
        "/at": "OUT_OF_RANGE", "/run": "UNKNOWN_FIELD", "/patch": "WRONG_TYPE",
        "/skip": "WRONG_TYPE", "/limits": "WRONG_TYPE", "/keep_keys": "WRONG_TYPE",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("way", "told", "status", "code"),
    [
        ("retry", {}, 409, "NOT_APPLICABLE"),
        ("fork", {}, 409, "NOT_APPLICABLE"),
        ("fork", {"at": 4, "skip": {}}, 409, "NOT_APPLICABLE"),
        ("fork", {"at": 4, "limits": {"max_visit": 5}}, 409, "NOT_APPLICABLE"),
        ("fork", {"at": 4, "run_id": "a/b"}, 422, "BAD_VALUE"),
        ("fork", {"at": 4, "patch": {"n": 2**64}}, 422, "BAD_VALUE"),
        ("fork", {"at": 10**30}, 422, "INVALID_REQUEST"),
    ],
)
async def test_a_fork_that_can_not_go_on_is_refused(
    client: httpx2.AsyncClient, way: str, told: Json, status: int, code: str
) -> None:
    run = await ended(client)
    answer = await client.post(f"{RUNS}/{run}/{way}", json=told)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_run_that_goes_on_is_not_retried(client: httpx2.AsyncClient) -> None:
    run = await begin(client, {"name": "w", "nodes": ["waits"]}, wait=None)
    answer = await client.post(f"{RUNS}/{run}/retry")

    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_APPLICABLE")
