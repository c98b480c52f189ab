"""What every random run has to keep to; `check` is everything that is done with one seed.

This module knows the laws. How core and model are compared is in `compare`, how a host goes
about its work in `simulation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final

import msgspec

from engine.ask import ended, view
from engine.decide import step
from engine.entry import TERMINAL
from engine.graph import Graph
from engine.ids import RunId
from engine.inputs import Cancel, Fork
from engine.run import fold
from tests.laws.compare import Lockstep, differ
from tests.laws.graphs import case
from tests.laws.simulation import Host, Mismatch, log, refused, replayed, seen

if TYPE_CHECKING:
    from tests.laws.furnish import Case

OUTSIDE: Final = "a second message of a round and pass on an edge"
"""What the Law excepts; it comes of a node that loops back and goes on at once."""


@dataclass(frozen=True)
class Outcome:
    """What came of one seed."""

    happened: set[str]
    activations: int


def check(seed: int) -> Outcome:
    """Keep a random graph to every law.

    Raises:
        Mismatch: It breaks one.
    """
    return check_case(case(seed))


def check_case(tried: Case) -> Outcome:
    """Keep a graph to every law, under the schedule that it names."""
    chance = Random(f"{tried.seed} {tried.schedule}")
    graph = Graph.parse(tried.document)
    first = Lockstep(tried, graph, chance, crashes=chance.choice((0.0, 0.0, 0.0, 0.2)))
    first.start()
    first.play()
    happened = first.happened
    the_log_follows_from_its_inputs(first)
    the_fold_is_the_run(first)
    if first.cut:
        return Outcome(happened | {"cut"}, len(first.firings))
    nothing_comes_after_the_end(first)
    if tried.flavour == "lawful" and chance.random() < 0.5:
        happened |= another_schedule_does_the_same(first, chance)
    if chance.random() < 0.1:
        part = chance.randrange(len(first.inputs)) + 1
        happened |= a_cancelled_run_can_be_forked(first, chance, part)
    return Outcome(happened, len(first.firings))


def the_log_follows_from_its_inputs(host: Host) -> None:
    """The same inputs write the same bytes, whether or not the first host crashed."""
    _, rows = replayed(host.graph, host.inputs)
    for i, (ours, again) in enumerate(zip(host.rows, rows, strict=True)):
        if ours != again:
            message = f"batch {i} is not the same again:\n  {ours!r}\n  {again!r}"
            raise Mismatch(message)


def the_fold_is_the_run(host: Host) -> None:
    """What is read back is what was there."""
    again = fold(host.graph, log(host.rows))
    differ("the fold of the whole log", seen(again), seen(host.run))
    if host.chance.random() < 0.6:
        return
    part = host.chance.randrange(len(host.rows)) + 1
    live, _ = replayed(host.graph, host.inputs[:part])
    differ("the fold of a part", seen(fold(host.graph, log(host.rows[:part]))), seen(live))


def nothing_comes_after_the_end(host: Host) -> None:
    """A run that has ended refuses everything."""
    late = msgspec.structs.replace(host.chance.choice(host.inputs), at=host.now)
    if not refused(host.run, late):
        message = f"a run that has ended took {late!r}"
        raise Mismatch(message)


def another_schedule_does_the_same(first: Lockstep, chance: Random) -> set[str]:
    """With default joins, the schedule decides neither what fires nor what it reads."""
    second = Lockstep(first.case, first.graph, chance)
    second.start()
    second.play()
    if second.cut or OUTSIDE in first.model.seen | second.model.seen:
        return set()
    differ("how it ends under another schedule", second.run.status, first.run.status)
    if first.run.status == "completed":
        differ("state under another schedule", view(second.run).state, view(first.run).state)
        differ("firings under another schedule", sorted(second.firings), sorted(first.firings))
    return {"two schedules"}


def a_cancelled_run_can_be_forked(first: Lockstep, chance: Random, part: int) -> set[str]:
    """Cancel after so many inputs loses no message, and a fork from there goes on."""
    run, rows = replayed(first.graph, first.inputs[:part])
    if ended(run):
        return set()
    last = step(run, Cancel(at=first.now, n=first.commands + 1))[-1]
    if not isinstance(last, TERMINAL) or not ended(run):
        message = f"a cancelled run goes on after {last!r}"
        raise Mismatch(message)
    counts = last.messages
    if counts.sent != counts.consumed + counts.withdrawn + counts.open:
        message = f"a cancelled run lost messages: {counts}"
        raise Mismatch(message)
    fork = a_fork(first, rows, chance)
    retried = run.failing is not None  # in a fork, what had failed gets another attempt
    if fork.cut or retried or first.case.flavour != "lawful" or OUTSIDE in first.model.seen:
        return {"a cancelled run"}
    differ("how a fork ends", fork.run.status, first.run.status)
    if first.run.status == "completed":
        differ("state of a fork", view(fork.run).state, view(first.run).state)
    return {"a cancelled run", "a lawful fork"}


def a_fork(first: Lockstep, rows: list[bytes], chance: Random) -> Host:
    """Let a fork of a part of a log run to its end."""
    fork = Host(first.case, first.graph, chance)
    fork.people = False
    fork.run = fold(first.graph, log(rows))
    for entry in log(rows):
        fork.name(entry)
    fork.rows = list(rows)
    fork.now = first.now
    fork.feed(Fork(run_id=RunId("fork"), at=fork.now, n=first.commands + 1))
    fork.play()
    return fork
