"""What a tool may know about its call, and say while it runs."""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import pytest

from engine import Context, Engine, InvalidTool, InvalidValue, RunFailed, RunId, Tool, tool
from engine.call import Binding
from engine.frame import AnyFrame, Frame, NodeProgressed, NodeStreamed
from engine.graph import Node
from engine.hosts.local.workers import LocalWorkers
from engine.ids import ActivationId

if TYPE_CHECKING:
    from collections.abc import Callable

DEADLINE = datetime(2026, 1, 2, tzinfo=UTC)


class Call:
    """A call as a host would make it, and what the tool says in it."""

    def __init__(self) -> None:
        self.said: list[Frame] = []
        self.over = False

    def context(self) -> Context:
        """Make the context of the call."""
        return Context(
            run_id=RunId("r"),
            node="n",
            activation=ActivationId(7),
            attempt=2,
            idempotency_key="r:7",
            deadline=DEADLINE,
            cancelled=lambda: self.over,
            say=self.said.append,
        )


async def call(function: Callable[..., object], **state: object) -> tuple[object, Call]:
    """Call a function that takes a context; give what it returned under `got`."""
    made, workers = Call(), LocalWorkers(threads=1)
    made_tool = function if isinstance(function, Tool) else Tool(function, name="t")
    binding = Binding(made_tool, Node("n", "t"), workers=workers)
    outcome = await binding.call(state, made.context)  # type: ignore[arg-type]  # JSON
    await workers.close()
    assert outcome.error is None, outcome.error
    assert outcome.patch is not None
    return outcome.patch["got"], made


# -- how it is asked for ------------------------------------------------------------------


async def test_a_tool_gets_its_context_under_whatever_name() -> None:
    async def t(a: int, where: Context) -> dict[str, object]:
        facts = [where.run_id, where.node, where.activation, where.attempt, where.idempotency_key]
        return {"got": [a, *facts, where.deadline == DEADLINE, where.cancelled, repr(where)]}

    got, _ = await call(t, a=1)
    assert got == [1, "r", "n", 7, 2, "r:7", True, False, "<Context r n attempt 2>"]


@pytest.mark.parametrize(
    "annotation",
    [
        Context, "Context", "engine.Context", "not_imported.Context",
        Annotated[Context, "where"], "Annotated[Context, 'where']",
    ],
    ids=str,
)  # fmt: skip
async def test_the_annotation_may_be_written_in_many_ways(annotation: object) -> None:
    def t(ctx: object) -> dict[str, object]:
        return {"got": isinstance(ctx, Context)}

    t.__annotations__["ctx"] = annotation
    assert (await call(t, ctx="in the state"))[0] is True


def test_the_name_alone_makes_no_context() -> None:
    @tool
    def t(context: dict[str, object]) -> None: ...

    assert t.required == ("context",)


def test_a_context_is_nothing_that_the_state_could_fill() -> None:
    @tool
    def t(a: int, ctx: Context, b: int = 1) -> None: ...

    assert (t.required, t.optional) == (("a",), ("b",))
    assert list(t.input_schema["properties"]) == ["a", "b"]  # type: ignore[arg-type]  # a dict


@pytest.mark.parametrize("annotation", [Context | None, "Context | None", list[Context]], ids=str)
def test_a_context_that_may_be_missing_is_refused_with_its_cure(annotation: object) -> None:
    def t(ctx: object = None) -> None: ...

    t.__annotations__["ctx"] = annotation
    with pytest.raises(InvalidTool, match="write 'ctx: Context'"):
        tool(t)


def takes_context(n: int, where: Context) -> None:
    """Do nothing."""


def test_a_context_does_not_go_into_a_process() -> None:
    with pytest.raises(InvalidTool, match="a context can't leave the process") as error:
        tool(takes_context, name="t", execution="process")  # type: ignore[call-overload]  # as @tool
    assert error.value.hint == "leave 'where' out, or run it in a thread"


