"""What can be a tool, how its parameters are filled, and what becomes of what it does."""

from __future__ import annotations

import asyncio
import enum
import json
import re
import sys
import textwrap
import threading
import types
from functools import partial
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Literal

import msgspec
import pytest

from engine import (
    Command,
    EngineError,
    InvalidTool,
    InvalidValue,
    NotFound,
    Overwrite,
    Tool,
    ToolError,
    Tools,
    tool,
)
from engine.call import Outcome
from engine.condition import Expression
from engine.graph import Node
from engine.graph.parts import Limits
from engine.tool import installed_tools
from engine.value import admit_patch
from tests.host.calling import (
    FINDING,
    Finding,
    Holder,
    Model,
    Point,
    Review,
    Shy,
    error_of,
    outcome,
)
from tools import hello

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from engine import Json
    from engine.tool import Execution


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


def test_the_tools_are_a_mapping_like_any_other() -> None:
    tools = Tools([hello])
    assert tools.get("nobody") is None
    assert Tools().hint("nobody") == "no tools are registered: Engine(tools=[...])"
    assert "nobody" not in tools
    assert len(tools) == len({**tools}) == 3


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


@pytest.mark.parametrize(
    ("function", "execution", "told"),
    [
        (hello.greet.function, "threads", "to run in 'threads', one of 'thread', 'process'"),
        (asyncio.sleep, "thread", "is async and to run in 'thread'"),
        (asyncio.sleep, "process", "is async and to run in 'process'"),
        (lambda n: n, "process", "which can't find <function <lambda>"),
        (partial(hello.greet.function, name="x"), "process", "which can't find functools.partial"),
        (Tools().hint, "process", "which can't find <bound method"),
    ],
)
def test_what_can_not_run_where_it_is_to_is_no_tool(
    function: Callable[..., object], execution: Execution, told: str
) -> None:
    with pytest.raises(InvalidTool, match=told):
        Tool(function, name="t", execution=execution)


def test_a_function_inside_a_function_can_not_run_in_a_process() -> None:
    with pytest.raises(InvalidTool, match="write it with def at the top of a module"):

        @tool(execution="process")
        def inner() -> None: ...


def test_a_function_that_yields_is_no_tool() -> None:
    def plain() -> Iterator[int]:
        yield 1

    async def later() -> AsyncIterator[int]:
        yield 1

    for function in (plain, later):
        with pytest.raises(InvalidTool, match="yields, a tool returns one result"):
            tool(function)


# -- what it is given ---------------------------------------------------------------------


async def test_parameters_are_filled_by_name_from_the_state() -> None:
    def t(a: int, b: int) -> dict[str, object]:
        return {"sum": a + b}

    assert await outcome(t, {"b": 2, "a": 1, "c": 3}) == Outcome(patch={"sum": 3})


async def test_a_parameter_with_a_default_may_be_missing() -> None:
    def t(a: int, b: int = 10) -> dict[str, object]:
        return {"sum": a + b}

    assert await outcome(t, {"a": 1}) == Outcome(patch={"sum": 11})


async def test_the_whole_state_is_a_copy_and_as_it_is_annotated() -> None:
    def t(state: dict[str, object]) -> dict[str, object]:
        items = state["items"]
        assert isinstance(items, list)
        items.append(1)
        state["more"] = 1
        return {"n": len(items)}

    given: dict[str, Json] = {"items": []}
    assert (await outcome(t, given)).patch == {"n": 1}
    assert given == {"items": []}

    def typed(state: Finding) -> dict[str, object]:
        return {"line": state.line, "year": state.seen.year}

    assert (await outcome(typed, {"line": 3, "other": 4})).patch == {"line": 3, "year": 2026}
    error = await error_of(typed, {"line": "x"})
    assert (error.code, error.details["at"]) == ("BAD_INPUT", "state.line")


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

    error = await error_of(t, {"treshold": 1, "a": 2})

    assert error.code == "MISSING_INPUT"
    assert error.message == (
        "tool 't' of node 'n' needs 'threshold', which is not in the state; there is a, treshold"
    )
    assert error.hint == (
        'did you mean \'treshold\'? take it by "inputs": {"threshold": "treshold"}; else '
        "start the run with 'threshold', give it in state.defaults or in the node's args, "
        "or give the parameter a default"
    )
    assert error.details == {"parameter": "threshold", "state": ["a", "treshold"]}
    assert not error.retryable
    assert error.cause == ()


