"""Requests that come five times at once, and again after kill -9, have one effect and one answer.

A real server, asked over HTTP, with a database on disk. Which requests take a key is asked of
the server itself, so that none is left out here.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import asynccontextmanager, closing, suppress
from typing import TYPE_CHECKING, Any, Final

import httpx2
import pytest

from engine import Engine, RunExists, SQLiteStore
from tests.system.fixtures import FIXTURES, GRAPHS, chance
from tests.system.service import AWAY, Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from engine import Json

RUNS: Final = "/api/v1/runs"
RUN: Final = "/api/v1/graph/run"
CHAIN: Final[dict[str, Json]] = {"graph_id": "chain", "initial_state": {}}

WITH_KEYS: Final[Mapping[str, list[tuple[str, Json]]]] = {
    "/api/v1/graph/create": [
        ("/api/v1/graph/create", {"name": "new-{}", "nodes": ["act"]}),
    ],
    RUN: [
        (RUN, CHAIN),
        (RUN, {**CHAIN, "run_id": "named-{}"}),
        (RUN, {**CHAIN, "wait": 30}),
        (RUN, {**CHAIN, "graph_id": "no such graph"}),
        (RUN, {**CHAIN, "run_id": "failed"}),
    ],
    "/api/v1/runs/{run_id}/fork": [
        (f"{RUNS}/failed/fork", {"patch": {"ok": True}}),
        (f"{RUNS}/failed/fork", {"run_id": "forked-{}", "at": 3}),
    ],
    "/api/v1/runs/{run_id}/retry": [
        (f"{RUNS}/failed/retry", {}),
        (f"{RUNS}/failed/retry", {"run_id": "retried-{}"}),
    ],
    "/api/v1/templates/{template}/instantiate": [
        ("/api/v1/templates/code-review/instantiate", {"name": "strict-{}", "parameters": {}}),
    ],
    "/api/v1/tools": [
        (
            "/api/v1/tools",
            {
                "name": "greet-{}",
                "kind": "template",
                "description": "Say hello.",
                "input": ["name"],
                "output": {"text": "Hello, {name}!"},
            },
        ),
    ],
}
"""For each operation that takes a key, requests that ask for it; `{}` is another word each time."""

TIMES: Final = 5


@asynccontextmanager
async def serving(folder: Path, life: int = 0) -> AsyncIterator[tuple[Server, httpx2.AsyncClient]]:
    """Serve what is in a folder, and kill the server in the end."""
    server = Server(folder, life=life)
    try:
        address = await asyncio.to_thread(server.address)
        assert address is not None, server.complaints
        async with httpx2.AsyncClient(base_url=address, timeout=30) as client:
            yield server, client
    finally:
        server.close()


async def furnish(client: httpx2.AsyncClient) -> None:
    """Have there what the requests speak of."""
    for name in ("chain", "broken", "paused"):
        assert (await client.post("/api/v1/graph/create", json=GRAPHS[name].document)).is_success
    wanted = {"graph_id": "broken", "run_id": "failed", "initial_state": {}, "wait": 30}
    assert (await client.post(RUN, json=wanted)).json()["status"] == "failed"


def filled(value: Any, word: str) -> Any:
    """Put a word where a request has to have one of its own."""
    if isinstance(value, dict):
        return {key: filled(each, word) for key, each in value.items()}
    return value.replace("{}", word) if isinstance(value, str) else value


def requests_of(word: str) -> list[tuple[str, str, Json]]:
    """List all requests, each with a key of its own."""
    every = [each for requests in WITH_KEYS.values() for each in requests]
    return [
        (f"key-{word}-{number}", path, filled(body, f"{word}-{number}"))
        for number, (path, body) in enumerate(every)
    ]


class Answers:
    """What was answered under each key, and whether it was always the same."""

    def __init__(self) -> None:
        self.given: dict[str, tuple[int, bytes, str | None]] = {}
        self.fresh: Counter[str] = Counter()
        """How many of the answers were not called a repetition."""

    async def _ask(self, client: httpx2.AsyncClient, key: str, path: str, body: Json) -> None:
        answer = await client.post(path, json=body, headers={"Idempotency-Key": key})
        assert answer.status_code < 500, answer.text
        answered = (answer.status_code, answer.content, answer.headers.get("location"))
        assert self.given.setdefault(key, answered) == answered
        self.fresh[key] += "idempotency-replayed" not in answer.headers

    async def ask_all(
        self, client: httpx2.AsyncClient, requests: list[tuple[str, str, Json]]
    ) -> None:
        """Ask for everything five times at once."""
        async with asyncio.TaskGroup() as tasks:
            for request in requests:
                for _ in range(TIMES):
                    tasks.create_task(self._ask(client, *request))

    async def ask_until_killed(
        self, client: httpx2.AsyncClient, requests: list[tuple[str, str, Json]]
    ) -> None:
        """Do so, though the server is killed meanwhile: then some of it is not answered."""

        async def ask(key: str, path: str, body: Json) -> None:
            with suppress(*AWAY):
                await self._ask(client, key, path, body)

        async with asyncio.TaskGroup() as tasks:
            for request in requests:
                for _ in range(TIMES):
                    tasks.create_task(ask(*request))


async def made(client: httpx2.AsyncClient) -> Counter[str]:
    """Count what there is: runs by graph, versions by graph, and by tool."""
    counts: Counter[str] = Counter()
    for run in (await client.get(f"{RUNS}?limit=1000")).json()["runs"]:
        counts[f"run of {run['graph_id']}"] += 1
    for graph in (await client.get("/api/v1/graphs")).json()["graphs"]:
        counts[f"version of {graph['graph_id']}"] += graph["version"]
    for tool in (await client.get("/api/v1/tools")).json()["tools"]:
        counts[f"version of tool {tool['name']}"] += tool.get("version") or 1
    return counts


def effects_of(word: str) -> Counter[str]:
    """Count what all requests make, each having one effect."""
    makes = Counter({"run of chain": 3, "run of broken": 4})
    for _, path, body in requests_of(word):
        if path.endswith(("create", "instantiate")):
            makes[f"version of {body['name']}"] += 1
        elif path.endswith("tools"):
            makes[f"version of tool {body['name']}"] += 1
    return makes


@pytest.mark.timeout(60)
async def test_every_operation_that_takes_a_key_is_asked_for_here(folder: Path) -> None:
    async with serving(folder) as (_, client):
        described = (await client.get("/openapi.json")).json()

    found = {
        path
        for path, operations in described["paths"].items()
        for operation in operations.values()
        if any(
            each.get("name", each.get("$ref", "")).lower().rpartition("/")[2] == "idempotency-key"
            for each in operation.get("parameters", ())
        )
    }
    assert found == {*WITH_KEYS}


@pytest.mark.timeout(180)
async def test_each_key_has_one_effect_and_one_answer_at_once_and_after_a_kill(
    folder: Path,
) -> None:
    answers, requests = Answers(), requests_of("once")
    async with serving(folder) as (_, client):
        await furnish(client)
        before = await made(client)
        await answers.ask_all(client, requests)
        after = await made(client)
    assert after - before == effects_of("once")
    assert set(answers.fresh.values()) <= {1, TIMES}  # what names nothing takes no key
    for life in (1, 2):
        async with serving(folder, life) as (_, client):
            await answers.ask_all(client, requests)
            assert await made(client) == after


@pytest.mark.timeout(240)
async def test_so_it_is_if_the_server_is_killed_while_they_are_served(folder: Path) -> None:
    answers = Answers()
    heard = 0
    async with serving(folder) as (_, client):
        await furnish(client)
        before = await made(client)
    wanted = before
    for life in range(1, 3):
        word = f"life-{life}"
        requests = requests_of(word)
        known = len(answers.given)
        async with serving(folder, life) as (server, client), asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(answers.ask_until_killed(client, requests))
            while len(answers.given) == known and not asked.done():  # noqa: ASYNC110  # as said
                await asyncio.sleep(0.001)  # the first answer, of whatever request
            await asyncio.sleep(0.05 * chance(word))
            server.kill()
        heard += len(answers.given) - known
        async with serving(folder, life) as (_, client):
            await answers.ask_all(client, requests)
            wanted = wanted + effects_of(word)
            assert await made(client) == wanted
    assert heard > 0


COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "pause": ("lingers", "run.paused"),
    "resume": ("paused", "run.resumed"),
    "cancel": ("paused", "run.cancelled"),
}
"""Commands that are void when they were carried out: of which run, and what each of them causes."""


@pytest.mark.timeout(60)
@pytest.mark.parametrize("command", COMMANDS)
async def test_a_command_that_comes_five_times_at_once_and_after_a_kill_is_carried_out_once(
    folder: Path, command: str
) -> None:
    kind, caused = COMMANDS[command]
    path = f"{RUNS}/r/{command}"
    graph = FIXTURES["paused"].graph.document
    if kind == "lingers":
        graph = {"name": "lingers", "nodes": {"a": "linger"}}
    async with serving(folder) as (_, client):
        await client.post("/api/v1/graph/create", json=graph)
        wanted = {"graph_id": kind, "run_id": "r", "initial_state": {}}
        if kind == "paused":
            wanted |= {"breakpoints": [{"node": "b"}], "wait": 30}
        assert (await client.post(RUN, json=wanted)).is_success
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(client.post(path)) for _ in range(TIMES)]
        codes = sorted(each.result().status_code for each in asked)
    async with serving(folder, 1) as (_, client):
        late = [(await client.post(path)).status_code for _ in range(2)]
        entries = (await client.get(f"{RUNS}/r/log")).json()["entries"]

    assert codes == [200, *[409] * (TIMES - 1)]
    assert late == [409, 409]
    assert [each["type"] for each in entries].count(caused) == 1


@pytest.mark.timeout(60)
async def test_one_name_asked_for_five_times_without_a_key_is_one_run(folder: Path) -> None:
    wanted = {**CHAIN, "run_id": "the-one"}
    codes: list[int] = []
    for life in (0, 1):
        async with serving(folder, life) as (_, client):
            await client.post("/api/v1/graph/create", json=GRAPHS["chain"].document)
            async with asyncio.TaskGroup() as tasks:
                asked = [tasks.create_task(client.post(RUN, json=wanted)) for _ in range(TIMES)]
            codes += (each.result().status_code for each in asked)
            there = {
                each.result().json()["details"]["location"]
                for each in asked
                if each.result().status_code == 409
            }
            assert there == {"/api/v1/graph/state/the-one"}
            assert (await made(client))["run of chain"] == 1

    assert sorted(codes) == [202, *[409] * (2 * TIMES - 1)]


async def test_a_name_is_not_called_taken_before_the_run_that_has_it_is_kept(
    tmp_path: Path,
) -> None:
    store = SQLiteStore(tmp_path / "runs.db")
    async with Engine(tools=[nothing], store=store) as engine:
        await engine.create({"name": "nothing", "nodes": ["nothing"]})
        with closing(sqlite3.connect(tmp_path / "runs.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            async with asyncio.TaskGroup() as tasks:
                first, second = (tasks.create_task(told(engine)) for _ in range(2))
                while store.trouble is None:  # noqa: ASYNC110  # nobody tells of it
                    await asyncio.sleep(0.01)
                said = first.done(), second.done()
                other.execute("ROLLBACK")

    assert said == (False, False)
    assert {first.result(), second.result()} == {"begun", "taken"}


def nothing() -> None:
    """Do nothing."""


async def told(engine: Engine) -> str:
    """Start a run whose name is taken."""
    try:
        await engine.start("nothing", run_id="r")
    except RunExists:
        return "taken"
    return "begun"
