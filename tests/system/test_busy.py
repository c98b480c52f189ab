"""Another program holds the lock of the file: whoever asks is put off, and no run is lost.

`AWE_BUSY=10` holds it for so many seconds at most, instead of the 2 of `make test`, and
`AWE_SEED=...` is the chance of an earlier run, which prints its seed.
"""

from __future__ import annotations

import asyncio
import os
import random  # noqa: TID251  # seeded, for a replay
import secrets
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from itertools import chain, pairwise
from math import ceil
from statistics import median
from typing import TYPE_CHECKING, Final

import pytest

from engine import Engine, SQLiteStore, installed_tools
from engine.hosts.local import keeping
from engine.stores.sqlite import store
from tests.api.conftest import RUNS, client_of, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

LONGEST: Final = float(os.environ.get("AWE_BUSY", "2"))
"""Seconds that the lock is held at most."""

STALL: Final = 0.05
"""Seconds that the loop may be held up."""

SLICE: Final = 0.25
"""Seconds in each of which the longest stall is looked for."""

RUN: Final = "/api/v1/graph/run"


class Foreigner:
    """A program that takes the lock of a database, and holds it for a while, again and again."""

    def __init__(self, path: Path, seed: int) -> None:
        self._path = path
        self._chance = random.Random(seed)  # noqa: S311  # not for secrets
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._hold, daemon=True)
        self.held: list[tuple[float, float]] = []
        """From when until when it was held."""

    def _hold(self) -> None:
        with closing(sqlite3.connect(self._path, isolation_level=None, timeout=10)) as foreign:
            while not self._stop.is_set():
                # The first time for as long as may be, so that it is in every run.
                seconds = self._chance.uniform(0.1, LONGEST) if self.held else LONGEST
                foreign.execute("BEGIN IMMEDIATE")
                begun = time.monotonic()
                self._stop.wait(seconds)
                foreign.execute("ROLLBACK")
                self.held.append((begun, time.monotonic()))
                self._stop.wait(0.2)

    @contextmanager
    def at_work(self) -> Generator[None, None, None]:
        """Take it."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()


class Pulse:
    """Measures for how long the loop does not turn."""

    def __init__(self) -> None:
        self._beats: list[float] = []

    async def beat(self, over: asyncio.Event) -> None:
        """Note each turn."""
        while not over.is_set():
            self._beats.append(time.monotonic())
            await asyncio.sleep(0.001)

    def longest(self, begun: float, ended: float) -> list[float]:
        """Give the seconds of the longest stall in each slice of a span of time."""
        return [
            self._longest(begun + n * SLICE, min(begun + (n + 1) * SLICE, ended))
            for n in range(ceil((ended - begun) / SLICE))
        ]

    def _longest(self, begun: float, ended: float) -> float:
        beats = [beat for beat in self._beats if begun <= beat <= ended]
        return max(after - before for before, after in pairwise([begun, *beats, ended]))


@pytest.mark.timeout(60 + 5 * LONGEST)
async def test_while_the_lock_is_held_requests_are_put_off_and_nothing_is_lost(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    monkeypatch.setattr(keeping, "PATIENCE", 0.3)  # so that whoever asks is put off soon
    monkeypatch.setattr(store, "PATIENCE", 0.3)
    seed = int(os.environ.get("AWE_SEED") or secrets.randbelow(10**8))
    path = tmp_path / "runs.db"
    foreigner = Foreigner(path, seed)
    over, pulse = asyncio.Event(), Pulse()
    put_off: list[tuple[int, str, str]] = []
    ready: list[tuple[int, str]] = []
    asked: set[str] = set()
    async with (
        serving(Engine(tools=installed_tools(), store=SQLiteStore(path))) as address,
        client_of(address) as client,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(pulse.beat(over))

        async def ask(n: int) -> None:
            """Ask for a run again and again, with one key, until it is there."""
            body = {"graph_id": "hello", "initial_state": {"name": f"{n}"}, "run_id": f"r{n}"}
            while True:
                answer = await client.post(RUN, json=body, headers={"Idempotency-Key": f"k{n}"})
                if answer.status_code in (202, 409):  # or it was begun when we were put off
                    asked.add(f"r{n}")
                    return
                put_off.append(
                    (answer.status_code, answer.json()["code"], answer.headers["retry-after"])
                )
                await asyncio.sleep(0.05)

        with foreigner.at_work():
            for n in range(60):
                tasks.create_task(ask(n))
                await asyncio.sleep((LONGEST + 1) / 60)
                answer = await client.get("/readyz")
                if answer.status_code != 200:
                    ready.append((answer.status_code, answer.json()["code"]))
            while len(asked) < 60:  # noqa: ASYNC110  # each says it when it is there
                await asyncio.sleep(0.01)
        for run_id in asked:
            while True:
                state = (await client.get(f"/api/v1/graph/state/{run_id}")).json()
                if state.get("status") == "completed":
                    break
                await asyncio.sleep(0.01)
        listed = {each["run_id"] for each in (await client.get(f"{RUNS}?limit=100")).json()["runs"]}
        over.set()

    # The machine has stalls of its own, and not in every slice; ours would be there whenever a
    # lock begins to be held, or all the time.
    spans = [pulse.longest(*each) for each in foreigner.held]
    begins, holds = median(each[0] for each in spans), median(chain.from_iterable(spans))
    most = max(chain.from_iterable(spans))
    longest = max(ended - begun for begun, ended in foreigner.held)
    told = (
        f"seed {seed}: lock held {len(spans)} times, {longest:.2f} s at most; put off "
        f"{len(put_off)} times; longest stall of the loop in {SLICE} s: {holds * 1e3:.0f} ms, as "
        f"it begins {begins * 1e3:.0f} ms ({most * 1e3:.0f} ms at most)"
    )
    print(told)
    record_property("crashes", told)
    assert set(put_off) == {(503, "STORE_BUSY", "1")}, told
    assert set(ready) == {(503, "STORE_BUSY")}, told
    assert listed == asked == {f"r{n}" for n in range(60)}, told
    assert max(holds, begins) <= STALL, told