class Colour(enum.Enum):
    """A colour."""

    RED = "red"
    BLUE = "blue"


@pytest.mark.parametrize(
    ("annotation", "values"),
    [
        (bool, [True, False]),
        (None, [None]),
        (Colour, ["blue", "red"]),
        (Literal["a", 1], [1, "a"]),
        (Colour | None, ["blue", "red", None]),
        (str | None, [None]),
        (dict[str, int] | str | None, [None]),
        (str, []),
        (object, []),
        (str | bool, []),
    ],
)
async def test_the_error_lists_what_is_missing_where_its_type_does(
    annotation: object, values: list[object]
) -> None:
    def t(which: object) -> None: ...

    t.__annotations__["which"] = annotation
    error = await error_of(t, {})

    assert error.details.get("values", []) == values


async def test_of_a_large_state_the_error_names_the_first_keys() -> None:
    def t(threshold: int) -> None: ...

    error = await error_of(t, {f"k{n:03}": n for n in range(120)})
    assert error.message.endswith("k018, k019 and 100 more")
    assert len(error.details["state"]) == 100  # type: ignore[arg-type]  # it is a list

    assert (await error_of(t, {})).message.endswith("there is nothing")


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
    error = await error_of(lambda: 42, {})

    assert error.code == "BAD_RESULT"
    assert error.message == (
        "tool 't' of node 'n' returned 42 (int), a mapping of state keys was expected"
    )
    assert error.hint == (
        'return {"key": value}, or say where to write it: {"n": {"tool": "t", "output": "key"}}'
    )
    assert not error.retryable


async def test_a_bare_value_is_shown_shortly_if_it_can_be_shown() -> None:
    assert "returned 'xxxxx" in (await error_of(lambda: "x" * 1000, {})).message
    assert len((await error_of(lambda: "x" * 1000, {})).message) < 200
    assert "returned something (Shy)" in (await error_of(Shy, {})).message


async def test_a_coroutine_from_a_plain_function_is_an_error_that_says_so() -> None:
    async def inner() -> None: ...

    error = await error_of(lambda: inner(), {})  # noqa: PLW0108  # must be plain

    assert error.code == "BAD_RESULT"
    assert "returned a coroutine" in error.message
    assert error.hint == "await it, or make the tool async"


