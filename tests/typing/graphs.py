"""What a type checker says to those who embed the engine; never run, only read.

Each line that must be refused says so: pyright complains about an ignore that ignores
nothing.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import assert_type

from engine import (
    BEGINNING,
    AnyEntry,
    Command,
    Engine,
    Graph,
    GraphVersion,
    Json,
    RunHandle,
    RunId,
    Seq,
    Snapshot,
    Tool,
    entry,
    tool,
)


@tool
def double(x: int) -> dict[str, int]:
    """Double."""
    return {"x": 2 * x}


@tool(name="math.triple")
async def triple(x: int) -> Command:
    """Triple, and say where to go."""
    return Command(update={"x": 3 * x}, goto="double")


assert_type(double(2), dict[str, int])
assert_type(double.name, str)
double("2")  # pyright: ignore[reportArgumentType]
Tool(double.function, name="other")(2)


async def embed() -> None:
    """Use the engine as its README does."""
    async with Engine(tools=[double, triple, len]) as engine:
        graph = await engine.create(Graph.from_edges({"double": "triple"}))
        assert_type(graph, GraphVersion)
        assert_type(await engine.run(graph, {"x": 1}), dict[str, Json])
        run = await engine.start(graph.graph_id, run_id="r", tags={"who": "me"})
        assert_type(run, RunHandle)
        assert_type(run.id, RunId)
        assert_type(await run.state(at=3), dict[str, Json])
        assert_type(await run.snapshot(), Snapshot)
        async for each in run.tail(after=BEGINNING):
            assert_type(each, AnyEntry)
            match each:
                case entry.NodeCompleted():
                    assert_type(each.patch, dict[str, Json])
                case _:
                    pass
        async for line in run.lines(Seq(3)):
            assert_type(line, bytes)
        run.tail(after=3)  # pyright: ignore[reportArgumentType]
        await engine.start(run)  # pyright: ignore[reportArgumentType]
