"""What every declaration says, and everything that may be wrong with it."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from engine import DeclaredTool, Engine, InvalidDeclaration, InvalidTool, installed_tool_kinds
from engine.declaration import kind as of_kinds
from tests.tools_declared.declaring import EXPRESSION, declaring, error_of, problems, written

if TYPE_CHECKING:
    from engine import Declaration, Json, Problems

ROOT = Path(__file__).parents[2]


# -- its name, its kind -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "weather.forecast", "A-1_b", "x" * 100])
async def test_a_name_is_plain(name: str) -> None:
    async with declaring() as engine:
        registered = await engine.tools.register({**EXPRESSION, "name": name})

        assert (registered.tool.name, engine.tools[name]) == (name, registered.tool)


@pytest.mark.parametrize("name", ["", "1a", ".a", "a b", "a/b", "ä", "x" * 101, "a\n", "-"])
async def test_what_is_not_plain_is_no_name(name: str) -> None:
    assert set(await problems({**EXPRESSION, "name": name})) == {("BAD_NAME", "/name")}


async def test_a_kind_that_does_not_exist_is_told_with_the_others() -> None:
    told = await problems({"kind": "htp", "input": 3})

    assert told == {
        ("UNKNOWN_KIND", "/kind"): ("there is no kind 'htp'", "did you mean 'http'?"),
        ("MISSING_FIELD", "/name"): ("the field 'name' is missing", ""),
        ("WRONG_TYPE", "/input"): ("expected an object or a list, got 3", ""),
    }


async def test_without_kinds_nothing_can_be_declared() -> None:
    async with Engine() as engine:
        with pytest.raises(InvalidDeclaration, match="no kinds of tools are installed") as caught:
            await engine.tools.register(EXPRESSION)
    assert "installed_tool_kinds()" in caught.value.problems[0].hint


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({}, {("MISSING_FIELD", "/name"), ("MISSING_FIELD", "/kind")}),
        ({"name": 1, "kind": []}, {("WRONG_TYPE", "/name"), ("WRONG_TYPE", "/kind")}),
        ({**EXPRESSION, "description": 1}, {("WRONG_TYPE", "/description")}),
        ({**EXPRESSION, "description": "x" * 2001}, {("OUT_OF_RANGE", "/description")}),
        ({**EXPRESSION, "input": "text"}, {("WRONG_TYPE", "/input")}),
        ({**EXPRESSION, "descripton": ""}, {("UNKNOWN_FIELD", "/descripton")}),
        ({**EXPRESSION, "a/b": 1}, {("UNKNOWN_FIELD", "/a~1b")}),
        ({**EXPRESSION, "output": {"a": float("nan")}}, {("BAD_VALUE", "")}),
        ({**EXPRESSION, "output": {"a": "x" * 65_536}}, {("BAD_VALUE", "")}),
        ({**EXPRESSION, "output": {"a": {1, 2}}}, {("BAD_VALUE", "")}),
    ],
)
async def test_what_is_wrong_is_said_where_it_stands(
    document: dict[str, Json], found: set[tuple[str, str]]
) -> None:
    assert set(await problems(document)) == found


async def test_the_message_lists_all_of_it() -> None:
    async with declaring() as engine:
        with pytest.raises(InvalidDeclaration) as caught:
            await engine.tools.register({"name": "a", "kind": "template", "otput": {}})

    assert caught.value.code == "INVALID_DECLARATION"
    assert str(caught.value).splitlines() == [
        "the declaration has 2 problems:",
        "  /otput: there is no field 'otput' (did you mean 'output'?)",
        "  /output: the field 'output' is missing",
    ]


async def test_a_name_that_a_python_tool_has_is_taken() -> None:
    def count() -> None:
        """Count."""

    async with Engine(tools=[count]) as engine:
        with pytest.raises(InvalidDeclaration) as caught:
            await engine.tools.register({**EXPRESSION, "output": 3})
    assert {each.code for each in caught.value.problems} == {"UNKNOWN_KIND", "TOOL_NAME_TAKEN"}


# -- its arguments ------------------------------------------------------------------------


async def test_a_list_of_names_are_arguments_of_any_type() -> None:
    async with declaring() as engine:
        tool = (await engine.tools.register({**EXPRESSION, "input": ["text", "from"]})).tool

        assert (tool.required, tool.optional) == (("text", "from"), ())
        assert tool.input_schema == {
            "type": "object",
            "properties": {"text": {}, "from": {}},
            "required": ["text", "from"],
        }
        assert await written(engine, EXPRESSION, text=[1, 2]) == {"length": 2}


async def test_a_schema_says_which_arguments_there_are_and_what_they_may_be() -> None:
    schema: Json = {
        "properties": {
            "text": {"type": "string", "maxLength": 5},
            "n": {"type": "integer", "default": 3},
            "note": {"type": "string"},
            "deep": {"properties": {"a": {"type": "integer"}}},
        },
        "required": ["text"],
    }
    output: Json = {"all": "text + string(n)"}
    async with declaring() as engine:
        declared = {**EXPRESSION, "input": schema, "output": output}
        tool = (await engine.tools.register(declared)).tool
        assert (tool.required, tool.optional) == (("text",), ("n", "note", "deep"))
        assert tool.input_schema == {"type": "object", **schema}
        assert tool.output_schema == {
            "type": "object",
            "properties": {"all": {}},
            "required": ["all"],
        }
        assert await written(engine, declared, text="x") == {"all": "x3"}
        assert await written(engine, declared, text="x", n=4) == {"all": "x4"}

        error = await error_of(engine, declared, text="abcdef", n="x", note=1, deep={"a": "b"})
        assert (error.code, error.retryable) == ("BAD_INPUT", False)
        assert error.details == {
            "problems": [
                {"at": "/text", "message": 'expected 5 characters or fewer, got "abcdef"'},
                {"at": "/n", "message": 'expected an integer, got "x"'},
                {"at": "/note", "message": "expected a string, got 1"},
                {"at": "/deep/a", "message": 'expected an integer, got "b"'},
            ]
        }
        for said in ("text: expected 5", "n: expected an integer", "deep/a: expected"):
            assert said in error.message


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        ({"properties": {"a": {"type": "strin"}}}, {("BAD_SCHEMA", "/input/properties/a/type")}),
        ({"properties": []}, {("BAD_SCHEMA", "/input/properties")}),
        ({"required": "text"}, {("BAD_SCHEMA", "/input/required")}),
        ({"type": "string"}, {("BAD_SCHEMA", "/input/type")}),
        ({"properties": {"a": {"$ref": "#/x"}}}, {("BAD_SCHEMA", "/input")}),
        ({"required": ["a-b"]}, {("BAD_NAME", "/input/properties/a-b")}),
        ({"required": ["state"]}, {("BAD_NAME", "/input/properties/state")}),
        (["a", 1], {("WRONG_TYPE", "/input/1")}),
        (["a", "a"], {("BAD_SCHEMA", "/input")}),
        ([f"a{n}" for n in range(101)], {("OUT_OF_RANGE", "/input")}),
        (
            {"properties": {"a": {"type": "string", "default": 1}, "b": {"default": 1}}},
            {("BAD_DEFAULT", "/input/properties/a/default")},
        ),
    ],
)
async def test_a_schema_that_is_none_is_refused(schema: Json, found: set[tuple[str, str]]) -> None:
    declared = {**EXPRESSION, "input": schema, "output": {"a": "1"}}

    assert set(await problems(declared)) == found


@pytest.mark.parametrize(
    "declared",
    [
        EXPRESSION,
        {"name": "a", "kind": "template", "output": {"a": "{text}"}},
        {"name": "a", "kind": "http", "url": "https://example.com/{text}"},
    ],
)
async def test_of_arguments_that_can_not_be_read_no_name_is_unknown(
    declared: dict[str, Json],
) -> None:
    told = await problems({**declared, "input": {"properties": {"text": 3}}})

    assert set(told) == {("BAD_SCHEMA", "/input/properties/text")}


async def test_a_struct_may_be_stricter_than_its_schema_can_say() -> None:
    async with Engine(tool_kinds=[Picky()]) as engine:
        with pytest.raises(InvalidDeclaration, match="it must be odd") as caught:
            await engine.tools.register({"name": "a", "kind": "picky", "n": 2})
        assert [each.code for each in caught.value.problems] == ["BAD_VALUE"]
        assert (await engine.tools.register({"name": "a", "kind": "picky", "n": 3})).new


# -- kinds --------------------------------------------------------------------------------


class Nothing(msgspec.Struct):
    """Fields of a kind that says nothing."""


class Strange:
    """A kind of somebody else, of which the engine knows nothing."""

    name = "strange"
    fields = Nothing

    def make(self, declaration: Declaration, _: Nothing, problems: Problems) -> DeclaredTool:
        """Make a tool that does nothing, unless it is called badly."""
        if declaration.name == "bad":
            problems.add("BAD", ("name",), "it is bad", "call it well")
        return DeclaredTool(declaration, lambda _, __: {}, writes=())


class Odd(msgspec.Struct):
    """Fields that say more than a schema can."""

    n: int

    def __post_init__(self) -> None:
        """See that it is odd."""
        if self.n % 2 == 0:
            message = "it must be odd"
            raise ValueError(message)


class Picky:
    """A kind that is picky."""

    name = "picky"
    fields = Odd

    def make(self, declaration: Declaration, _: Odd, __: Problems) -> DeclaredTool:
        """Make a tool that does nothing."""
        return DeclaredTool(declaration, lambda _, __: {}, writes=())


async def test_a_kind_of_somebody_else_is_as_good_as_any() -> None:
    async with Engine(tool_kinds=[Strange()]) as engine:
        await engine.tools.register({"name": "good", "kind": "strange"})
        with pytest.raises(InvalidDeclaration, match="call it well"):
            await engine.tools.register({"name": "bad", "kind": "strange"})

        assert await engine.run({"nodes": ["good"]}) == {}


def test_two_kinds_of_one_name_and_what_is_no_kind_are_refused() -> None:
    with pytest.raises(InvalidTool, match="two kinds of tools are named 'strange'"):
        Engine(tool_kinds=[Strange(), Strange()])
    with pytest.raises(InvalidTool, match="expected a kind of tools"):
        Engine(tool_kinds=["http"])  # type: ignore[list-item]  # that is what is tested


def test_installed_kinds_are_made_of_their_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = project["entry-points"][of_kinds.GROUP]
    points = [EntryPoint(name, value, of_kinds.GROUP) for name, value in declared.items()]
    monkeypatch.setattr(of_kinds, "entry_points", lambda group: points if group else [])

    assert [kind.name for kind in installed_tool_kinds()] == ["expression", "http", "template"]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("tools.nowhere:Kind", "ModuleNotFoundError"),
        ("tools.expression:Nothing", "AttributeError"),
        ("builtins:dict", "expected a kind of tools"),
    ],
)
def test_an_entry_point_that_gives_no_kind_is_named(
    value: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = [EntryPoint("mine", value, of_kinds.GROUP)]
    monkeypatch.setattr(of_kinds, "entry_points", lambda group: points if group else [])

    with pytest.raises(InvalidTool, match=says) as caught:
        installed_tool_kinds()
    assert f"mine = {value}" in caught.value.message
