"""Pictures that are drawn beside the loop, and the way of a run that is still under way."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from engine import DiagramTooLarge, Engine, EngineError, draw, path_of, svg, tool
from engine.diagram import drawing
from engine.graph import Graph
from tests.spec.story import workflow

if TYPE_CHECKING:
    from engine.diagram.figure import Figure
    from engine.diagram.layout import Placement

SMALL = workflow({"a": "b"}, name="small")


def large(nodes: int, name: str) -> Graph:
    """Make a graph that is drawn in a process of its own."""
    edges = {f"n{n}": [f"n{n + 1}", f"n{min(n + 3, nodes)}"] for n in range(nodes)}
    return Graph.parse({"name": name, "edges": edges})


async def test_a_small_graph_is_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/there/is/no/such/program")

    assert await draw(SMALL) == svg(SMALL)


async def test_a_large_graph_is_drawn_alike_here_and_in_a_process_of_its_own() -> None:
    graph = large(80, "alike")
    beside = await draw(graph)
    drawing._kept.clear()

    assert svg(graph) == beside


async def test_the_loop_goes_on_while_a_large_graph_is_drawn() -> None:
    drawing._kept.clear()
    picture = asyncio.ensure_future(draw(large(150, "beside")))  # noqa: TID251  # to look at it
    turns = 0
    while not picture.done():
        turns += 1
        await asyncio.sleep(0.001)

    assert turns > 10
    assert picture.result().startswith("<svg")


async def test_whoever_asks_for_one_picture_at_once_has_it_drawn_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[object] = []
    real = subprocess.Popen

    def counted(*args: object, **more: object) -> object:
        begun.append(args)
        return real(*args, **more)  # type: ignore[call-overload]  # as it was called

    monkeypatch.setattr(subprocess, "Popen", counted)
    graph = large(60, "once")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(draw(graph)) for _ in range(5)]

    assert len({task.result() for task in tasks}) == 1
    assert len(begun) == 1


async def test_a_picture_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "PATIENCE", 0.05)
    monkeypatch.setattr(drawing, "ASK", "import time; time.sleep(60)")

    with pytest.raises(DiagramTooLarge, match=r"after 0\.05 seconds"):
        await draw(large(60, "long"))


async def test_a_process_that_fails_is_told_as_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "ASK", "raise SystemExit(3)")

    with pytest.raises(EngineError, match="ended with the code 3"):
        await draw(large(60, "failing"))


async def test_what_the_process_finds_too_large_is_said_as_it_is_here() -> None:
    edges = {f"n{n}": [f"n{m}" for m in range(n + 1, min(n + 40, 400))] for n in range(399)}

    with pytest.raises(DiagramTooLarge, match=r"too many routing waypoints|figures and"):
        await draw(Graph.parse({"name": "dense", "edges": edges}))


async def test_who_asks_and_leaves_leaves_no_process_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[subprocess.Popen[bytes]] = []
    real = drawing._placed_by

    def placed(process: subprocess.Popen[bytes], figure: Figure) -> Placement:
        begun.append(process)
        return real(process, figure)

    monkeypatch.setattr(drawing, "_placed_by", placed)
    monkeypatch.setattr(drawing, "ASK", "import time; time.sleep(60)")
    task = asyncio.ensure_future(draw(large(60, "left")))  # noqa: TID251  # to cancel it
    while not begun:  # noqa: ASYNC110  # a thread puts it there
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await asyncio.to_thread(begun[0].wait, 5) == -signal.SIGKILL


async def test_without_an_interpreter_to_start_it_is_said_what_else_can_be_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/there/is/no/such/program")

    with pytest.raises(EngineError, match="`svg` draws here and now"):
        await draw(large(60, "alone"))


async def test_the_way_of_a_run_is_read_while_it_goes_on() -> None:
    held, going = asyncio.Event(), asyncio.Event()

    @tool
    async def a() -> None:
        """Do nothing."""

    @tool
    async def b() -> None:
        """Wait."""
        going.set()
        await held.wait()

    async with Engine(tools=[a, b]) as engine:
        run = await engine.start({"a": "b"})
        await going.wait()
        path = await path_of(run)
        assert {name: each.status for name, each in path.nodes.items()} == {
            "a": "completed", "b": "running",
        }  # fmt: skip
        assert 'data-status="running"' in await draw(run.graph.graph, path)
        held.set()
        await run.result()
        assert (await path_of(run)).status == "completed"


async def test_the_way_of_a_long_run_is_read_in_parts() -> None:
    @tool(execution="inline")
    def count(n: int = 0) -> dict[str, int]:
        return {"n": n + 1}

    document = {
        "nodes": {"count": {"max_visits": 2_000}},
        "edges": {"count": [{"when": "n < 1500", "to": "count"}, {"to": None}]},
        "entry": "count",
        "state": {"defaults": {"n": 0}},
    }
    async with Engine(tools=[count], durability="exit") as engine:
        run = await engine.start(document)
        await run.result()
        path = await path_of(run)

    assert (path.nodes["count"].visits, path.edges["count", "count"]) == (1_500, 1_499)
