"""Redis may vanish at any time: nothing is lost, and runs end as they do without it.

`AWE_SEED=...` asks for the chance of an earlier run, which prints its seed.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import pytest

from engine import SQLiteStore
from engine.ask import view
from engine.run import fold
from tests.system.fixtures import chance
from tests.system.redis_worker import GRAPHS, KINDS, ROUNDS, Orders, begins_at, total_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers import Redis

ROOT: Final = Path(__file__).parents[2]

UP: Final = 30.0
"""Seconds that a worker gets for anything."""

RUNS: Final = 40
"""Of each worker."""

ACTS: Final = 5
"""Things that are done to Redis before one of the workers is killed."""


class Worker:
    """A process, and what it has said so far."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.said: list[str] = []
        self._news = threading.Condition()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.system.redis_worker"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.pid = self._process.pid
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(orders))
        self._process.stdin.close()
        self.complaints: list[str] = []
        self._ears = [
            threading.Thread(target=self._listen, daemon=True),
            threading.Thread(target=self._overhear, daemon=True),
        ]
        for ear in self._ears:
            ear.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith(b"\n"):  # the last may be cut off
                with self._news:
                    self.said.append(line[:-1].decode())
                    self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def _overhear(self) -> None:
        assert self._process.stderr is not None
        self.complaints += (line.decode() for line in self._process.stderr)

    def wait_for(self, said: Callable[[str], bool], seconds: float = UP) -> str:
        """Wait until it says something, and give the line."""

        def heard() -> str | None:
            return next((line for line in self.said if said(line)), None)

        with self._news:
            self._news.wait_for(lambda: heard() or not self._ears[0].is_alive(), seconds)
            found = heard()
        if found is None:
            self.kill()
            raise AssertionError(f"not heard; it said {self.said[-3:]}, {self.complaints[-20:]}")
        return found

    @property
    def has_finished(self) -> bool:
        """Whether it has done all that it was asked for."""
        return "finished" in self.said

    def told(self, kind: str) -> dict[str, str]:
        """Give what it said of runs, by run."""
        words = [line.split(" ", 2) for line in self.said]
        return {word[1]: word[2] if len(word) > 2 else "" for word in words if word[0] == kind}

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, if it still lives, and hear what it had said."""
        self._process.kill()
        self._process.wait()
        for ear in self._ears:
            ear.join()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def start(tmp_path: Path, redis_url: str) -> Iterator[Callable[..., Worker]]:
    """Give what starts workers, each with a database of its own, all with one Redis."""
    workers: list[Worker] = []

    def started(name: str, graph: str, *runs: str) -> Worker:
        worker = Worker(
            Orders(
                folder=str(tmp_path),
                store=str(tmp_path / f"{name}.db"),
                redis=redis_url,
                graph=graph,
                runs=list(runs),
            )
        )
        workers.append(worker)
        return worker

    yield started
    for worker in workers:
        worker.kill()


def marks(folder: Path) -> list[list[str]]:
    """Give the marks that tools have left: by which process, and what for."""
    path = folder / "marks"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def wait_for_marks(folder: Path, count: int) -> None:
    """Wait until there are so many marks."""
    ends = time.monotonic() + UP
    while len(marks(folder)) < count:
        assert time.monotonic() < ends, f"{marks(folder)}, wanted {count}"
        time.sleep(0.01)


# -- once for all processes ---------------------------------------------------------------


@pytest.mark.timeout(60)
def test_of_two_processes_one_calls_the_tool(tmp_path: Path, start: Callable[..., Worker]) -> None:
    one = start("one", "once", "a-0")
    wait_for_marks(tmp_path, 1)
    two = start("two", "once", "b-0")
    two.wait_for("started b-0".__eq__)
    time.sleep(1.5)  # longer than a lease: it is renewed
    (tmp_path / "go").touch()
    for worker in (one, two):
        worker.wait_for("finished".__eq__)

    assert marks(tmp_path) == [[str(one.pid), "hold"]]
    states = [one.told("ended")["a-0"], two.told("ended")["b-0"]]
    assert [msgspec.json.decode(state)["by"] for state in states] == [one.pid, one.pid]


@pytest.mark.timeout(60)
def test_a_process_that_is_killed_is_waited_for_no_longer_than_its_lease(
    tmp_path: Path, start: Callable[..., Worker]
) -> None:
    one = start("one", "once", "a-0")
    wait_for_marks(tmp_path, 1)
    two = start("two", "once", "b-0")
    two.wait_for("started b-0".__eq__)
    time.sleep(0.3)
    assert len(marks(tmp_path)) == 1
    one.send(signal.SIGKILL)
    began = time.monotonic()
    wait_for_marks(tmp_path, 2)
    took = time.monotonic() - began
    (tmp_path / "go").touch()
    two.wait_for("finished".__eq__)

    assert took < 3  # a lease of 1 s, a look each 0.25 s, and a busy machine
    assert msgspec.json.decode(two.told("ended")["b-0"])["by"] == two.pid


@pytest.mark.timeout(60)
def test_a_process_that_stands_still_is_overtaken_and_does_no_harm_when_it_goes_on(
    tmp_path: Path, start: Callable[..., Worker]
) -> None:
    one = start("one", "once", "a-0")
    wait_for_marks(tmp_path, 1)
    two = start("two", "once", "b-0")
    two.wait_for("started b-0".__eq__)
    one.send(signal.SIGSTOP)
    wait_for_marks(tmp_path, 2)
    one.send(signal.SIGCONT)
    three = start("three", "once", "c-0")
    three.wait_for("started c-0".__eq__)
    (tmp_path / "go").touch()
    for worker in (one, two, three):
        worker.wait_for("finished".__eq__)

    assert [by for by, _ in marks(tmp_path)] == [str(one.pid), str(two.pid)]


# -- whatever happens to Redis ------------------------------------------------------------


def kill(redis: Redis, moment: float) -> None:
    """Kill Redis, and start it again after a while."""
    redis.kill()
    time.sleep(moment)
    redis.start()


def flush(redis: Redis, _: float) -> None:
    """Have Redis forget everything."""
    redis.ask("FLUSHALL")


def freeze(redis: Redis, moment: float) -> None:
    """Have Redis stand still for a while."""
    redis.freeze()
    time.sleep(moment)
    redis.thaw()


def spoil(redis: Redis, _: float) -> None:
    """Have somebody else write to every key there is."""
    script = (
        "for db = 0, 63 do redis.call('SELECT', db) "
        "for i, key in ipairs(redis.call('KEYS', 'awe:*')) do "
        "if i % 2 == 0 then redis.call('SET', key, '[1,2]') "
        "else redis.call('DEL', key) redis.call('LPUSH', key, 'x') end end end"
    )
    redis.ask(f'EVAL "{script}" 0')


def cut(redis: Redis, _: float) -> None:
    """Cut all connections."""
    redis.ask("CLIENT KILL TYPE normal SKIPME yes")


THINGS: Final = (kill, flush, freeze, spoil, cut)


async def lost_and_wrong(path: Path, runs: list[str], workers: list[Worker]) -> list[str]:
    """Hold what is in a database against what its workers said, and what must come of it."""
    problems: list[str] = []
    store = SQLiteStore(path)
    await store.open()
    for run_id in runs:
        entries = [entry for row in await store.read(run_id) for entry in row.entries]
        run = fold(GRAPHS["rounds"], entries)
        state = dict(view(run).state)
        if run.status != "completed" or state["total"] != total_of(run_id):
            problems.append(f"wrong: {run_id} {run.status} {state}, wanted {total_of(run_id)}")
        problems += [
            f"lost: {run_id} had ended with {said}, and is {run.status} with {state}"
            for worker in workers
            if (said := worker.told("ended").get(run_id))
            if msgspec.json.decode(said) != state
        ]
    await store.close()
    return problems


@pytest.mark.timeout(180)
def test_whatever_happens_to_redis_nothing_is_lost_and_runs_end_as_without_it(
    tmp_path: Path,
    redis_server: Redis,
    start: Callable[..., Worker],
    record_property: Callable[[str, object], None],
) -> None:
    seed = int(os.environ.get("AWE_SEED") or secrets.randbelow(10**6))
    runs = {name: [f"{name}-{number}" for number in range(RUNS)] for name in ("one", "two")}
    begun = time.monotonic()
    first, second = (start(name, "rounds", *runs[name]) for name in runs)
    for worker in (first, second):
        worker.wait_for("ready".__eq__)
    done: Counter[str] = Counter()
    heir: Worker | None = None
    while heir is None or not (heir.has_finished and second.has_finished):
        assert time.monotonic() < begun + 120, (seed, second.complaints[-5:])
        time.sleep(0.3 * chance(seed, done.total(), "pause"))
        thing = THINGS[int(len(THINGS) * chance(seed, done.total(), "which"))]
        thing(redis_server, 0.6 * chance(seed, done.total(), "moment"))
        done[thing.__name__] += 1
        if heir is None and done.total() == ACTS:  # a worker of them may vanish, too
            first.kill()
            heir = start("one", "rounds", *runs["one"])
    took = time.monotonic() - begun
    for worker in (heir, second):
        worker.kill()

    problems = [
        *asyncio.run(lost_and_wrong(tmp_path / "one.db", runs["one"], [first, heir])),
        *asyncio.run(lost_and_wrong(tmp_path / "two.db", runs["two"], [second])),
    ]
    calls = Counter(int(what) for _, what in marks(tmp_path))
    told = (
        f"seed {seed}: {2 * RUNS} runs of {ROUNDS} results in {took:.1f} s, {dict(done)}; "
        f"{calls.total()} calls where {2 * RUNS * ROUNDS} would be made without a cache, "
        f"{KINDS * ROUNDS} with one that stays; lost or wrong: {len(problems)}"
    )
    print(told)
    record_property("redis", told)
    assert not problems, "\n".join([told, *problems[:10]])
    assert set(calls) == {
        begins_at(f"x-{kind}") + i for kind in range(KINDS) for i in range(ROUNDS)
    }
    assert calls.total() < RUNS * ROUNDS, told  # it was of use all the same
    # Redis is spoken of, and nothing else: no traceback, no task that nobody waited for.
    ours = ("Redis at", "the cache gave for")
    for worker in (heir, second):
        others = [line for line in worker.complaints if not any(map(line.__contains__, ours))]
        assert not others, others[:20]


@pytest.mark.timeout(60)
def test_without_redis_everything_is_done_as_if_there_was_no_cache(
    redis_server: Redis, start: Callable[..., Worker]
) -> None:
    redis_server.kill()
    worker = start("one", "rounds", "one-0", "one-4")
    worker.wait_for("finished".__eq__)
    worker.kill()

    states = {run: msgspec.json.decode(state) for run, state in worker.told("ended").items()}
    assert {run: state["total"] for run, state in states.items()} == {
        "one-0": total_of("one-0"),
        "one-4": total_of("one-4"),
    }
    complaints = [line for line in worker.complaints if line.strip()]
    assert len(complaints) == 1, complaints
    assert "can't be asked" in complaints[0]