@pytest.mark.parametrize(
    ("returned", "patch"),
    [
        (Finding(1), FINDING),
        (Point(2), {"x": 2}),
        (Review(score=0.5), {"score": 0.5}),
        (Model(), {"mode": "json"}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (
            {"a": Finding(1), "b": Point(2), "c": Model()},
            {"a": FINDING, "b": {"x": 2}, "c": {"mode": "json"}},
        ),
        ({"a": [Finding(1), 3, Point(2)]}, {"a": [FINDING, 3, {"x": 2}]}),
        (Command(update={"a": Point(2)}), {"a": {"x": 2}}),
        ({"a": Overwrite(Point(2))}, {"a": {"x": 2}}),
    ],
    ids=[
        "a dataclass", "a struct", "a TypedDict", "a model", "a mapping", "values",
        "a list of them", "a command", "an overwrite",
    ],
)  # fmt: skip
async def test_what_has_fields_becomes_an_object(
    returned: object, patch: dict[str, object]
) -> None:
    assert (await outcome(lambda: returned, {})).patch == patch


async def test_what_has_fields_can_be_the_bare_value_of_an_output() -> None:
    node = Node("n", "t", output="found")

    assert (await outcome(lambda: Finding(1), {}, node)).patch == {"found": FINDING}
    assert (await outcome(lambda: [Point(1)], {}, node)).patch == {"found": [{"x": 1}]}


async def test_outputs_choose_among_the_fields_of_a_result() -> None:
    node = Node("n", "t", outputs={"where": "line"})

    assert (await outcome(lambda: Finding(1), {}, node)).patch == {"where": 1}


async def test_a_part_that_json_does_not_have_is_named_with_its_cure() -> None:
    error = await error_of(lambda: Holder(1 + 2j), {})

    assert error.code == "BAD_OUTPUT"
    assert error.message == (
        "a value in the Holder that tool 't' returned is a complex, which JSON does not have"
    )
    assert "only null, booleans, numbers" in error.hint
    assert error.retryable


async def test_what_is_inside_of_what_has_fields_is_converted_as_well() -> None:
    inside = {"a": [Finding(1), (Point(1), Model())], "b": 1 + 0j == 1}
    assert (await outcome(lambda: Holder(inside), {})).patch == {
        "part": {"a": [FINDING, [{"x": 1}, {"mode": "json"}]], "b": True}
    }


class Row(msgspec.Struct, array_like=True):
    """A struct that is written as a list."""

    x: int


async def test_what_has_fields_but_no_names_is_no_mapping() -> None:
    assert (await error_of(lambda: Row(1), {})).code == "BAD_RESULT"
    node = Node("n", "t", output="row")
    assert (await outcome(lambda: Row(1), {}, node)).patch == {"row": [1]}


async def test_deep_inside_a_result_nothing_is_converted_and_the_door_says_how_to() -> None:
    patch = (await outcome(lambda: {"a": {"b": [Finding(1)]}}, {})).patch

    with pytest.raises(InvalidValue, match=r"a\.b\[0\] in the patch is a .*Finding") as error:
        admit_patch(patch, limits=Limits())
    assert error.value.hint == "return dataclasses.asdict(it)"


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

    error = await error_of(fail_later if is_async else fail, {})

    assert error.code == "TOOL_FAILED"
    at = error.details["at"]
    assert error.message == f"tool 't' raised ValueError: no luck ({at})"
    assert error.cause == ("ValueError: no luck", "KeyError: 'key'")
    assert re.fullmatch(r"test_tools\.py:\d+ in fail", str(at))
    assert error.retryable


async def test_the_place_of_an_error_is_in_the_authors_own_code() -> None:
    def fail() -> None:
        json.loads("{")

    error = await error_of(fail, {})

    assert re.fullmatch(r"test_tools\.py:\d+ in fail", str(error.details["at"]))
    assert re.fullmatch(r"decoder\.py:\d+ in raw_decode", str(error.details["raised_at"]))


async def test_the_place_of_an_error_of_an_installed_tool_is_in_its_own_file() -> None:
    error = await error_of(textwrap.dedent, {"text": 3})

    assert re.fullmatch(r"textwrap\.py:\d+ in dedent", str(error.details["at"]))


async def test_one_failure_in_a_task_group_is_the_failure() -> None:
    async def refuse() -> None:
        raise ToolError("no", code="NO")

    async def one() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(refuse())

    async def two() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(refuse())
            group.create_task(refuse())

    assert (await error_of(one, {})).code == "NO"
    error = await error_of(two, {})
    assert (error.code, error.cause[1]) == ("TOOL_FAILED", "ToolError: no")


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


class Misnamed(EngineError):
    """An exception whose parts are not what they should be."""

    def __init__(self) -> None:
        super().__init__("text")
        self.hint = 3  # type: ignore[assignment]  # the mistake


async def test_an_exception_that_can_not_be_read_is_named() -> None:
    def fail() -> None:
        raise Misnamed

    error = await error_of(fail, {})
    assert (error.code, error.message) == (
        "TOOL_FAILED", "tool 't' raised Misnamed, which can't be read",
    )  # fmt: skip


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


@pytest.mark.parametrize("goto", [[5], [None], {"a": 1}, 7])
async def test_names_that_are_none_are_a_bad_result(goto: object) -> None:
    def lost() -> Command:
        return Command(goto=goto)  # type: ignore[arg-type]  # what is tested

    assert (await error_of(lost, {})).code == "BAD_RESULT"


@pytest.mark.parametrize("details", [None, [1]])
async def test_details_of_an_error_that_are_no_object_are_left_out(details: object) -> None:
    def fails() -> None:
        error = ToolError("no")
        error.details = details  # type: ignore[assignment]  # what is tested
        raise error

    error = await error_of(fails, {})
    assert (error.code, error.details) == ("TOOL_FAILED", {})
