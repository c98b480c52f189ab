"""Two processes on one file: one drives its runs, and no step is done or written twice.

`AWE_SEED=...` is the chance of an earlier run, which prints its seed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random  # noqa: TID251  # seeded, for a replay
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

import httpx2
import pytest

from engine import Engine, EngineError, Graph, LogMoved, SQLiteStore, StoreInUse
from engine.ids import RunId, Seq
from engine.run import fold
from tests.served import ROOT
from tests.stores.conformance import News, keep, record, row

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

WORDS: Final = 150

GRAPH: Final = {
    "name": "chorus",
    "edges": {
        "greet": "count_words",
        "count_words": [{"when": f"words < {WORDS}", "to": "echo"}, {"to": None}],
        "echo": "count_words",
    },
    "entry": "greet",
}


def serving(path: Path) -> subprocess.Popen[str]:
    """Start a server on a file."""
    return subprocess.Popen(
        [sys.executable, "-m", "api", "serve", "--port", "0", "--store", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "1000"},
    )


@contextmanager
def served(path: Path) -> Generator[tuple[subprocess.Popen[str], httpx2.Client], None, None]:
    """Serve a file, and kill the server in the end."""
    with serving(path) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[-1]
            with httpx2.Client(base_url=address, timeout=30) as client:
                yield process, client
        finally:
            process.kill()


def log(client: httpx2.Client, run: str) -> list[dict[str, Any]]:
    """Give the log of a run."""
    found: list[dict[str, Any]] = []
    after: int | None = -1
    while after is not None:
        page = client.get(f"/api/v1/runs/{run}/log?after={after}&limit=1000").json()
        found += page["entries"]
        after = page["next"]
    return found


@pytest.mark.timeout(90)
def test_a_server_that_was_stopped_and_goes_on_has_its_runs_and_no_other_has_had_them(
    tmp_path: Path,
) -> None:
    path = tmp_path / "runs.db"
    with served(path) as (first, client):
        assert client.post("/api/v1/graph/create", json=GRAPH).is_success
        begun = {"graph_id": "chorus", "run_id": "r", "initial_state": {"name": "Ada"}}
        assert client.post("/api/v1/graph/run", json=begun).status_code == 202
        first.send_signal(signal.SIGSTOP)
        with closing(sqlite3.connect(path)) as reader:
            status = reader.execute("SELECT status FROM runs").fetchall()
        with serving(path) as second:
            _, said = second.communicate(timeout=30)
        before = sorted(each.name for each in tmp_path.iterdir())
        first.send_signal(signal.SIGCONT)
        while client.get("/api/v1/graph/state/r").json()["status"] == "running":
            time.sleep(0.02)
        entries = log(client, "r")

    assert status == [("running",)], "the run was over before its server was stopped"
    assert second.returncode == 1, said
    assert f"the runs of '{path}' are driven by another engine already" in said
    assert f"end process {first.pid}" in said
    assert "Traceback" not in said
    assert "runs.db-driver" in before
    assert entries[-1]["type"] == "run.completed"
    assert [each["seq"] for each in entries] == [*range(len(entries))]
    done = [each["activation"] for each in entries if each["type"] == "node.completed"]
    assert len(done) == len(set(done)) > 2 * WORDS - 10


@pytest.mark.timeout(90)
def test_what_a_killed_server_had_is_driven_on_by_the_next_at_once(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with served(path) as (first, client):
        assert client.post("/api/v1/graph/create", json=GRAPH).is_success
        begun = {"graph_id": "chorus", "run_id": "r", "initial_state": {"name": "Ada"}}
        assert client.post("/api/v1/graph/run", json=begun).status_code == 202
        first.send_signal(signal.SIGSTOP)
        first.kill()  # which ends it, stopped or not
        first.wait()

    with served(path) as (_, client):
        while client.get("/api/v1/graph/state/r").json()["status"] == "running":
            time.sleep(0.02)
        assert log(client, "r")[-1]["type"] == "run.completed"


RECOVERS: Final = """
import asyncio, json, os, sys
from engine import Engine, Graph, SQLiteStore, StoreInUse

async def main():
    effects = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND)

    async def act(n: int) -> dict:
        os.write(effects, f"{n}\\n".encode())
        return {"n": n + 1}

    graph = Graph.parse(json.loads(sys.argv[3]))
    try:
        async with Engine(store=SQLiteStore(sys.argv[1]), tools=[act]) as engine:
            await engine.create(graph)
            while await engine.runs(status=["running"]):
                await asyncio.sleep(0.01)
    except StoreInUse as error:
        print("refused", error, flush=True)
    else:
        print("recovered", flush=True)

