"""A person finds and mends what is wrong with a run, over HTTP and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .conftest import RUNS, STATE, begin, rested

if TYPE_CHECKING:
    import httpx2

    from engine import Json

    from .conftest import Weather

VOYAGE: dict[str, Json] = {
    "name": "voyage",
    "nodes": {
        "greet": None,
        "rehearse": "echo",
        "measure": "count_words",
        "sail": {"retry": {"max_attempts": 2, "delay": 0}},
    },
    "edges": {
        "greet": "rehearse",
        "rehearse": "measure",
        "measure": [{"when": "words < 6", "to": "rehearse"}, {"to": "sail"}],
    },
    "entry": "greet",
    "limits": {"max_visits": 3},
}


async def test_a_run_is_debugged_from_its_first_breakpoint_to_its_end(
    client: httpx2.AsyncClient, weather: Weather
) -> None:
    begun: dict[str, Json] = {"name": "Ada", "to": "Oslo"}
    points = [{"node": "rehearse"}]
    run = await begin(client, VOYAGE, run_id="v1", initial_state=begun, breakpoints=points)
    here = f"{RUNS}/{run}"

    # It stops before the first rehearsal; a step makes that one and no other.
    assert (await rested(client, run))["state"] == {**begun, "greeting": "Hello, Ada!"}
    before = (await client.get(f"{STATE}/{run}")).json()["seq"]
    await client.post(f"{here}/step")
    while (await client.get(f"{here}/diff?from={before}")).json()["changed"] == {}:
        pass
    changed = (await client.get(f"{here}/diff?from={before}")).json()["changed"]
    assert changed == {"greeting": {"from": "Hello, Ada!", "to": "Hello, Ada! Ada!"}}

    # The greeting is not what it should be: it is patched, and the run goes on.
    await client.post(f"{here}/breakpoints", json={"breakpoints": []})
    await client.post(f"{here}/patch", json={"patch": {"greeting": "Hi"}})
    await client.post(f"{here}/resume")
    shown = await rested(client, run)
    assert (shown["status"], shown["error"]["code"]) == ("failed", "LOOP_LIMIT")

    # It has rehearsed too often, so the limit is raised in a new run, as is proposed.
    raised = shown["error"]["actions"][0]
    assert raised["body"]["limits"]["max_visits"] > 3
    made = (await client.post(raised["path"], json=raised["body"])).json()
    shown = await rested(client, made["run_id"])
    assert (shown["error"]["code"], shown["error"]["node"]) == ("STORM", "sail")

    # The weather changes, and the failed run is retried: nothing is rehearsed again.
    weather.fine = True
    again = (await client.post(f"{RUNS}/{made['run_id']}/retry", json={"run_id": "v3"})).json()
    assert again["origin"]["run_id"] == made["run_id"]
    assert (await rested(client, "v3"))["state"]["at"] == "Oslo"
    assert weather.sailed == 1
    own = (await client.get(f"{RUNS}/v3/log?after={again['origin']['seq']}")).json()["entries"]
    assert [each["node"] for each in own if each["type"] == "node.started"] == ["sail"]

    # What would have been with another name? A fork from before the greeting tells.
    told = {"at": 2, "run_id": "v4", "patch": {"name": "Bob"}, "limits": {"max_visits": 20}}
    await client.post(f"{RUNS}/v3/fork", json=told)
    assert (await rested(client, "v4"))["status"] == "paused"  # the breakpoint stood there then
    await client.post(f"{RUNS}/v4/breakpoints", json={"breakpoints": []})
    await client.post(f"{RUNS}/v4/resume")
    other = await rested(client, "v4")
    assert other["state"]["greeting"] == "Hello, Bob! Bob! Bob! Bob! Bob!"

    # All of it stands in the list, the latest first.
    listed = (await client.get(f"{RUNS}?graph=voyage")).json()["runs"]
    assert [each["run_id"] for each in listed] == ["v4", "v3", made["run_id"], "v1"]
    assert [each["status"] for each in listed] == ["completed", "completed", "failed", "failed"]


async def test_a_node_that_is_given_up_is_skipped_or_tried_again_in_place(
    client: httpx2.AsyncClient, weather: Weather
) -> None:
    nodes: dict[str, Json] = {"sail": {"on_exhausted": "pause"}, "greet": None}
    graph: dict[str, Json] = {"name": "p", "nodes": nodes, "edges": {"sail": "greet"}}
    begun: dict[str, Json] = {"name": "Ada", "to": "Oslo"}
    for run in ("skipped", "resumed"):
        await begin(client, graph, run_id=run, initial_state=begun)
        shown = await rested(client, run)
        assert (shown["status"], shown["error"]["code"]) == ("paused", "STORM")
        assert [each["for"] for each in shown["waiting"]] == ["exhausted"]

    await client.post(f"{RUNS}/skipped/skip", json={"patch": {"at": "home"}})
    await client.post(f"{RUNS}/skipped/resume")
    weather.fine = True
    await client.post(f"{RUNS}/resumed/resume")

    assert (await rested(client, "skipped"))["state"]["at"] == "home"
    assert (await rested(client, "resumed"))["state"]["at"] == "Oslo"
