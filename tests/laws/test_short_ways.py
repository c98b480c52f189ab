"""The short ways through the core write what the long way writes, and leave the same run.

What most steps are, a completion with one message and perhaps the node that this fires, is
decided and applied as one (`Batch.pass_on`, `Batch.hop`). Here the same random runs are played
with the short ways barred.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from engine.decide import result
from engine.decide.batch import Batch
from engine.entry import MessageSent, NodeCompleted
from engine.graph import Graph
from tests.laws.graphs import case
from tests.laws.simulation import Host, seen

if TYPE_CHECKING:
    from tests.laws.furnish import Case


def one_by_one(batch: Batch, completed: NodeCompleted, to: str) -> None:
    batch.add(completed)
    batch.emit(MessageSent, to=to, source=completed.node, activation=completed.activation)


def played(chosen: Case) -> Host:
    host = Host(chosen, Graph.parse(chosen.document), Random(chosen.seed), crashes=0.05)
    host.start()
    host.play()
    return host


@pytest.mark.timeout(120)
@pytest.mark.parametrize("first", range(0, 1_000, 250))
def test_the_short_ways_write_and_leave_what_the_long_way_does(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hops = []
    taken = Batch.hop
    monkeypatch.setattr(
        Batch, "hop", lambda batch, completed, to: (hops.append(to), taken(batch, completed, to))
    )
    for seed in range(first, first + 250):
        chosen = case(seed)
        short = played(chosen)
        with monkeypatch.context() as barred:
            barred.setattr(result, "is_hop", lambda *_: False)
            barred.setattr(Batch, "pass_on", one_by_one)
            long = played(chosen)
        assert short.rows == long.rows, f"seed {seed}"
        assert seen(short.run) == seen(long.run), f"seed {seed}"
    assert len(hops) > 250
