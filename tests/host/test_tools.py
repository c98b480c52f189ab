"""What can be a tool, how its parameters are filled, and what becomes of what it does."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
import types
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import pytest

from engine import Command, InvalidTool, NotFound, Overwrite, Tool, ToolError, Tools, tool
from engine.call import Outcome, call
from engine.condition import Expression
from engine.graph import Node
from engine.tool import installed_tools
from tools import hello

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine import Json


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    """Give threads to plain tools."""
    with ThreadPoolExecutor(1) as threads:
        yield threads


async def outcome(
    function: Callable[..., object],
    state: dict[str, Json],
    node: Node | None = None,
) -> Outcome:
    """Call a function as the node `n` would."""
    with ThreadPoolExecutor(1) as threads:
        made = function if isinstance(function, Tool) else Tool(function, name="t")
        return await call(made, node or Node("n", "t"), state, executor=threads)


# -- what can be a tool -------------------------------------------------------------------


def test_a_tool_called_directly_is_its_function() -> None:
    @tool
    def double(x: int) -> dict[str, int]:
        return {"x": 2 * x}

    assert double(4) == {"x": 8}
    assert double.name == "double"


def test_a_tool_can_have_another_name_than_its_function() -> None:
    @tool(name="math.double")
    def double(x: int) -> dict[str, int]:
        return {"x": 2 * x}

    assert Tools([double])["math.double"] is double


def test_a_tool_tells_what_it_takes_and_what_it_is_for() -> None:
    @tool
    async def fetch(url: str, *, retries: int = 3) -> None:
        """Fetch a page.

        More about it.
        """

    assert (fetch.required, fetch.optional) == (("url",), ("retries",))
    assert fetch.is_async
    assert fetch.description == "Fetch a page."


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda x: x, "has no name"),
        (partial(print, "x"), "has no name"),
        (types.FunctionType((lambda *args: args).__code__, {}, "f"), "parameter '\\*args'"),
        (types.FunctionType((lambda **kw: kw).__code__, {}, "f"), "parameter '\\*\\*kw'"),
        (len, "parameter 'obj'"),
        (min, "does not tell which parameters"),
    ],
)
def test_what_can_not_be_filled_by_name_is_no_tool(
    function: Callable[..., object], told: str
) -> None:
    with pytest.raises(InvalidTool, match=told):
        Tool(function)


def test_two_tools_can_not_have_one_name() -> None:
    def one(a: int) -> None: ...
    def two(b: int) -> None: ...

    with pytest.raises(InvalidTool, match="two tools are named 'x'"):
        Tools([Tool(one, name="x"), Tool(two, name="x")])


def test_the_same_tool_twice_is_one() -> None:
    def one(a: int) -> None: ...

    assert list(Tools([one, one])) == ["one"]


def test_a_module_brings_all_its_tools() -> None:
    assert sorted(Tools([hello])) == ["count_words", "echo", "greet"]


def test_a_tool_that_is_not_there_is_named_with_the_one_that_was_meant() -> None:
    def analyze() -> None: ...

    with pytest.raises(NotFound, match=r"no tool 'analise'.*did you mean 'analyze'"):
        Tools([analyze])["analise"]


def test_installed_packages_bring_tools_by_entry_points() -> None:
    assert {"greet", "count_words", "echo"} <= {found.name for found in installed_tools()}


@pytest.mark.parametrize("value", ["no_such_module", "tools.hello:no_such_name", "engine:Seq.x"])
def test_an_entry_point_that_gives_no_tools_is_named(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    point = EntryPoint(name="broken", value=value, group="awe.tools")
    module = sys.modules["engine.tool"]  # the name `engine.tool` is the decorator
    monkeypatch.setattr(module, "entry_points", lambda *, group: [point])  # noqa: ARG005

    with pytest.raises(InvalidTool, match=f"'broken = {value}' of the group 'awe.tools'"):
        installed_tools()


def test_what_is_no_function_is_no_tool() -> None:
    with pytest.raises(InvalidTool, match="expected a tool, a function or a module"):
        Tools(["greet"])  # type: ignore[list-item]  # what is refused


# -- what it is given ---------------------------------------------------------------------


async def test_parameters_are_filled_by_name_from_the_state() -> None:
    def t(a: int, b: int) -> dict[str, object]:
        return {"sum": a + b}

    assert await outcome(t, {"b": 2, "a": 1, "c": 3}) == Outcome(patch={"sum": 3})


async def test_a_parameter_with_a_default_may_be_missing() -> None:
    def t(a: int, b: int = 10) -> dict[str, object]:
        return {"sum": a + b}

    assert await outcome(t, {"a": 1}) == Outcome(patch={"sum": 11})


async def test_a_parameter_named_state_gets_the_whole_state() -> None:
    def t(state: dict[str, object]) -> dict[str, object]:
        return {"keys": sorted(state)}

    assert await outcome(t, {"b": 2, "a": 1}) == Outcome(patch={"keys": ["a", "b"]})


async def test_the_inputs_and_args_of_a_node_come_before_the_state() -> None:
    def t(a: int, b: int, c: int) -> dict[str, object]:
        return {"all": [a, b, c]}

    node = Node("n", "t", args={"a": 1}, inputs={"b": Expression.compile("c + 1")})

    assert await outcome(t, {"a": 7, "b": 7, "c": 7}, node) == Outcome(patch={"all": [1, 8, 7]})


async def test_changing_an_argument_changes_nothing_for_the_next_call() -> None:
    def t(a: list[int]) -> dict[str, object]:
        a.append(1)
        return {"length": len(a)}

    node = Node("n", "t", args={"a": []})
    await outcome(t, {}, node)

    assert await outcome(t, {}, node) == Outcome(patch={"length": 1})


async def test_a_parameter_that_nothing_fills_is_an_error_that_says_how_to_mend_it() -> None:
    def t(threshold: int) -> None: ...

    error = (await outcome(t, {"treshold": 1})).error

    assert error is not None
    assert error.code == "MISSING_INPUT"
    assert "needs 'threshold'" in error.message
    assert "did you mean 'treshold'?" in error.hint
    assert error.details == {"parameter": "threshold", "state": ["treshold"]}
    assert not error.retryable


async def test_an_input_that_can_not_be_computed_is_an_error() -> None:
    def t(a: int) -> None: ...

    node = Node("n", "t", inputs={"a": Expression.compile("b + 1")})
    error = (await outcome(t, {}, node)).error

    assert error is not None
    assert error.code == "CONDITION_MISSING_KEY"


# -- what comes of it ---------------------------------------------------------------------


async def test_an_async_tool_is_awaited() -> None:
    async def t(a: int) -> dict[str, object]:
        await asyncio.sleep(0)
        return {"a": a + 1}

    assert await outcome(t, {"a": 1}) == Outcome(patch={"a": 2})


async def test_a_plain_tool_does_not_hold_up_the_loop() -> None:
    def t() -> dict[str, object]:
        return {"main": threading.current_thread() is threading.main_thread()}

    assert await outcome(t, {}) == Outcome(patch={"main": False})


async def test_nothing_is_an_empty_patch() -> None:
    assert await outcome(lambda: None, {}) == Outcome(patch={})


async def test_output_names_the_key_for_a_bare_value() -> None:
    node = Node("n", "t", output="answer")

    assert await outcome(lambda: 42, {}, node) == Outcome(patch={"answer": 42})
    assert await outcome(lambda: None, {}, node) == Outcome(patch={"answer": None})


async def test_outputs_choose_and_rename_keys_of_the_result() -> None:
    node = Node("n", "t", outputs={"total": "sum"})

    assert await outcome(lambda: {"sum": 3, "rest": 1}, {}, node) == Outcome(patch={"total": 3})


async def test_outputs_that_the_result_does_not_have_are_an_error() -> None:
    node = Node("n", "t", outputs={"total": "sum"})
    error = (await outcome(lambda: {"rest": 1}, {}, node)).error

    assert error is not None
    assert (error.code, error.retryable) == ("MISSING_OUTPUT", False)
    assert "'sum'" in error.message
    assert "'rest'" in error.message


async def test_a_command_names_what_comes_next() -> None:
    one = await outcome(lambda: Command({"a": 1}, goto="x"), {})
    two = await outcome(lambda: Command(goto=["x", "y"]), {})

    assert one == Outcome(patch={"a": 1}, goto=("x",))
    assert two == Outcome(patch={}, goto=("x", "y"))


async def test_an_overwrite_is_marked_and_unwrapped() -> None:
    assert await outcome(lambda: {"a": Overwrite([]), "b": 1}, {}) == Outcome(
        patch={"a": [], "b": 1}, overwrites=("a",)
    )


async def test_a_bare_value_is_an_error_that_says_how_to_mend_it() -> None:
    error = (await outcome(lambda: 42, {})).error

    assert error is not None
    assert error.code == "BAD_RESULT"
    assert "returned a value of type int, a mapping" in error.message
    assert '"output"' in error.hint


async def test_a_coroutine_from_a_plain_function_is_an_error_that_says_so() -> None:
    async def inner() -> None: ...

    error = (await outcome(lambda: inner(), {})).error  # noqa: PLW0108  # must be plain

    assert error is not None
    assert error.code == "BAD_RESULT"
    assert "make it async" in error.hint


# -- when it fails ------------------------------------------------------------------------


@pytest.mark.parametrize("is_async", [False, True])
async def test_an_exception_is_an_error_with_its_place_and_its_causes(*, is_async: bool) -> None:
    def fail() -> None:
        try:
            {}["key"]
        except KeyError as error:
            message = "no luck"
            raise ValueError(message) from error

    async def fail_later() -> None:
        fail()

    error = (await outcome(fail_later if is_async else fail, {})).error

    assert error is not None
    assert error.code == "TOOL_FAILED"
    at = error.details["at"]
    assert error.message == f"tool 't' raised ValueError: no luck ({at})"
    assert error.cause == ("ValueError: no luck", "KeyError: 'key'")
    assert re.fullmatch(r"test_tools\.py:\d+ in fail", str(at))
    assert error.retryable


async def test_a_tool_can_say_more_than_an_exception_can() -> None:
    def busy() -> None:
        raise ToolError("too many", code="RATE_LIMITED", hint="wait", retry_after=3.0)

    error = (await outcome(busy, {})).error

    assert error is not None
    assert (error.code, error.message, error.hint) == ("RATE_LIMITED", "too many", "wait")
    assert (error.retryable, error.retry_after) == (True, 3.0)


async def test_a_tool_can_say_that_another_attempt_can_not_help() -> None:
    def never() -> None:
        raise ToolError("no such user", retryable=False)

    error = (await outcome(never, {})).error

    assert error is not None
    assert not error.retryable


class Unspeakable(Exception):
    """An exception that can't say what it means."""

    def __str__(self) -> str:
        """Fail."""
        raise RuntimeError


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (SystemExit(3), "tool 't' raised SystemExit: 3"),
        (KeyboardInterrupt(), "tool 't' raised KeyboardInterrupt"),
        (StopIteration(), "tool 't' raised StopIteration"),
        (asyncio.CancelledError(), "tool 't' raised CancelledError"),
        (Unspeakable(), "tool 't' raised Unspeakable"),
        (ValueError("a\0b\ud800"), "tool 't' raised ValueError: a\\0b\\ud800"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("is_async", [False, True])
async def test_whatever_a_tool_raises_is_a_value_that_can_be_stored(
    raised: BaseException, message: str, *, is_async: bool
) -> None:
    def fail() -> None:
        raise raised

    async def fail_later() -> None:
        raise raised

    error = (await outcome(fail_later if is_async else fail, {})).error

    if is_async and isinstance(raised, StopIteration):  # Python's own rule
        message = "tool 't' raised RuntimeError: coroutine raised StopIteration"
    assert error is not None
    assert error.message == f"{message} ({error.details['at']})"


async def test_a_long_message_is_cut() -> None:
    def fail() -> None:
        raise ValueError("x" * 10_000)

    error = (await outcome(fail, {})).error

    assert error is not None
    assert len(error.message) < 2_100


async def test_a_call_that_is_cancelled_raises_and_says_nothing() -> None:
    began = asyncio.Event()

    async def wait() -> None:
        began.set()
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(outcome(wait, {}))
        await began.wait()
        waiting.cancel()

    assert waiting.cancelled()
