"""POST /api/v1/runs/{run_id}/ cancel, pause, resume, step, breakpoints, patch, skip, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import RUNS, STATE, begin, rested

if TYPE_CHECKING:
    import httpx2

    from engine import Json

WAITS: dict[str, Json] = {"name": "waits", "edges": {"greet": "waits", "waits": "count_words"}}
PAUSES: dict[str, Json] = {
    "name": "pauses",
    "nodes": {"sail": {"on_exhausted": "pause"}, "greet": None},
    "edges": {"sail": "greet"},
}
LOOP: dict[str, Json] = {
    "name": "loop",
    "nodes": {"echo": {"on_limit": "pause"}, "count_words": None},
    "edges": {"echo": "count_words", "count_words": [{"when": "words < 9", "to": "echo"}]},
    "entry": "echo",
    "limits": {"max_visits": 3},
}
CHAIN: dict[str, Json] = {"name": "chain", "edges": {"greet": "echo", "echo": "count_words"}}

BODIES: dict[str, Json] = {
    "cancel": {},
    "pause": {},
    "resume": {},
    "step": {},
    "breakpoints": {"breakpoints": []},
    "patch": {"patch": {"a": 1}},
    "skip": {},
    "limits": {"limits": {"max_visits": 5}},
}


async def waiting(client: httpx2.AsyncClient) -> str:
    """Begin a run that goes on until somebody ends it."""
    return await begin(client, WAITS, run_id="r", initial_state={"name": "Ada"}, wait=None)


async def paused(client: httpx2.AsyncClient) -> str:
    """Begin a run that is paused before its second node."""
    at = [{"node": "echo"}]
    return await begin(client, CHAIN, run_id="r", initial_state={"name": "Ada"}, breakpoints=at)


async def test_a_run_is_cancelled_and_says_why(client: httpx2.AsyncClient) -> None:
    run = await waiting(client)
    answer = await client.post(f"{RUNS}/{run}/cancel", json={"reason": "wrong name"})

    done = answer.json()
    assert answer.status_code == 200
    assert (done["run_id"], done["status"], done["seq"]) == (run, "cancelled", done["entry"]["seq"])
    assert (done["entry"]["type"], done["entry"]["reason"]) == ("run.cancelled", "wrong name")
    assert (await client.get(f"{STATE}/{run}")).json()["status"] == "cancelled"


async def test_a_run_is_paused_and_resumed(client: httpx2.AsyncClient) -> None:
    run = await waiting(client)
    stopped = (await client.post(f"{RUNS}/{run}/pause")).json()
    going = (await client.post(f"{RUNS}/{run}/resume")).json()

    assert (stopped["status"], stopped["entry"]["type"]) == ("paused", "run.paused")
    assert (going["status"], going["entry"]["type"]) == ("running", "run.resumed")
    assert going["entry"]["seq"] > stopped["seq"]


async def test_a_paused_run_is_led_from_node_to_node(client: httpx2.AsyncClient) -> None:
    run = await paused(client)
    stepped = (await client.post(f"{RUNS}/{run}/step")).json()
    assert (stepped["status"], stepped["entry"]["type"]) == ("paused", "run.stepped")
    while (await client.get(f"{STATE}/{run}")).json()["state"]["greeting"] == "Hello, Ada!":
        pass

    shown = (await client.get(f"{STATE}/{run}")).json()
    assert (shown["status"], shown["state"]["greeting"]) == ("paused", "Hello, Ada! Ada!")
    await client.post(f"{RUNS}/{run}/resume")
    assert (await rested(client, run))["state"]["words"] == 3


async def test_breakpoints_take_the_place_of_those_there_were(client: httpx2.AsyncClient) -> None:
    run = await paused(client)
    points = [{"node": "count_words", "when": "size(greeting) > 3"}]
    done = (await client.post(f"{RUNS}/{run}/breakpoints", json={"breakpoints": points})).json()
    assert (done["entry"]["type"], done["entry"]["breakpoints"]) == ("breakpoints.set", points)

    await client.post(f"{RUNS}/{run}/resume")
    assert (await rested(client, run))["state"]["greeting"] == "Hello, Ada! Ada!"
    done = (await client.post(f"{RUNS}/{run}/breakpoints", json={"breakpoints": []})).json()
    assert done["entry"]["breakpoints"] == []
    await client.post(f"{RUNS}/{run}/resume")
    assert (await rested(client, run))["status"] == "completed"


async def test_the_state_of_what_is_in_flight_is_patched(client: httpx2.AsyncClient) -> None:
    run = await paused(client)
    patch = {"patch": {"greeting": "Good morning"}, "node": "echo"}
    done = (await client.post(f"{RUNS}/{run}/patch", json=patch)).json()
    await client.post(f"{RUNS}/{run}/resume")

    assert (done["entry"]["type"], done["entry"]["patch"]) == ("state.patched", patch["patch"])
    assert (await rested(client, run))["state"]["greeting"] == "Good morning morning"


async def test_the_result_of_a_node_is_given_in_its_place(client: httpx2.AsyncClient) -> None:
    run = await begin(client, PAUSES, run_id="r", initial_state={"name": "Ada", "to": "Oslo"})
    done = (await client.post(f"{RUNS}/{run}/skip", json={"patch": {"at": "home"}})).json()
    assert (done["entry"]["type"], done["entry"]["node"]) == ("node.skipped", "sail")

    assert (await client.get(f"{STATE}/{run}")).json()["status"] == "paused"
    await client.post(f"{RUNS}/{run}/resume")
    assert (await rested(client, run))["state"] == {
        "name": "Ada", "to": "Oslo", "at": "home", "greeting": "Hello, Ada!",
    }  # fmt: skip


async def test_an_activation_to_skip_may_be_named(client: httpx2.AsyncClient) -> None:
    graph: dict[str, Json] = {"name": "g", "edges": {"waits": "count_words"}}
    run = await begin(client, graph, initial_state={"greeting": "Oh no"}, wait=None)
    refused = (await client.post(f"{RUNS}/{run}/skip", json={"activation": 77})).json()
    (there,) = [int(word) for word in refused["hint"].split() if word.isdecimal()]
    done = (await client.post(f"{RUNS}/{run}/skip", json={"activation": there})).json()

    assert (refused["code"], done["entry"]["activation"]) == ("NOT_APPLICABLE", there)
    assert (await rested(client, run))["state"]["words"] == 2


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_limit_is_raised_and_the_run_goes_on(
    client: httpx2.AsyncClient, *, at_once: bool
) -> None:
    run = await begin(client, LOOP, run_id="r", initial_state={"greeting": "Oh"})
    shown = (await client.get(f"{STATE}/{run}")).json()
    assert (shown["status"], shown["error"]["code"]) == ("paused", "LOOP_LIMIT")

    told = {"limits": {"max_visits": 50, "deadline": None}, "resume": at_once}
    done = (await client.post(f"{RUNS}/{run}/limits", json=told)).json()
    assert done["entry"]["type"] == ("run.resumed" if at_once else "limit.raised")
    if not at_once:
        assert done["status"] == "paused"
        await client.post(f"{RUNS}/{run}/resume")
    assert (await rested(client, run))["state"]["words"] == 9


# -- what is refused ----------------------------------------------------------------------


@pytest.mark.parametrize("command", BODIES)
async def test_a_run_that_has_ended_names_the_requests_that_make_a_new_one(
    client: httpx2.AsyncClient, command: str
) -> None:
    run = await begin(client, CHAIN, run_id="r", initial_state={"name": "Ada"})
    answer = await client.post(f"{RUNS}/{run}/{command}", json=BODIES[command])

    assert (answer.status_code, answer.json()["code"]) == (409, "RUN_OVER")
    assert f"POST {RUNS}/r/retry" in answer.json()["hint"]
    assert f'POST {RUNS}/r/fork with {{"at": SEQ}}' in answer.json()["hint"]


@pytest.mark.parametrize("command", BODIES)
async def test_a_run_that_is_not_there_is_named(client: httpx2.AsyncClient, command: str) -> None:
    answer = await client.post(f"{RUNS}/nobody/{command}", json=BODIES[command])

    assert (answer.status_code, answer.json()["code"]) == (404, "RUN_NOT_FOUND")
    assert answer.json()["detail"] == "there is no run 'nobody'"


@pytest.mark.parametrize(
    ("command", "body", "problems"),
    [
        ("cancel", {"reason": 5, "why": ""}, {"/reason": "WRONG_TYPE", "/why": "UNKNOWN_FIELD"}),
        ("pause", {"node": "a"}, {"/node": "UNKNOWN_FIELD"}),
        ("resume", {"limits": {}}, {"/limits": "UNKNOWN_FIELD"}),
        ("step", {"steps": 2}, {"/steps": "UNKNOWN_FIELD"}),
        ("breakpoints", {}, {"/breakpoints": "MISSING_FIELD"}),
        ("breakpoints", {"breakpoints": [{}]}, {"/breakpoints/0": "WRONG_TYPE"}),
        ("patch", {"node": 5}, {"/node": "WRONG_TYPE", "/patch": "MISSING_FIELD"}),
        ("patch", {"patch": []}, {"/patch": "WRONG_TYPE"}),
        (
            "skip",
            {"patch": 1, "activation": -1},
            {"/patch": "WRONG_TYPE", "/activation": "OUT_OF_RANGE"},
        ),
        ("skip", {"activation": "2"}, {"/activation": "WRONG_TYPE"}),
        (
            "limits",
            {"limits": {"max_visits": "many"}, "resume": 1},
            {"/limits": "WRONG_TYPE", "/resume": "WRONG_TYPE"},
        ),
        ("limits", {"limit": {}}, {"/limit": "UNKNOWN_FIELD", "/limits": "MISSING_FIELD"}),
    ],
)
async def test_everything_that_is_wrong_with_a_command_is_told_at_once(
    client: httpx2.AsyncClient, command: str, body: Json, problems: dict[str, str]
) -> None:
    answer = await client.post(f"{RUNS}/r/{command}", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")
    assert {each["path"]: each["code"] for each in answer.json()["problems"]} == problems


@pytest.mark.parametrize("command", ["breakpoints", "patch", "limits"])
async def test_a_body_of_which_something_is_needed_can_not_be_left_out(
    client: httpx2.AsyncClient, command: str
) -> None:
    bare = await client.post(f"{RUNS}/r/{command}")
    empty = await client.post(
        f"{RUNS}/r/{command}", content=b"", headers={"Content-Type": "application/json"}
    )

    assert (bare.status_code, empty.status_code) == (415, 400)
    assert "the body is empty" in empty.json()["detail"]


async def test_a_body_that_is_there_is_json_even_where_none_is_needed(
    client: httpx2.AsyncClient,
) -> None:
    form = await client.post(f"{RUNS}/r/pause", data={"a": "b"})
    broken = await client.post(
        f"{RUNS}/r/pause", content=b"{", headers={"Content-Type": "application/json"}
    )

    assert (form.status_code, broken.status_code) == (415, 400)


@pytest.mark.parametrize(
    ("command", "body", "detail"),
    [
        ("pause", {}, "is paused already"),
        ("breakpoints", {"breakpoints": [{"node": "ecko"}, {"node": "x"}]}, "no node 'ecko'"),
        ("breakpoints", {"breakpoints": [{"node": "echo", "when": "a <"}]}, "a <"),
        ("patch", {"patch": {}}, "the patch is empty"),
        ("patch", {"patch": {"a": 1}, "node": "greet"}, "nothing is in flight at node 'greet'"),
        ("skip", {"activation": 99}, "has no activation 99"),
        ("limits", {"limits": {}}, "no limit is named"),
        ("limits", {"limits": {"max_visit": 5, "max_depth": 0}}, "there is no limit 'max_visit'"),
    ],
)
async def test_a_command_that_does_not_fit_is_refused_and_changes_nothing(
    client: httpx2.AsyncClient, command: str, body: Json, detail: str
) -> None:
    run = await paused(client)
    before = (await client.get(f"{STATE}/{run}")).json()
    answer = await client.post(f"{RUNS}/{run}/{command}", json=body)

    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_APPLICABLE")
    assert detail in answer.json()["detail"]
    assert (await client.get(f"{STATE}/{run}")).json() == before


@pytest.mark.parametrize("command", ["resume", "step"])
async def test_a_run_that_goes_on_is_not_resumed(client: httpx2.AsyncClient, command: str) -> None:
    run = await waiting(client)
    answer = await client.post(f"{RUNS}/{run}/{command}")

    assert (answer.status_code, answer.json()["hint"]) == (409, "pause it first")


async def test_a_value_that_can_not_be_in_a_state_is_refused(client: httpx2.AsyncClient) -> None:
    run = await paused(client)
    patch = {"patch": {"a": [1, {"n": 2**64}]}}
    answer = await client.post(f"{RUNS}/{run}/patch", json=patch)

    assert (answer.status_code, answer.json()["code"]) == (422, "BAD_VALUE")


@pytest.mark.parametrize("value", [2**63, 10**30, 1e300])
async def test_a_limit_beyond_what_a_log_can_hold_is_refused(
    client: httpx2.AsyncClient, value: float
) -> None:
    run = await paused(client)
    answer = await client.post(f"{RUNS}/{run}/limits", json={"limits": {"max_visits": value}})

    assert answer.status_code in (409, 422)
    assert (await client.get(f"{RUNS}/{run}/log")).status_code == 200


async def test_a_command_is_known_by_post_only(client: httpx2.AsyncClient) -> None:
    answer = await client.get(f"{RUNS}/r/pause")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
