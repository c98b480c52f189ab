"""The way of a random run agrees with the fold of its log, and every random graph can be drawn."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

import pytest

from engine.ask import active
from engine.diagram import RunPath, drawing, mermaid, svg
from engine.graph import Graph
from engine.ids import RunId
from engine.inputs import Fork
from engine.run import Run, apply
from tests.laws.graphs import case
from tests.laws.simulation import Host, log
from tests.laws.test_laws import FIRST

if TYPE_CHECKING:
    from engine.entry import AnyEntry

GRAPHS: Final = 40


@pytest.mark.parametrize("seed", range(FIRST, FIRST + GRAPHS))
def test_the_way_of_a_run_is_that_of_its_fold(seed: int) -> None:
    tried = case(seed)
    graph = Graph.parse(tried.document)
    host = Host(tried, graph, Random(seed))
    host.start()
    host.play()
    if host.run.status in ("failed", "cancelled") and host.run.messages:
        host.people = False
        host.feed(Fork(run_id=RunId("fork"), at=host.now, n=host.commands + 1))
        host.play()
    entries: list[AnyEntry] = []
    run = Run(graph)
    every = max(1, len(host.rows) // 20)  # each is a fold of its own
    for number, row in enumerate(host.rows):
        batch = log([row])
        for entry in batch:
            apply(run, entry)
        entries += batch
        if not number % every or number == len(host.rows) - 1:
            agrees(RunPath.of(entries), run)
    drawn(graph, RunPath.of(entries))


def agrees(path: RunPath, run: Run) -> None:
    """Hold the way of a run against the run."""
    assert (path.run_id, path.status, path.seq) == (run.id, run.status, run.next_seq - 1)
    visits = {run.plan.names[node]: times for node, times in run.visits.items() if times}
    assert {name: each.visits for name, each in path.nodes.items() if each.visits} == visits
    assert sum(times for (_, to), times in path.edges.items() if to is not None) == run.sent
    if run.status == "running":
        running = {name for name, each in path.nodes.items() if each.status == "running"}
        assert running == {each.node for each in active(run).values()}
    else:
        going = {name for name, each in path.nodes.items() if each.status in ("waiting", "running")}
        assert not going or run.status == "paused"


def drawn(graph: Graph, path: RunPath) -> None:
    """Draw a graph in every way; the pictures are XML, and have every node once."""
    drawing._kept.clear()
    for way in (None, path):
        assert mermaid(graph, way).startswith("flowchart TD\n")
        picture = ET.fromstring(svg(graph, way))  # noqa: S314  # it is ours
        names = [each.get("data-node") for each in picture.iter() if each.get("data-node")]
        assert names == list(graph.nodes)
