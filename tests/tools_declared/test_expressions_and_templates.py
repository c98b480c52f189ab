"""What tools of the kinds `expression` and `template` write, and what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tools_declared.declaring import declaring, error_of, problems, written

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from engine import Engine, Json


@pytest.fixture
async def engine() -> AsyncGenerator[Engine, None]:
    """Give an engine in which tools may be declared."""
    async with declaring() as engine:
        yield engine


def expression(schema: Json, **output: str) -> dict[str, Json]:
    """Declare an expression."""
    return {"name": "work-out", "kind": "expression", "input": schema, "output": {**output}}


def template(schema: Json, **output: str) -> dict[str, Json]:
    """Declare a template."""
    return {"name": "write", "kind": "template", "input": schema, "output": {**output}}


# -- expressions --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("size(text)", 5), ('text + "!"', "hello!"), ("text.startsWith('he')", True),
        ("n > 2 ? 'many' : 'few'", "many"), ("double(n) / 2.0", 1.5), ("null", None),
        ("tags", ["a", "b"]), ("{'n': n, 'first': tags[0]}", {"n": 3, "first": "a"}),
        ("state.n", 3), ("tags.exists(t, t == text)", False),
    ],
)  # fmt: skip
async def test_an_expression_is_worked_out_from_the_arguments(
    engine: Engine, text: str, value: Json
) -> None:
    tool = expression(["text", "n", "tags"], it=text)

    assert await written(engine, tool, text="hello", n=3, tags=["a", "b"]) == {"it": value}


async def test_several_keys_are_written_at_once(engine: Engine) -> None:
    tool = expression(["a", "b"], sum="a + b", product="a * b", first="a")

    assert await written(engine, tool, a=2, b=3) == {"sum": 5, "product": 6, "first": 2}


async def test_an_expression_may_ask_whether_an_argument_was_given(engine: Engine) -> None:
    tool = expression({"properties": {"maybe": {}}}, given="has(state.maybe)")

    assert await written(engine, tool) == {"given": False}
    assert await written(engine, tool, maybe=None) == {"given": True}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("n + 1.5", "CONDITION_TYPE"), ("text + n", "CONDITION_TYPE"), ("n / 0", "CONDITION_TYPE"),
        ("maybe + 1", "CONDITION_MISSING_KEY"), ("timestamp(text)", "CONDITION_TYPE"),
        ("many.exists(a, many.exists(b, many.exists(c, a + b + c == -1)))",
         "CONDITION_TOO_EXPENSIVE"),
    ],
)  # fmt: skip
async def test_an_expression_that_fails_is_an_error_of_its_node(
    engine: Engine, text: str, code: str
) -> None:
    schema: Json = {"properties": {"maybe": {}}, "required": ["n", "text", "many"]}
    error = await error_of(
        engine, expression(schema, it=text), n=1, text="x", many=list(range(1_000))
    )

    assert (error.code, error.retryable) == (code, False)
    assert error.message
    assert error.hint


async def test_everything_that_is_wrong_with_expressions_is_said_at_once() -> None:
    tool = expression(["text"], a="size(txt)", b="1 +", c="nope(text)", d="x" * 3000)
    told = await problems({**tool, "template": "x"})

    assert told["UNKNOWN_PARAMETER", "/output/a"] == (
        "there is no parameter 'txt'",
        "did you mean 'text'?",
    )
    assert set(told) == {
        ("UNKNOWN_FIELD", "/template"), ("UNKNOWN_PARAMETER", "/output/a"),
        ("CONDITION_SYNTAX", "/output/b"), ("CONDITION_SYNTAX", "/output/c"),
        ("CONDITION_TOO_EXPENSIVE", "/output/d"),
    }  # fmt: skip


async def test_a_tool_that_writes_nothing_is_none() -> None:
    for made in (expression, template):
        assert set(await problems(made([]))) == {("OUT_OF_RANGE", "/output")}
        assert set(await problems({**made([]), "output": {"a": 1}})) == {
            ("WRONG_TYPE", "/output/a")
        }


async def test_a_declaration_has_a_hundred_expressions_at_most() -> None:
    told = await problems(expression([], **{f"k{n}": "1" for n in range(102)}))

    assert set(told) == {("TOO_MANY_EXPRESSIONS", "/output/k100")}


# -- templates ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Dear {name}, {n}!", "Dear Ada, 3!"), ("{name}{name}", "AdaAda"), ("", ""),
        ("{{name}} {{{name}}} }}{{", "{name} {Ada} }{"), ("{on} {half}", "true 1.5"),
        ("{tags} {who}", '["a",null] {"x":"ü"}'), ("a\n{name}\n", "a\nAda\n"),
        ("{inject}", "{name} {{ {secret.X} ${{x}}"), ("$name %s {name}", "$name %s Ada"),
    ],
)  # fmt: skip
async def test_a_text_is_filled_with_the_arguments(engine: Engine, text: str, made: str) -> None:
    given: dict[str, Json] = {
        "name": "Ada", "n": 3, "on": True, "half": 1.5, "tags": ["a", None], "who": {"x": "ü"},
        "inject": "{name} {{ {secret.X} ${{x}}",
    }  # fmt: skip

    assert await written(engine, template([*given], text=text), **given) == {"text": made}


async def test_a_default_is_written_where_nobody_gives_anything(engine: Engine) -> None:
    tool = template({"properties": {"name": {"default": "you"}}}, text="Dear {name}")

    assert await written(engine, tool) == {"text": "Dear you"}
    assert await written(engine, tool, name="Ada") == {"text": "Dear Ada"}


async def test_null_can_not_be_written(engine: Engine) -> None:
    error = await error_of(engine, template(["a", "b"], text="{a}"), a=None, b=None)

    assert (error.code, error.retryable) == ("BAD_INPUT", False)
    assert await written(engine, template(["a", "b"], text="{a}"), a=1, b=None) == {"text": "1"}


async def test_a_short_template_makes_no_endless_text(engine: Engine) -> None:
    tool = template(["a"], one="{a}" * 300, two="{a}" * 300)

    assert await written(engine, tool, a="x" * 1_000)
    error = await error_of(engine, tool, a="x" * 2_000)
    assert (error.code, error.retryable) == ("TEXT_TOO_LONG", False)


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("{name", "BAD_TEMPLATE", "the '{' at character 1 has no partner"),
        ("name}", "BAD_TEMPLATE", "the '}' at character 5 has no partner"),
        ("{}", "BAD_TEMPLATE", "'{}' at character 1 holds no name"),
        ("{ name }", "BAD_TEMPLATE", "holds no name"),
        ("{name!r}", "BAD_TEMPLATE", "holds no name"),
        ("{name:>10}", "BAD_TEMPLATE", "holds no name"),
        ("{name[0]}", "BAD_TEMPLATE", "holds no name"),
        ("{0}", "BAD_TEMPLATE", "holds no name"),
        ("{naïve}", "BAD_TEMPLATE", "holds no name"),
        ("{name.__class__}", "UNKNOWN_PARAMETER", "there is no parameter 'name.__class__'"),
        ("{nam}", "UNKNOWN_PARAMETER", "there is no parameter 'nam'"),
        ("{secret.KEY}", "UNKNOWN_PARAMETER", "there is no parameter 'secret.KEY'"),
        ("{maybe}", "OPTIONAL_PARAMETER", "'maybe' may be missing"),
    ],
)
async def test_what_is_no_placeholder_is_refused_when_it_is_declared(
    text: str, code: str, says: str
) -> None:
    schema: Json = {"properties": {"maybe": {}}, "required": ["name"]}
    told = await problems(template(schema, text=text))

    assert [*told] == [(code, "/output/text")]
    message, hint = told[code, "/output/text"]
    assert says in message
    assert hint


async def test_every_brace_without_a_partner_is_told() -> None:
    told = await problems(template(["a"], x="{a} } {", y="{a}}"))

    assert set(told) == {("BAD_TEMPLATE", "/output/x"), ("BAD_TEMPLATE", "/output/y")}