sys.stdin.readline()
asyncio.run(main())
"""

LOOP: Final = {
    "name": "loop",
    "nodes": {"act": "act"},
    "edges": {"act": [{"when": "n < 200", "to": "act"}, {"to": None}]},
    "entry": "act",
}


@pytest.mark.timeout(60)
async def test_of_two_that_recover_one_file_at_once_one_does_and_every_step_is_done_once(
    tmp_path: Path,
) -> None:
    path, effects = tmp_path / "runs.db", tmp_path / "effects"
    (tmp_path / "effects").touch()
    begun = asyncio.Event()

    async def act(n: int) -> dict[str, int]:
        begun.set()
        await asyncio.Event().wait()
        return {"n": n}

    graph = Graph.parse(LOOP)
    async with Engine(store=SQLiteStore(path), tools=[act]) as engine:
        run = await engine.start(await engine.create(graph), {"n": 0})
        await begun.wait()

    command = (sys.executable, "-c", RECOVERS, str(path), str(effects), json.dumps(LOOP))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    both = [await asyncio.create_subprocess_exec(*command, cwd=ROOT, **pipes) for _ in range(2)]
    async with asyncio.TaskGroup() as tasks:
        told = [tasks.create_task(each.communicate(b"go\n")) for each in both]
    said = sorted(each.result()[0].decode() for each in told)

    # The one that comes late may find that the other has just ended: then nothing is left.
    assert said[0].startswith("recovered")
    assert said[1].startswith(("recovered", f"refused the runs of '{path}'"))
    assert effects.read_text().split() == [f"{n}" for n in range(200)]
    store = SQLiteStore(path)
    await store.open()
    entries = [entry for each in await store.read(run.id) for entry in each.entries]
    await store.close()
    assert fold(graph, entries).status == "completed"


@pytest.mark.timeout(60)
async def test_of_two_who_write_one_log_without_a_claim_the_late_one_is_told_and_no_step_is_twice(
    tmp_path: Path,
) -> None:
    seed = int(os.environ.get("AWE_SEED") or secrets.randbelow(10**8))
    chance = random.Random(seed)  # noqa: S311  # not for secrets
    run_id = RunId("r")
    stores = [SQLiteStore(tmp_path / "runs.db") for _ in range(2)]
    for store in stores:
        await store.open()
    await keep(stores[0], row(0), record=record())
    wrote: list[list[int]] = [[], []]
    late: list[int] = [0, 0]

    async def write(me: int) -> None:
        """Go on with the log from wherever it ends, as one who thinks he is alone."""
        store, end = stores[me], 0
        while end < 300:
            news = News()
            ahead = chance.randint(1, 4)
            for n in range(end + 1, end + 1 + ahead):
                batch = row(n, word=f"by {me} ")
                store.append(run_id, batch, expected=Seq(n - 1), kept=news.of(f"{n}"))
            heard = await news.all()
            wrote[me] += [int(n) for n, error in heard if error is None]
            for _, error in heard:
                assert error is None or isinstance(error, LogMoved), error
            if any(error for _, error in heard):
                late[me] += 1
                end = int(await store.last(run_id) or 0)
            else:
                end += ahead
            await asyncio.sleep(0.003 * chance.random())

    async with asyncio.TaskGroup() as tasks:
        for me in range(2):
            tasks.create_task(write(me))
    rows = await stores[0].read(run_id)
    for store in stores:
        await store.close()

    told = f"seed {seed}: {len(wrote[0])} and {len(wrote[1])} batches, {late} times too late"
    print(told)
    assert sorted(wrote[0] + wrote[1]) == [*range(1, len(rows))], told
    for each in rows[1:]:
        me = int(b"by 1" in each.data)
        assert each.first in wrote[me], told
    assert min(late) > 0, told


async def test_an_engine_that_does_not_recover_shares_a_file_with_one_that_does(
    tmp_path: Path,
) -> None:
    async def act(n: int) -> dict[str, int]:
        return {"n": n + 1}

    path = tmp_path / "runs.db"
    async with Engine(store=SQLiteStore(path), tools=[act]) as engine:
        await engine.create(Graph.parse(LOOP))
        async with Engine(store=SQLiteStore(path), tools=[act], recover=False) as other:
            assert [each.graph_id for each in other.graphs()] == ["loop"]
        with pytest.raises(StoreInUse) as refused:
            await Engine(store=SQLiteStore(path), tools=[act]).__aenter__()
        assert isinstance(refused.value, EngineError)
        assert (await engine.run("loop", {"n": 198}))["n"] == 200
