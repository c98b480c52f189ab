"""What the expressions of one call may cost, and that nobody waits for them for long."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine import Expression, ToolError
from engine.errors import NodeError
from tests.tools_declared.declaring import declaring, error_of, written
from tests.tools_declared.site import as_json
from tools.evaluation import MOST, MOST_IN_ALL, TEXT, Evaluation

if TYPE_CHECKING:
    from engine import Engine, Json
    from tests.tools_declared.site import Site

MANY: Json = [0] * 2_000_000


def declared(**output: str) -> dict[str, Json]:
    """Declare a tool that is given `a`."""
    return {"name": "work-out", "kind": "expression", "input": ["a"], "output": {**output}}


def evaluation(*texts: str) -> Evaluation:
    """Make an evaluation, whose keys are the expressions."""
    return Evaluation("t", {text: Expression.compile(text) for text in texts})


async def refusal(facts: dict[str, Json], *texts: str) -> ToolError:
    """Have an evaluation refused."""
    with pytest.raises(ToolError) as caught:
        await evaluation(*texts).of(facts)
    assert (caught.value.code, caught.value.retryable) == ("CONDITION_TOO_EXPENSIVE", False)
    assert caught.value.hint
    return caught.value


async def test_the_size_of_a_large_argument_costs_nothing_however_often_it_is_asked_for() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    texts = [f"size(a){' ' * n}" for n in range(100)]
    made = evaluation(*texts)
    found = await made.of({"a": "x" * 8_000_000})
    assert found == dict.fromkeys(texts, 8_000_000)

    # Nothing is read, so nobody needs a turn in between.
    async with asyncio.TaskGroup() as group:
        counting = group.create_task(count())
        await made.of({"a": MANY})
        assert turns == 0
        counting.cancel()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.rows[1].n", 1), ('a["rows"][0]["n"]', 0), ("size(a.rows)", 2), ("size(a)", 3),
        ("size(a.name)", 3), (" a.name ", "Adä"), ("a.big[1999999]", 0), ("size(a.big)", 2_000_000),
    ],
)  # fmt: skip
async def test_the_way_to_one_part_is_free(text: str, value: Json) -> None:
    rows: Json = [{"n": 0}, {"n": 1}]
    facts: dict[str, Json] = {"a": {"rows": rows, "name": "Adä", "big": MANY}}
    assert await evaluation(text).of(facts) == {text: value}


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("a.rows[0].m", "CONDITION_MISSING_KEY", "a.rows[0] has no key 'm', only n"),
        ("a.rows[2].n", "CONDITION_MISSING_KEY", "a.rows has 2 items"),
        ("a.rows.n", "CONDITION_TYPE", "a.rows is a list of 2 items"),
        ("size(a.rows[1].n)", "CONDITION_TYPE", "a.rows[1].n"),
        ("b.rows", "CONDITION_MISSING_KEY", "'b'"),
    ],
)
async def test_a_way_that_leads_nowhere_says_so_beside_whatever_is_large(
    text: str, code: str, says: str
) -> None:
    rows: Json = [{"n": 0}, {"n": 1}]
    with pytest.raises(NodeError) as caught:
        await evaluation(text).of({"a": {"rows": rows, "big": MANY}})
    assert caught.value.code == code
    assert says in caught.value.message


@pytest.mark.parametrize(
    ("text", "a", "most"),
    [
        ("size([a])", 1, MOST), ("size([a, a, a, a])", 4, MOST), ("state.a == null", 1, MOST),
        ("size([state])", 1, MOST), ("a + a == a", 3, MOST),
    ],
)  # fmt: skip
async def test_one_expression_reads_so_much_each_time_it_mentions_it(
    text: str, a: int, most: int
) -> None:
    fits: Json = [0] * (most // a - 1)
    assert list(await evaluation(text).of({"a": fits})) == [text]

    error = await refusal({"a": [0] * (most // a)}, text)
    assert f"can't work out '{text}': it reads more than 50,000 values" in error.message


async def test_what_is_inside_and_what_is_long_is_counted() -> None:
    for a in ([[0] * 300] * 200, {"x": {str(n): n for n in range(MOST)}}, ["x" * TEXT] * 30_000,
              "x" * TEXT * MOST, {"x" * TEXT * MOST: 1}):  # fmt: skip
        await refusal({"a": a}, "a == null")
    assert await evaluation("a == null").of({"a": "x" * TEXT * (MOST - 1)}) == {"a == null": False}


async def test_all_expressions_of_a_call_read_so_much_together() -> None:
    texts = [f"a == {n}" for n in range(100)]
    each = MOST_IN_ALL // 100 - 1
    assert len(await evaluation(*texts).of({"a": [0] * each})) == 100

    error = await refusal({"a": [0] * (each + 1)}, *texts)
    assert "can't work out 'a == 99': up to it, more than 500,000 values are read" in error.message


async def test_a_timeout_stops_a_call_between_two_expressions() -> None:
    asked: list[str] = []

    class Noted(dict[str, Expression]):
        def items(self) -> object:  # type: ignore[override]  # one after the other
            for key, each in super().items():
                asked.append(key)
                yield key, each

    texts = [f"a == {n}" for n in range(50)]
    noted = Noted({text: Expression.compile(text) for text in texts})
    async with asyncio.TaskGroup() as group:
        task = group.create_task(Evaluation("t", noted).of({"a": [0] * 9_000}))
        await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()
    assert asked == texts[:1]


async def test_a_declared_expression_is_refused_what_is_too_much() -> None:
    async with declaring() as engine:
        assert await written(engine, declared(n="size(a)", a="a"), a=[1]) == {"n": 1, "a": [1]}
        error = await error_of(engine, declared(n="a == null"), a=[0] * MOST)
        assert (error.code, error.retryable) == ("CONDITION_TOO_EXPENSIVE", False)
        assert engine.tools["work-out"].is_async


async def test_what_is_taken_of_a_large_answer_is_limited(engine: Engine, site: Site) -> None:
    site.pages["/"] = as_json({"rows": [0] * MOST})
    ask: dict[str, Json] = {"name": "ask", "kind": "http", "url": site.at("/")}

    assert await written(engine, {**ask, "output": {"n": "size(body.rows)"}}) == {"n": MOST}
    error = await error_of(engine, {**ask, "output": {"n": "size(body.rows) + 1"}})
    assert (error.code, error.retryable) == ("CONDITION_TOO_EXPENSIVE", False)
