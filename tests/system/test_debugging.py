"""A review of code is stopped, looked at, changed and gone on with, over HTTP and nothing else."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from tests.served import served

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS = "/api/v1/runs"
RUN = "/api/v1/graph/run"

CODE = """import os, sys
def area( r ) :
    if r == None :
        return 0
    return 3.14*r*r
"""


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    """Give a client of a server as it is started by `make run`."""
    with served() as address, httpx2.Client(base_url=address, timeout=60) as client:
        yield client


def done(answer: httpx2.Response) -> dict[str, Any]:
    """Give what was answered, if it was done."""
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


def rested(client: httpx2.Client, run: str) -> dict[str, Any]:
    """Wait until a run has ended or is paused, and give its state."""
    while True:
        shown = done(client.get(f"/api/v1/graph/state/{run}"))
        if shown["status"] != "running":
            return shown
        time.sleep(0.02)


def begun(client: httpx2.Client, run: str) -> dict[str, Any]:
    """Begin a review that pauses before its score."""
    wanted = {
        "graph_id": "code-review",
        "run_id": run,
        "initial_state": {"code": CODE},
        "breakpoints": [{"node": "score"}],
        "wait": 60,
    }
    return done(client.post(RUN, json=wanted))


@pytest.mark.timeout(120)
def test_a_review_is_stopped_before_its_score_stepped_looked_at_changed_and_goes_on(
    client: httpx2.Client,
) -> None:
    paused = begun(client, "review")
    here = f"{RUNS}/review"
    assert paused["status"] == "paused"
    assert "quality_score" not in paused["state"]
    assert paused["state"]["findings"]

    done(client.post(f"{here}/step"))
    while "quality_score" not in done(client.get(f"{here}/diff?from={paused['seq']}"))["added"]:
        time.sleep(0.02)
    looked = rested(client, "review")
    assert looked["status"] == "paused"
    assert looked["state"]["quality_score"] < looked["state"]["threshold"]
    assert looked["state"]["fixable"] > 0

    done(client.post(f"{here}/patch", json={"patch": {"threshold": 0}}))
    done(client.post(f"{here}/breakpoints", json={"breakpoints": []}))
    done(client.post(f"{here}/resume"))
    ended = rested(client, "review")
    assert (ended["status"], ended["state"]["round"]) == ("completed", 1)
    assert ended["state"]["stop_reason"] == "threshold_reached"
    assert ended["state"]["code"] != CODE

    fork = {"at": paused["seq"], "run_id": "what-if", "patch": {"threshold": 0}}
    made = done(client.post(f"{here}/fork", json=fork))
    assert made["origin"] == {"run_id": "review", "seq": paused["seq"]}
    done(client.post(f"{RUNS}/what-if/breakpoints", json={"breakpoints": []}))
    done(client.post(f"{RUNS}/what-if/resume"))
    other = rested(client, "what-if")
    assert (other["status"], other["state"]["round"]) == ("completed", 0)
    assert other["state"]["code"] == CODE
    assert rested(client, "review") == ended


@pytest.mark.timeout(120)
def test_a_review_that_nobody_waits_for_is_cancelled(client: httpx2.Client) -> None:
    begun(client, "unwanted")

    told = done(client.post(f"{RUNS}/unwanted/cancel", json={"reason": "nobody waits"}))

    assert (told["status"], told["entry"]["type"]) == ("cancelled", "run.cancelled")
    assert rested(client, "unwanted")["status"] == "cancelled"


@pytest.mark.timeout(120)
def test_a_run_that_failed_is_retried_and_whatever_it_proposes_is_accepted_as_it_stands(
    client: httpx2.Client,
) -> None:
    wanted = {"graph_id": "hello", "run_id": "f", "initial_state": {"name": 7}, "wait": 30}
    failed = done(client.post(RUN, json=wanted))
    assert (failed["status"], failed["error"]["code"]) == ("failed", "BAD_INPUT")

    again = done(client.post(f"{RUNS}/f/retry", json={"run_id": "f2"}))
    assert again["origin"] == {"run_id": "f", "seq": failed["seq"]}
    assert rested(client, "f2")["error"]["code"] == "BAD_INPUT"

    actions = failed["error"]["actions"]
    assert actions == done(client.get(f"{RUNS}/f/report"))["actions"]
    assert actions
    for action in actions:
        made = done(client.request(action["method"], action["path"], json=action["body"]))
        assert rested(client, made["run_id"])["run_id"] not in ("f", "f2")
    mended = {"patch": {"name": "Ada"}, "run_id": "f3"}
    done(client.post(f"{RUNS}/f/fork", json=mended))
    assert rested(client, "f3")["state"]["greeting"] == "Hello, Ada!"
