"""What the annotations of a tool are good for: values are checked by them, schemas made of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import make_dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec
import pytest

from engine import Command, Context, Overwrite, Tool, tool
from engine.condition import Expression
from engine.graph import Node
from tests.host.calling import Finding, Page, Pair, Point, Review, Shy, error_of, outcome

if TYPE_CHECKING:
    from engine import Json

T = TypeVar("T")

# -- values -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotation", "given", "taken"),
    [
        (int, 3, 3),
        (float, 3, 3.0),
        (str | None, None, None),
        (str | None, "a", "a"),
        (list, [1, "a"], [1, "a"]),
        (list[int], [1, 2], [1, 2]),
        (dict[str, object], {"a": [1]}, {"a": [1]}),
        (Finding, {"line": 1}, Finding(1)),
        (list[Finding], [{"line": 1}], [Finding(1)]),
        (Point, {"x": 1}, Point(1)),
        (Review, {"score": 1}, {"score": 1.0}),
        (Literal["a", "b"], "a", "a"),
        (datetime, "2026-01-02T00:00:00Z", datetime(2026, 1, 2, tzinfo=UTC)),
        (set[int], [1, 2, 2], {1, 2}),
        (tuple[int, str], [1, "a"], (1, "a")),
        (Pair, [1, 2], Pair(1, 2)),
        (Shy, 3, 3),
        (Shy | int, "as it is", "as it is"),
        (Iterable[int], [1], [1]),
        (T, [1], [1]),
        (msgspec.Raw, [1], [1]),
        ("Finding", {"line": 1}, Finding(1)),
        ("NobodyKnows", {"line": 1}, {"line": 1}),
        ("list[NobodyKnows]", [{"line": 1}], [{"line": 1}]),
        ("nobody.knows", 1, 1),
    ],
    ids=str,
)
async def test_a_value_becomes_what_its_parameter_is_annotated_with(
    annotation: object, given: Json, taken: object
) -> None:
    seen: list[object] = []

    def t(value: object) -> None:
        seen.append(value)

    t.__annotations__["value"] = annotation
    assert (await outcome(t, {"value": given})).error is None
    assert seen == [taken]
    assert type(seen[0]) is type(taken)


@pytest.mark.parametrize(
    ("annotation", "given", "told", "at"),
    [
        (int, "3", "take \"3\" as its parameter 'value', which is int: expected `int`", "value"),
        (int, True, "got `bool`", "value"),
        (str, None, "can't take null", "value"),
        (list[int], [1, "a"], "expected `int`, got `str` at value[1]", "value[1]"),
        (dict[str, object], [], "expected `object`, got `array`", "value"),
        (Finding, {}, "which is Finding: object missing required field `line`", "value"),
        (list[Finding], [{"line": "x"}], "which is list[Finding]: expected", "value[0].line"),
        (Literal["a", "b"], "c", "invalid enum value 'c'", "value"),
        (int | None, "x" * 200, 'can\'t take "' + 59 * "x" + "…", "value"),
    ],
    ids=str,
)  # fmt: skip
async def test_a_value_of_another_type_is_an_error_that_says_who_is_to_mend_what(
    annotation: object, given: Json, told: str, at: str
) -> None:
    def t(value: object) -> None: ...

    t.__annotations__["value"] = annotation
    error = await error_of(t, {"value": given})

    assert error.code == "BAD_INPUT"
    assert error.message.startswith("tool 't' of node 'n' can't take ")
    assert told in error.message
    assert error.hint == "mend what writes 'value' to the state, or the annotation in the tool"
    assert error.details["parameter"] == "value"
    assert error.details["at"] == at
    assert not error.retryable


async def test_a_value_of_another_type_is_to_be_mended_where_it_comes_from() -> None:
    def t(value: int) -> None: ...

    by_args = await error_of(t, {}, Node("n", "t", args={"value": "x"}))
    by_inputs = await error_of(
        t, {"a": "x"}, Node("n", "t", inputs={"value": Expression.compile("a + a")})
    )
    assert by_args.hint.startswith("mend args.value of the node,")
    assert by_inputs.hint.startswith("mend inputs.value of the node, which is 'a + a',")


@pytest.mark.parametrize("annotation", ["unannotated", object, dict, list[object], Finding])
async def test_whatever_its_annotation_what_a_tool_gets_is_its_own(annotation: object) -> None:
    def t(value: object) -> None:
        for part in (value, getattr(value, "parts", None)):
            if isinstance(part, list):
                part.append(1)
            if isinstance(part, dict):
                part.clear()

    if annotation == "unannotated":
        del t.__annotations__["value"]
    else:
        t.__annotations__["value"] = annotation
    given: dict[str, Json] = {"value": [[1]] if annotation == list[object] else {"line": 1}}
    before = json.dumps(given)
    assert (await outcome(t, given)).error is None
    assert json.dumps(given) == before


async def test_models_of_pydantic_are_taken_and_given() -> None:
    pydantic = pytest.importorskip("pydantic")
    score = pydantic.create_model("Score", value=(int, ...), why=(str, ""))
    seen: list[object] = []

    def t(score: object, scores: object) -> dict[str, object]:
        seen.extend([score, scores])
        return {"score": score, "scores": scores}

    t.__annotations__.update(score=score, scores=list[score])
    given: dict[str, Json] = {"score": {"value": 1}, "scores": [{"value": 2}]}

    assert (await outcome(t, given)).patch == {
        "score": {"value": 1, "why": ""},
        "scores": [{"value": 2, "why": ""}],
    }
    assert seen == [score(value=1), [score(value=2)]]

    error = await error_of(t, {"score": {"value": 1}, "scores": [{"value": "x"}]})
    assert error.code == "BAD_INPUT"
    assert "value: Input should be a valid integer" in error.message
    assert error.message.endswith("at scores[0]")


async def test_what_came_in_without_its_defaults_goes_out_with_them() -> None:
    @tool(execution="inline")
    def t(pages: list[Page]) -> dict[str, object]:
        return {"first": pages[0], "all": pages}

    page = {"url": "a", "title": ""}
    assert (await outcome(t, {"pages": [{"url": "a"}]})).patch == {"first": page, "all": [page]}


async def test_a_type_may_have_rules_of_its_own() -> None:
    class Even(msgspec.Struct):
        n: int

        def __post_init__(self) -> None:
            if self.n % 2:
                message = "it is odd"
                raise ValueError(message)

    def t(value: object) -> None: ...

    t.__annotations__["value"] = Even
    assert (await outcome(t, {"value": {"n": 2}})).error is None
    assert (await error_of(t, {"value": {"n": 3}})).message.endswith("which is Even: it is odd")


# -- schemas ------------------------------------------------------------------------------


def test_a_tool_describes_its_arguments() -> None:
    @tool
    async def review(  # noqa: PLR0913, PLR0917  # one of each kind
        code: str,
        findings: list[Finding],
        ctx: Context,
        limit: int = 10,
        mode: Literal["quick", "deep"] = "quick",
        since: datetime = datetime(2026, 1, 2, tzinfo=UTC),
        anything: object = Shy,
        *,
        shy: Shy | int,
    ) -> None:
        """Review some code.

        More about it.
        """

    assert review.input_schema == {
        "type": "object",
        "description": "Review some code.",
        "properties": {
            "code": {"type": "string"},
            "findings": {"type": "array", "items": {"$ref": "#/$defs/Finding"}},
            "limit": {"type": "integer", "default": 10},
            "mode": {"enum": ["deep", "quick"], "default": "quick"},
            "since": {"type": "string", "default": "2026-01-02T00:00:00Z"},
            "anything": {},
            "shy": {},
        },
        "required": ["code", "findings", "shy"],
        "$defs": {
            "Finding": {
                "title": "Finding",
                "description": "What was found, and when.",
                "type": "object",
                "properties": {
                    "line": {"type": "integer"},
                    "seen": {"type": "string", "default": "2026-01-02T00:00:00Z"},
                },
                "required": ["line"],
            }
        },
    }
    assert review.input_schema is review.input_schema


def test_a_tool_without_parameters_takes_an_empty_object() -> None:
    assert tool(lambda_named).input_schema == {"type": "object", "properties": {}}


def lambda_named() -> None: ...


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        ("nothing", {}),
        (None, {"type": "null"}),
        (dict[str, object], {"type": "object"}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (list[object], {"type": "array"}),
        (Command, {}),
        (dict[str, object] | Command, {}),
        (dict[str, Overwrite], {}),
        (Shy, {}),
        (Finding | Point, {}),
        ("Nobody.Knows", {}),
        ("dict[str, Json]", {"type": "object"}),
        (
            Point,
            {
                "$ref": "#/$defs/Point",
                "$defs": {
                    "Point": {
                        "title": "Point",
                        "description": "A point.",
                        "type": "object",
                        "properties": {"x": {"type": "integer"}},
                        "required": ["x"],
                    }
                },
            },
        ),
    ],
    ids=str,
)
def test_a_tool_describes_its_result(annotation: object, schema: dict[str, object]) -> None:
    def t() -> None: ...

    if annotation == "nothing":
        del t.__annotations__["return"]
    else:
        t.__annotations__["return"] = annotation
    assert Tool(t).output_schema == schema


def test_models_of_pydantic_describe_themselves() -> None:
    pydantic = pytest.importorskip("pydantic")
    inner = pydantic.create_model("Inner", n=(int, ...))
    outer = pydantic.create_model("Outer", inner=(inner, ...))

    def t(one: object, many: object) -> None: ...

    t.__annotations__.update(one=outer, many=list[inner])
    schema = Tool(t).input_schema
    described = {
        "title": "Inner",
        "type": "object",
        "properties": {"n": {"title": "N", "type": "integer"}},
        "required": ["n"],
    }
    assert schema["$defs"] == {"Inner": described}
    assert schema["properties"] == {
        "one": {
            "title": "Outer",
            "type": "object",
            "properties": {"inner": {"$ref": "#/$defs/Inner"}},
            "required": ["inner"],
        },
        "many": {"type": "array", "items": described},
    }


def test_two_classes_of_one_name_are_told_apart() -> None:
    def made(kind: type) -> type:
        return make_dataclass("Same", [("value", kind)])

    def t(one: object, two: object) -> None: ...

    one, two = made(int), made(str)
    two.__module__ = "elsewhere"
    t.__annotations__.update(one=one, two=two)
    schema = Tool(t).input_schema
    properties = schema["properties"]
    assert isinstance(properties, dict)
    assert properties["one"] != properties["two"]
    assert len(schema["$defs"]) == 2  # type: ignore[arg-type]  # it is an object


async def test_what_a_schema_allows_a_parameter_takes() -> None:
    validator = pytest.importorskip("jsonschema")

    @tool
    def t(finding: Finding, review: Review, pair: Pair | None = None) -> None: ...

    good: dict[str, Json] = {"finding": {"line": 1}, "review": {"score": 1.5}}
    bad: dict[str, Json] = {"finding": {"line": "x"}, "review": {"score": 1.5}}
    validator.validate(good, t.input_schema)
    assert (await outcome(t, good)).error is None
    with pytest.raises(validator.ValidationError):
        validator.validate(bad, t.input_schema)
    assert (await error_of(t, bad)).code == "BAD_INPUT"
