"""What every run keeps to, on random graphs under random schedules.

Each graph has a whole number as its seed; one seed is one graph, one schedule and all laws. A
broken law prints the seed and how to see it again. `AWE_LAWS` is how many graphs are tried
(10,000), `AWE_LAWS_SECONDS` after how long the rest is left out, `SEED` the first seed.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Final

import pytest

from engine.graph import Graph
from tests.laws.alone import played
from tests.laws.compare import Lockstep
from tests.laws.draft import CODES
from tests.laws.graphs import case
from tests.laws.laws import (
    OUTSIDE,
    a_cancelled_run_can_be_forked,
    check,
    the_log_follows_from_its_inputs,
)
from tests.laws.simulation import Mismatch

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNKS: Final = 20
GRAPHS: Final = int(os.environ.get("AWE_LAWS", "10000"))
SECONDS: Final = float(os.environ.get("AWE_LAWS_SECONDS", "inf"))
WORKERS: Final = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))

EVERYWHERE: Final = (
    "lawful", "anything", "a loop", "two messages in flight", "a default join", "count", "when",
    "batch", "join first", "join count", "join when", "join batch", "join each", "rest ignore",
    "rest cancel", "rest block", "a late message", "cancel withdrew", "a circle", "a stray",
    "a failure", "STATE_CONFLICT", "JOIN_UNSATISFIABLE", "error taken by a rule", "draining",
    "goto", "a retry", "a timeout", "a second message of a round and pass on an edge",
)  # fmt: skip
"""What at least one graph in twenty has."""


SOMETIMES: Final = (
    "a blocked group", "BAD_OUTPUT", "REDUCER_FAILED", "CONDITION_MISSING_KEY", "NO_ROUTE",
    "ROUTE_NOT_DECLARED", "a loop was left for want of a rule", "TIMEOUT", *CODES,
)  # fmt: skip
"""What at least one graph in 250 has."""


def first_seed() -> int:
    """Give the seed of the first graph: the same on all workers of a test run, never twice."""
    if given := os.environ.get("SEED"):
        return int(given)
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"{time.time_ns()}"
    return zlib.crc32(run.encode()) * 1_000_000


FIRST: Final = first_seed()


@pytest.mark.timeout(0 if float("inf") > SECONDS else 120)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_core_and_model_agree_step_by_step_and_every_law_holds(
    chunk: int, record_property: Callable[[str, object], None]
) -> None:
    size = GRAPHS // CHUNKS
    began, done, seen = time.monotonic(), 0, Counter[str]()
    for seed in range(FIRST + chunk * size, FIRST + (chunk + 1) * size):
        if time.monotonic() - began > SECONDS * WORKERS / CHUNKS:
            break
        with told(seed):
            seen.update(check(seed).happened)
        done += 1
    took = time.monotonic() - began
    record_property("laws", {"graphs": done, "seconds": round(took, 1), "seen": dict(seen)})
    shares = {what: f"{count / max(done, 1):.1%}" for what, count in seen.most_common()}
    print(f"{done} graphs from seed {FIRST + chunk * size}, {done / took:.0f} a second")
    print(json.dumps(shares, indent=1))


class told:  # noqa: N801  # it reads as a word: with told(seed)
    """Says how to see a broken law again."""

    def __init__(self, seed: int, how: str = "make replay SEED={seed}") -> None:
        self.seed = seed
        self.how = how

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Add the command to the error."""
        if error is not None:
            again = self.how.format(seed=self.seed)
            print(f"\n{error}\n\n{again}")
            raise Mismatch(f"{error}\n\nTo see it again: {again}") from error


@pytest.mark.timeout(120)
def test_the_random_graphs_have_enough_of_everything() -> None:
    graphs, seen = 1_500, Counter[str]()
    for seed in range(graphs):
        chosen = case(seed)
        seen.update(chosen.features | played(chosen, Random(seed)).happened)
    print({what: f"{count / graphs:.1%}" for what, count in seen.most_common()})
    rare = {what: seen[what] / graphs for what in EVERYWHERE if seen[what] < graphs / 20}
    assert not rare, f"less than one graph in twenty has {rare}"
    never = {what: seen[what] / graphs for what in SOMETIMES if seen[what] < graphs / 250}
    assert not never, f"hardly any graph has {never}"


@pytest.mark.timeout(120)
def test_the_law_holds_in_the_model_whatever_the_core_does() -> None:
    for seed in range(1_000):
        chosen = case(seed)
        if chosen.flavour == "lawful":
            one, two = (played(chosen, Random(schedule)) for schedule in range(2))
            if one.over and two.over and OUTSIDE not in one.seen | two.seen:
                with told(seed):
                    assert one.status == two.status
                    if one.status == "completed":
                        assert one.final == two.final
                        assert {a.name for a in one.firings} == {a.name for a in two.firings}


@pytest.mark.parametrize("seed", range(30))
def test_a_run_cancelled_after_any_step_loses_nothing_and_can_be_forked(seed: int) -> None:
    chosen = case(seed)
    first = Lockstep(chosen, Graph.parse(chosen.document), Random(seed))
    first.start()
    first.play()
    if first.cut or len(first.inputs) > 40:
        return
    for part in range(1, len(first.inputs) + 1):
        a_cancelled_run_can_be_forked(first, Random(part), part)


def test_one_seed_is_one_log() -> None:
    logs = []
    for _ in range(2):
        chosen = case(7)
        host = Lockstep(chosen, Graph.parse(chosen.document), Random(7))
        host.start()
        host.play()
        logs.append(host.rows)
    assert logs[0] == logs[1]


def test_a_log_that_somebody_changed_does_not_follow_from_its_inputs() -> None:
    chosen = case(11)
    host = Lockstep(chosen, Graph.parse(chosen.document), Random(11))
    host.start()
    host.play()
    the_log_follows_from_its_inputs(host)
    host.rows[-1] = host.rows[-1].replace(b'"sent":', b'"sent":1')
    with pytest.raises(Mismatch, match="not the same again"):
        the_log_follows_from_its_inputs(host)