# -- what can be done with it -------------------------------------------------------------


async def test_progress_and_pieces_are_said_and_marked_as_passing() -> None:
    async def t(ctx: Context) -> dict[str, object]:
        ctx.progress(1)
        ctx.progress(0.5, total=2, message="half of one")
        piece = {"word": "a"}
        ctx.emit(piece)
        piece["word"] = "changed"
        return {"got": None}

    _, made = await call(t)
    facts = {"run_id": "r", "node": "n", "activation": 7, "attempt": 2}
    assert made.said == [
        NodeProgressed(**facts, done=1),
        NodeProgressed(**facts, done=0.5, total=2, message="half of one"),
        NodeStreamed(**facts, data={"word": "a"}),
    ]
    assert [msgspec.to_builtins(frame) for frame in made.said][2] == {
        "type": "node.streamed", "ephemeral": True, **facts, "data": {"word": "a"},
    }  # fmt: skip
    for frame in made.said:
        assert msgspec.json.decode(msgspec.json.encode(frame), type=AnyFrame) == frame


async def test_what_is_no_json_can_not_be_said() -> None:
    def t(ctx: Context) -> dict[str, object]:
        with pytest.raises(InvalidValue, match=r"what node 'n' emits is a .*Event"):
            ctx.emit(threading.Event())  # type: ignore[arg-type]  # what is refused
        with pytest.raises(InvalidValue, match="the progress of node 'n' is nan"):
            ctx.progress(float("nan"))
        return {"got": None}

    assert not (await call(t))[1].said


async def test_what_a_call_says_after_it_was_given_up_is_not_heard() -> None:
    made = Call()
    context = made.context()
    context.emit("before")
    made.over = True
    context.emit("after")
    context.progress(1)
    assert context.cancelled
    assert len(made.said) == 1


async def test_what_is_logged_says_where_it_comes_from(caplog: pytest.LogCaptureFixture) -> None:
    def t(ctx: Context) -> dict[str, object]:
        ctx.log.warning("look at %s", "this", extra={"mine": 1, "node": "not mine"})
        ctx.log.warning("and that")
        return {"got": ctx.log is ctx.log}

    with caplog.at_level(logging.WARNING, "awe.tool"):
        assert (await call(t))[0] is True
    first, second = caplog.records
    assert (first.name, first.getMessage(), second.getMessage()) == (
        "awe.tool", "look at this", "and that",
    )  # fmt: skip
    told = vars(first)
    assert (told["run_id"], told["node"], told["attempt"], told["mine"]) == ("r", "n", 2, 1)


# -- in a run -----------------------------------------------------------------------------


async def test_a_run_gives_its_tools_their_contexts() -> None:
    keys: list[str] = []

    @tool
    def flaky(ctx: Context) -> dict[str, object]:
        keys.append(ctx.idempotency_key)
        if ctx.attempt == 1:
            raise ValueError
        return {"seen": [ctx.run_id, ctx.node, ctx.attempt]}

    graph = {"nodes": {"a": {"tool": "flaky", "retry": {"max_attempts": 2, "delay": 0}}}}
    async with Engine(tools=[flaky]) as engine:
        state = await engine.run(graph, {}, run_id="mine")
    assert state["seen"] == ["mine", "a", 2]
    assert keys[0] == keys[1]


async def test_a_thread_learns_that_nobody_waits_for_it() -> None:
    learned = threading.Event()

    @tool
    def patient(ctx: Context) -> None:
        while not ctx.cancelled:
            threading.Event().wait(0.001)
        learned.set()

    async with Engine(tools=[patient]) as engine:
        run = await engine.start({"nodes": {"patient": {"timeout": 0.01}}}, {})
        with pytest.raises(RunFailed) as failed:
            await run.result()
        assert failed.value.code == "TIMEOUT"
        assert await asyncio.to_thread(learned.wait, 5)
