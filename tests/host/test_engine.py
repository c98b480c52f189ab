"""The engine as those who embed it see it."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING

import pytest

from engine import (
    Breakpoint,
    Engine,
    EngineClosed,
    EngineError,
    Graph,
    GraphBuilder,
    InvalidGraph,
    InvalidTool,
    InvalidValue,
    Json,
    NotApplicable,
    NotFound,
    RunCancelled,
    RunExists,
    RunFailed,
    RunOver,
    entry,
    tool,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from engine import GraphVersion

CHAIN = Graph.from_edges({"first": "second"}, name="chain")


@tool
def first(x: int) -> dict[str, object]:
    """Double."""
    return {"y": 2 * x}


@tool
async def second(y: int) -> dict[str, object]:
    """Add one."""
    return {"z": y + 1}


@tool
def fails(x: int) -> None:
    """Fail."""
    message = f"no luck with {x}"
    raise ValueError(message)


@tool
async def waits() -> None:
    """Wait for ever."""
    await asyncio.Event().wait()


@pytest.fixture
async def engine() -> AsyncGenerator[Engine, None]:
    """Give an engine that runs, with the tools of this file."""
    async with Engine(tools=[first, second, fails, waits]) as running:
        yield running


@pytest.fixture
async def chain(engine: Engine) -> GraphVersion:
    """Give a graph of two nodes."""
    return await engine.create(CHAIN)


# -- graphs -------------------------------------------------------------------------------


async def test_a_graph_that_is_created_again_keeps_its_number(engine: Engine) -> None:
    one = await engine.create(CHAIN)
    again = await engine.create({"name": "chain", "edges": {"first": ["second"]}})

    assert (one.graph_id, one.version, one.new) == ("chain", 1, True)
    assert (again.graph_id, again.version, again.new) == ("chain", 1, False)


async def test_another_graph_of_that_name_is_the_next_version(engine: Engine) -> None:
    await engine.create(CHAIN)
    other = await engine.create({"name": "chain", "edges": {"second": "first"}})

    assert (other.version, other.new) == (2, True)
    assert engine.graph("chain") == other
    assert engine.graph("chain", 1).graph == CHAIN


async def test_a_graph_without_a_name_gets_one_that_follows_from_its_content(
    engine: Engine,
) -> None:
    one = await engine.create({"first": "second"})
    again = await engine.create({"edges": {"first": "second"}})

    assert one.graph_id.startswith("graph-")
    assert (again.graph_id, again.new) == (one.graph_id, False)


async def test_a_node_without_a_tool_is_told_when_the_graph_is_created(engine: Engine) -> None:
    with pytest.raises(InvalidGraph) as refused:
        await engine.create({"first": "secund", "secund": "third"})

    assert [(p.code, p.path, p.hint) for p in refused.value.problems] == [
        ("UNKNOWN_TOOL", "/nodes/secund/tool", "did you mean 'second'?"),
        (
            "UNKNOWN_TOOL",
            "/nodes/third/tool",
            "there are: fails, first, second, waits",
        ),
    ]


async def test_an_argument_that_the_tool_does_not_take_is_told_when_the_graph_is_created(
    engine: Engine,
) -> None:
    node = {"tool": "first", "args": {"xx": 1}, "inputs": {"yy": "x + 1"}}
    with pytest.raises(InvalidGraph) as refused:
        await engine.create({"nodes": {"a": node}})

    assert [(p.code, p.path, p.hint) for p in refused.value.problems] == [
        ("UNKNOWN_PARAMETER", "/nodes/a/args/xx", "it takes x"),
        ("UNKNOWN_PARAMETER", "/nodes/a/inputs/yy", "it takes x"),
    ]


async def test_a_builder_brings_its_functions_along(engine: Engine) -> None:
    def triple(x: int) -> dict[str, object]:
        return {"x": 3 * x}

    graph = await engine.create(GraphBuilder("g").node("triple", triple).build())

    assert await engine.run(graph, {"x": 2}) == {"x": 6}


async def test_a_graph_with_another_function_as_its_condition_is_another_graph(
    engine: Engine,
) -> None:
    def graph(limit: int) -> Graph:
        def more(state: dict[str, Json]) -> bool:
            return state["x"] != limit

        return (
            GraphBuilder("g")
            .node("first")
            .node("second")
            .route("first", (more, "second"), otherwise=None)
            .build()
        )

    one = await engine.create(graph(1))
    two = await engine.create(graph(2))

    assert (one.version, two.version) == (1, 2)
    assert "z" not in await engine.run(one, {"x": 1})
    assert "z" in await engine.run(two, {"x": 1})


async def test_a_builder_can_not_bring_another_function_under_a_name_that_is_taken(
    engine: Engine,
) -> None:
    def first() -> None: ...

    with pytest.raises(InvalidTool, match="two tools are named 'first'"):
        await engine.create(GraphBuilder("g").node("first", first).build())


async def test_a_graph_that_is_not_there_is_named_with_the_one_that_was_meant(
    engine: Engine, chain: GraphVersion
) -> None:
    with pytest.raises(NotFound, match=r"no graph 'chian' \(did you mean 'chain'"):
        await engine.start("chian")
    with pytest.raises(NotFound, match=r"no version 2 \(it has the versions 1 to 1"):
        engine.graph(chain.graph_id, 2)


# -- runs ---------------------------------------------------------------------------------


async def test_a_run_gives_its_final_state(engine: Engine, chain: GraphVersion) -> None:
    assert await engine.run(chain, {"x": 3}) == {"x": 3, "y": 6, "z": 7}


async def test_a_run_can_be_started_by_the_name_of_its_graph(
    engine: Engine, chain: GraphVersion
) -> None:
    assert (await engine.run(chain.graph_id, {"x": 3}))["z"] == 7


async def test_the_log_is_tailed_from_its_first_entry_to_its_last(
    engine: Engine, chain: GraphVersion
) -> None:
    run = await engine.start(chain, {"x": 3}, tags={"who": "me"})

    entries = [each async for each in run.tail()]

    assert [type(each) for each in entries] == [
        entry.RunStarted,
        entry.MessageSent,
        entry.NodeStarted,
        entry.NodeCompleted,
        entry.MessageSent,
        entry.NodeStarted,
        entry.NodeCompleted,
        entry.RunCompleted,
    ]
    assert [each.seq for each in entries] == [*range(8)]
    started = entries[0]
    assert isinstance(started, entry.RunStarted)
    assert started.tags == {"who": "me"}


async def test_a_completed_node_says_how_long_it_waited_and_took(
    engine: Engine, chain: GraphVersion
) -> None:
    run = await engine.start(chain, {"x": 3})
    done = [each async for each in run.tail() if isinstance(each, entry.NodeCompleted)]

    for each in done:
        assert each.queued is not None
        assert each.took is not None
        assert 0 <= each.queued < 5
        assert 0 <= each.took < 5


async def test_the_state_of_the_past_is_that_after_the_batch_that_holds_the_entry(
    engine: Engine, chain: GraphVersion
) -> None:
    run = await engine.start(chain, {"x": 3})
    await run.result()

    assert [await run.state(at) for at in (0, 2, 3, 5, 6, 7)] == [
        {"x": 3},
        {"x": 3},
        {"x": 3, "y": 6},
        {"x": 3, "y": 6},
        {"x": 3, "y": 6, "z": 7},
        {"x": 3, "y": 6, "z": 7},
    ]
    with pytest.raises(NotFound, match="no entry 8"):
        await run.state(8)


async def test_a_run_is_found_again_by_its_name(engine: Engine, chain: GraphVersion) -> None:
    await engine.run(chain, {"x": 3}, run_id="r-1")

    run = await engine.find("r-1")

    assert run.graph == chain
    assert await run.result() == {"x": 3, "y": 6, "z": 7}
    with pytest.raises(NotFound, match="no run 'r-2'"):
        await engine.find("r-2")


async def test_a_run_keeps_the_version_of_the_graph_that_it_was_started_with(
    engine: Engine, chain: GraphVersion
) -> None:
    await engine.run(chain, {"x": 3}, run_id="r")
    await engine.create({"name": "chain", "nodes": ["first"]})

    assert (await engine.find("r")).graph.version == 1


async def test_a_name_is_given_to_one_run_only(engine: Engine, chain: GraphVersion) -> None:
    await engine.run(chain, {"x": 1}, run_id="r")

    with pytest.raises(RunExists, match="there is a run 'r' already"):
        await engine.start(chain, {"x": 2}, run_id="r")
    assert (await (await engine.find("r")).state())["x"] == 1


@pytest.mark.parametrize("name", ["", "a b", "a/b", ".hidden", "ä", "x" * 129, "a\n"])
async def test_a_name_that_could_be_misread_is_refused(
    engine: Engine, chain: GraphVersion, name: str
) -> None:
    with pytest.raises(InvalidValue, match="can't be the name of a run"):
        await engine.start(chain, run_id=name)


async def test_a_state_that_is_not_json_is_refused_and_no_run_begins(
    engine: Engine, chain: GraphVersion
) -> None:
    with pytest.raises(InvalidValue):
        await engine.start(chain, {"x": object()}, run_id="r")
    with pytest.raises(NotFound):
        await engine.find("r")


async def test_what_a_caller_does_to_its_values_afterwards_changes_nothing(
    engine: Engine,
) -> None:
    graph = await engine.create({"nodes": ["waits"]})
    given: dict[str, object] = {"list": [1]}
    run = await engine.start(graph, given)
    given["list"] = []
    shown = await run.state()
    assert isinstance(shown["list"], list)
    shown["list"].append(2)
    shown["more"] = None

    assert await run.state() == {"list": [1]}


# -- ends ---------------------------------------------------------------------------------


async def test_a_run_that_fails_raises_with_a_report_of_what_it_failed_on(
    engine: Engine,
) -> None:
    graph = await engine.create({"name": "g", "edges": {"first": "fails"}})

    with pytest.raises(RunFailed, match="failed at node 'fails': tool 'fails' raised") as failed:
        await engine.run(graph, {"x": 1}, run_id="r")

    report = failed.value.report
    assert (report.run_id, report.graph_id) == ("r", "g")
    assert (report.node, report.attempt, report.messages) == ("fails", 1, (4,))
    assert report.state == {"x": 1, "y": 2}
    assert report.error.cause == ("ValueError: no luck with 1",)
    assert failed.value.code == "TOOL_FAILED"


async def test_a_run_that_failed_before_says_the_same_to_whoever_asks_later(
    engine: Engine,
) -> None:
    graph = await engine.create({"nodes": ["fails"]})
    with pytest.raises(RunFailed) as at_first:
        await engine.run(graph, {"x": 1}, run_id="r")

    with pytest.raises(RunFailed) as later:
        await (await engine.find("r")).result()
    assert later.value.report == at_first.value.report


async def test_a_write_that_a_reducer_refuses_is_told_with_its_node_and_its_key(
    engine: Engine,
) -> None:
    graph = await engine.create({"nodes": ["first"], "state": {"reducers": {"y": "extend"}}})

    with pytest.raises(RunFailed) as failed:
        await engine.run(graph, {"x": 1})
    error = failed.value.report.error
    assert error.code == "REDUCER_FAILED"
    assert error.message.startswith(
        "node 'first': the reducer 'extend' of key 'y' takes a list, the number 2 was written"
    )
    assert (error.details["node"], error.details["key"]) == ("first", "y")


async def test_a_condition_that_can_not_be_evaluated_is_told_with_the_node_it_stands_behind(
    engine: Engine,
) -> None:
    graph = await engine.create({"edges": {"first": [{"when": "z > 1", "to": "second"}]}})

    with pytest.raises(RunFailed) as failed:
        await engine.run(graph, {"x": 1})
    assert failed.value.code == "CONDITION_MISSING_KEY"
    assert failed.value.report.error.details["node"] == "first"


async def test_what_is_no_graph_can_not_be_run_and_the_cure_is_told(engine: Engine) -> None:
    with pytest.raises(InvalidValue, match=r"what `create` gave.*engine\.start") as refused:
        await engine.run(7, {"x": 1})  # type: ignore[arg-type]  # what is tested
    assert refused.value.path == "graph"


async def test_a_run_that_is_paused_for_a_person_shows_the_node_and_the_attempt(
    engine: Engine,
) -> None:
    node = {"on_exhausted": "pause", "retry": {"max_attempts": 2, "delay": 0}}
    graph = await engine.create({"nodes": {"fails": node}})
    run = await engine.start(graph, {"x": 1})
    await run.rest()

    snapshot = await run.snapshot()
    assert (snapshot.status, snapshot.node, snapshot.attempt) == ("paused", "fails", 2)
    await run.cancel()


async def test_a_run_that_runs_out_of_time_fails_as_a_whole(engine: Engine) -> None:
    graph = await engine.create({"nodes": ["waits"], "limits": {"deadline": 0.01}})

    with pytest.raises(RunFailed) as failed:
        await engine.run(graph, {"a": 1})
    assert failed.value.report.node is None
    assert failed.value.report.state == {"a": 1}


async def test_a_cancelled_run_stops_its_tools_and_has_no_result(engine: Engine) -> None:
    graph = await engine.create({"nodes": ["waits"]})
    run = await engine.start(graph)

    await run.cancel("enough")

    with pytest.raises(RunCancelled):
        await run.result()
    ends = [each async for each in run.tail() if isinstance(each, entry.RunCancelled)]
    assert [each.reason for each in ends] == ["enough"]
    with pytest.raises(RunOver):
        await run.cancel()


async def test_whoever_waits_for_a_run_hears_that_it_was_cancelled(engine: Engine) -> None:
    graph = await engine.create({"nodes": ["waits"]})
    run = await engine.start(graph)

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(_outcome(run.result()))
        resting = group.create_task(run.rest())
        await asyncio.sleep(0)
        await run.cancel()

    assert isinstance(waiting.result(), RunCancelled)
    assert resting.done()


async def _outcome(waiting: object) -> object:
    try:
        return await waiting  # type: ignore[misc]  # whatever it is
    except EngineError as error:
        return error


async def test_a_breakpoint_pauses_a_run_until_it_is_resumed(
    engine: Engine, chain: GraphVersion
) -> None:
    run = await engine.start(chain, {"x": 1}, breakpoints=[Breakpoint(node="second")])
    await run.rest()
    assert (await run.snapshot()).status == "paused"

    await run.resume()

    assert await run.result() == {"x": 1, "y": 2, "z": 3}


async def test_a_breakpoint_at_a_node_that_is_not_there_is_refused(
    engine: Engine, chain: GraphVersion
) -> None:
    with pytest.raises(NotApplicable):
        await engine.start(chain, {"x": 1}, breakpoints=[Breakpoint(node="secund")])


async def test_a_paused_run_lets_no_further_node_begin(engine: Engine, chain: GraphVersion) -> None:
    run = await engine.start(chain, {"x": 1})
    await run.pause()
    with pytest.raises(NotApplicable):
        await run.pause()

    done = [await anext(tail) for tail in [run.tail()] for _ in range(4)]

    assert type(done[3]) is entry.RunPaused
    await run.resume()
    assert (await run.result())["z"] == 3


# -- the engine's own life ----------------------------------------------------------------


async def test_outside_its_block_an_engine_does_nothing() -> None:
    engine = Engine(tools=[first, second])
    with pytest.raises(EngineClosed, match="async with"):
        await engine.create(CHAIN)
    with pytest.raises(EngineClosed, match="async with"):
        await engine.start("chain")

    async with engine:
        chain = await engine.create(CHAIN)
        run = await engine.start(chain, {"x": 1})
        await run.result()
    with pytest.raises(EngineClosed):
        await engine.start(chain)


async def test_whoever_waits_when_the_engine_closes_is_told() -> None:
    async with asyncio.TaskGroup() as group, Engine(tools=[waits]) as engine:
        run = await engine.start(await engine.create({"nodes": ["waits"]}))
        waiting = group.create_task(_outcome(run.result()))
        tail = group.create_task(_all(run.tail()))
        await asyncio.sleep(0)

    assert isinstance(waiting.result(), EngineClosed)
    assert len(tail.result()) == 3
    with pytest.raises(EngineError, match="nobody drives it"):
        await run.result()


async def _all(tail: AsyncGenerator[object, None]) -> list[object]:
    return [each async for each in tail]


async def test_an_engine_that_is_never_left_complains() -> None:
    engine = Engine()
    await engine.__aenter__()
    host = engine._parts
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        engine.__del__()
    assert [each.category for each in caught] == [ResourceWarning]
    assert host is not None
    await engine.__aexit__(None, None, None)


async def test_an_engine_is_entered_once() -> None:
    async with Engine() as engine:
        with pytest.raises(EngineError, match="entered before"):
            await engine.__aenter__()
