"""Whatever is proposed against a failure is a request that is accepted as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

from api.actions import ROUTES
from engine import Engine, installed_tools, tool
from engine.action.action import Name

from .conftest import RUNS, STATE, begin, fails, rested, waits

if TYPE_CHECKING:
    import httpx2

    from engine import Json

FAILURES: dict[str, tuple[dict[str, Json], dict[str, Json]]] = {
    # What fails, or is paused, and on which state.
    "a tool that fails": ({"name": "g", "nodes": ["fails"]}, {}),
    "a key under another name": ({"name": "g", "nodes": ["greet"]}, {"nmae": "Ada"}),
    "a loop without end": (
        {
            "name": "g",
            "edges": {"echo": "count_words", "count_words": [{"when": "words < 9", "to": "echo"}]},
            "entry": "echo",
            "limits": {"max_visits": 3},
        },
        {"greeting": "Oh"},
    ),
    "a loop that pauses": (
        {
            "name": "g",
            "nodes": {"echo": {"on_limit": "pause"}, "count_words": None},
            "edges": {"echo": "count_words", "count_words": [{"when": "words < 9", "to": "echo"}]},
            "entry": "echo",
            "limits": {"max_visits": 3},
        },
        {"greeting": "Oh"},
    ),
    "a tool that is given up": (
        {"name": "g", "nodes": {"fails": {"on_exhausted": "pause"}}},
        {},
    ),
    "a key that is given up": (
        {"name": "g", "nodes": {"greet": {"on_exhausted": "pause"}}},
        {"nmae": "Ada"},
    ),
    "a key of which all values are known": ({"name": "g", "nodes": ["announce"]}, {}),
    "branches that conflict": (
        {
            "name": "g",
            "nodes": {
                "start": "count_words",
                "a": {"tool": "greet", "args": {"name": "a"}},
                "b": {"tool": "greet", "args": {"name": "b"}},
                "end": "count_words",
            },
            "edges": {"start": ["a", "b"], "a": "end", "b": "end"},
        },
        {"greeting": "Oh"},
    ),
    "a deadline": (
        {"name": "g", "nodes": ["waits"], "limits": {"deadline": 0.05}},
        {},
    ),
    "a rule that reads what is not there": (
        {"name": "g", "edges": {"greet": [{"when": "size(greetings) > 3", "to": "echo"}]}},
        {"name": "Ada"},
    ),
}


@tool
def announce(loud: bool) -> dict[str, str]:  # it is filled by name
    """Announce something."""
    return {"said": "HERE!" if loud else "Here."}


@pytest.fixture
def engine() -> Engine:
    """Give an engine with all that can fail."""
    return Engine(tools=[*installed_tools(), waits, fails, announce])


@pytest.mark.parametrize("failure", FAILURES)
async def test_every_proposal_is_accepted_and_does_something_about_the_failure(
    client: httpx2.AsyncClient, failure: str
) -> None:
    graph, begun = FAILURES[failure]
    tried: set[str] = set()
    for nth in range(9):
        run = await begin(client, graph, run_id=f"r{nth}", initial_state=begun)
        shown = await rested(client, run)
        actions = shown["error"]["actions"]
        assert actions == (await client.get(f"{RUNS}/{run}/report")).json()["actions"]
        if nth == len(actions):
            break
        action = actions[nth]
        assert (action["method"], bool(action["says"])) == ("POST", True)
        done = await client.request(action["method"], action["path"], json=action["body"])

        assert done.is_success, (action, done.text)
        tried.add(action["path"].rpartition("/")[2])
        if done.status_code == 201:
            assert done.json()["run_id"] != run
            assert (await client.get(f"{STATE}/{run}")).json()["status"] == shown["status"]
        else:
            assert done.json()["seq"] > shown["seq"]
    assert tried


async def test_a_proposal_to_rename_a_key_mends_the_run(client: httpx2.AsyncClient) -> None:
    graph, begun = FAILURES["a key under another name"]
    run = await begin(client, graph, initial_state=begun)
    action = (await client.get(f"{STATE}/{run}")).json()["error"]["actions"][0]
    made = (await client.post(action["path"], json=action["body"])).json()

    assert (await rested(client, made["run_id"]))["state"]["greeting"] == "Hello, Ada!"


async def test_a_proposal_of_a_value_mends_the_run(client: httpx2.AsyncClient) -> None:
    run = await begin(client, FAILURES["a key of which all values are known"][0])
    shown = (await client.get(f"{STATE}/{run}")).json()["error"]
    assert shown["details"]["values"] == [True, False]
    said = [
        (await client.post(action["path"], json=action["body"])).json()["run_id"]
        for action in shown["actions"][:2]
    ]

    assert [(await rested(client, each))["state"]["said"] for each in said] == ["HERE!", "Here."]


async def test_a_state_of_the_past_proposes_nothing(client: httpx2.AsyncClient) -> None:
    run = await begin(client, *FAILURES["a tool that fails"][:1])
    now = (await client.get(f"{STATE}/{run}")).json()
    then = (await client.get(f"{STATE}/{run}?at={now['seq']}")).json()

    assert "actions" not in then["error"]
    assert {key: value for key, value in now["error"].items() if key != "actions"} == then["error"]


async def test_with_wait_the_answer_proposes_too(client: httpx2.AsyncClient) -> None:
    await begin(client, FAILURES["a tool that fails"][0])
    wanted = {"graph_id": "g", "run_id": "r", "initial_state": {}, "wait": 30}
    shown = (await client.post("/api/v1/graph/run", json=wanted)).json()

    assert shown["error"]["actions"][0]["path"] == f"{RUNS}/r/retry"


async def test_a_run_that_is_paused_without_an_error_has_none(client: httpx2.AsyncClient) -> None:
    graph: dict[str, Json] = {"name": "g", "nodes": ["greet"]}
    run = await begin(client, graph, breakpoints=[{"node": "greet"}])

    assert "error" not in (await client.get(f"{STATE}/{run}")).json()


def test_every_action_of_the_engine_has_a_route() -> None:
    assert {*ROUTES} == {*get_args(Name)}
