"""What conditions and expressions mean."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from engine.condition import Condition, Expression
from engine.condition.program import compiled
from engine.errors import ConditionFailed, InvalidCondition
from tests.spec.questions import FACTS, STATE, failure, holds, refusal

if TYPE_CHECKING:
    from engine.ids import Json

ROOT: Final = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("score < limit && fixable > 0", True),
        ("score < limit - 2 || fixable > 3", False),
        ("limit == 8.0", True),
        ("limit == '8'", None),
        ("fixable in [1, 2, 3]", True),
        ("'a' in review.tags", True),
        ("'by' in review", True),
        ("review.by.name == 'ann'", True),
        ("review['by']['name'] == 'ann'", True),
        ("size(name) == 6", True),
        ("name == 'café 😀'", True),
        ("name.startsWith('caf') && name.contains('é')", True),
        ("none == null", True),
        ("done", True),
        ("!done", False),
        ("done ? limit > 1 : missing", True),
        ("items == [1, 2, 3] && items + [4] == [1, 2, 3, 4]", True),
        ("review.tags == ['a', 'b'] && review.by == {'name': 'ann'}", True),
        ("most == 9223372036854775807 && least == -9223372036854775808", True),
        ("files.exists(f, f.lines > 500)", True),
        ("files.all(f, f.lines > 500)", False),
        ("files.exists_one(f, f.name == 'a.py')", True),
        ("review.exists(key, key == 'score')", True),
        ("state['my-key'] == 1", True),
        ("state.type == 'bug' && state['for'] == 2", True),
        ("has(state.score) && !has(state.nothing)", True),
        ("has(review.score) && !has(review.nothing)", True),
        ("'score' in state && size(state) > 5", True),
        ("type(limit) == int && type(score) in [int, double]", True),
        ("-7 / 2 == -3 && -7 % 2 == -1", True),
        ("items.exists(score, score == 2)", True),
        ("items.exists(state, state == 2)", True),
        ("items.exists(score, .score == 6.5)", True),
    ],
)
def test_a_condition_is_cel_over_the_keys_of_the_state(text: str, *, answer: bool | None) -> None:
    if answer is None:
        assert holds(text) is False
    else:
        assert holds(text) is answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("false && missing", False),
        ("missing && false", False),
        ("true || missing", True),
        ("missing || true", True),
        ("limit < 0 && missing > 1", False),
        ("missing.deep.down > 1 || done", True),
        ("items.exists(i, i == 3 || i > missing)", True),
        ("[missing, 1].exists(i, i == 1)", None),
    ],
)
def test_and_and_or_forgive_a_side_that_fails_if_the_other_one_decides(
    text: str, *, answer: bool | None
) -> None:
    if answer is None:
        assert failure(text).code == "CONDITION_MISSING_KEY"
    else:
        assert holds(text) is answer


@pytest.mark.parametrize(
    ("text", "names", "whole"),
    [
        ("score < limit", {"score", "limit"}, False),
        ("review.score > 1", {"review"}, False),
        ("items.exists(i, i > limit)", {"items", "limit"}, False),
        ("items.exists(items, items > 1)", {"items"}, False),
        ("state.score > 1 && has(state.limit) && state['my-key'] == 1", None, False),
        ("state[name] == 1", {"name"}, True),
        ("size(state) > 1", set(), True),
        ("items.exists(state, state > 1)", {"items"}, False),
        ("items.exists(i, i > state.limit)", {"items", "limit"}, False),
        ("type(score) == double", {"score"}, False),
        ("1 < 2", set(), False),
    ],
)
def test_a_condition_knows_which_keys_it_reads(
    text: str, names: set[str] | None, *, whole: bool
) -> None:
    condition = Condition.compile(text)

    assert condition.names == ({"score", "limit", "my-key"} if names is None else names)
    assert condition.whole is whole


class OnlyThese(dict[str, "Json"]):
    """A state that notices who looks at more than he named."""

    def keys(self) -> object:  # type: ignore[override]  # nobody may get that far
        raise AssertionError("the whole state was read")

    __iter__ = items = values = keys  # type: ignore[assignment]  # as above


def test_only_the_named_keys_of_a_state_are_read() -> None:
    state = OnlyThese({"a": 1, "b": {"c": 2}, "rest": [0] * 1_000})

    assert holds("a < b.c && state.a == 1 && state['b'].c == 2 && !has(state.x)", state)


def test_where_there_are_facts_there_is_nothing_else() -> None:
    condition = Condition.compile("arrived * 2 > total", facts=FACTS)

    assert condition.names == {"arrived", "total"}
    assert condition.holds({"arrived": 2, "total": 3, "messages": []})
    for text, name in [("arived > 1", "arived"), ("state.x", "state"), ("score > 1", "score")]:
        error = refusal(text, facts=FACTS)
        assert error.code == "CONDITION_MISSING_KEY"
        assert error.details["key"] == name
        assert error.details["keys"] == ["arrived", "messages", "total"]
    assert refusal("arived > 1", facts=FACTS).hint == "did you mean `arrived`?"


def test_a_condition_may_be_a_python_function_which_can_not_be_sent() -> None:
    def is_good(state: dict[str, Json]) -> bool:
        return state["score"] == 6.5

    condition = Condition.of(is_good)

    assert condition.holds(STATE)
    assert not condition.portable
    assert condition.whole
    assert condition.text.endswith("is_good()")
    assert Condition.compile("done").portable


def test_a_function_that_changes_the_state_it_is_given_changes_nothing() -> None:
    def careless(state: dict[str, Json]) -> bool:
        items = state.pop("items")
        assert isinstance(items, list)
        items.clear()
        return True

    state: dict[str, Json] = {"items": [1, 2]}

    assert Condition.of(careless).holds(state)
    assert state == {"items": [1, 2]}


def test_a_function_that_raises_or_gives_no_truth_value_is_a_failed_condition() -> None:
    def broken(state: dict[str, Json]) -> bool:
        return bool(state["missing"])

    with pytest.raises(ConditionFailed, match=r"broken\(\) raised KeyError: 'missing'") as caught:
        Condition.of(broken).holds(STATE)
    assert caught.value.code == "CONDITION_FAILED"

    with pytest.raises(ConditionFailed, match=r"gave 3 of type int") as caught:
        Condition.of(lambda state: state["fixable"]).holds(STATE)
    assert caught.value.code == "CONDITION_NOT_BOOL"


def test_a_coroutine_function_is_refused_since_nobody_would_wait_for_it() -> None:
    async def later(_: dict[str, Json]) -> bool:
        return True

    with pytest.raises(InvalidCondition, match="coroutine function"):
        Condition.of(later)


def test_a_condition_is_made_by_its_class_methods() -> None:
    with pytest.raises(TypeError, match=r"Condition\.compile or Condition\.of"):
        Condition("done", frozenset(), whole=False).holds(STATE)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("limit", 8),
        ("state['my-key']", 1),
        ("state.review", STATE["review"]),
        ("limit + 1", 9),
        ("score * 2.0", 13.0),
        ("review.by", {"name": "ann"}),
        ("items + [4]", [1, 2, 3, 4]),
        ("done ? 'yes' : 'no'", "yes"),
        ("[none, {'a': none}]", [None, {"a": None}]),
        ("{'n': size(name), 'first': files[0].name}", {"n": 6, "first": "a.py"}),
        ("state", STATE),
        ("string(timestamp(0))", "1970-01-01T00:00:00Z"),
    ],
)
def test_an_expression_gives_any_json_value(text: str, value: Json) -> None:
    assert Expression.compile(text).value(STATE) == value


@pytest.mark.parametrize("text", ["review", "state.review", "[review][0]"])
def test_the_value_of_an_expression_is_nobody_elses(text: str) -> None:
    state: dict[str, Json] = {"review": {"tags": ["a"]}}
    value = Expression.compile(text).value(state)
    assert isinstance(value, dict)

    value["tags"] = "changed"

    assert state == {"review": {"tags": ["a"]}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("timestamp(0)", "a timestamp"),
        ("duration('1s')", "a duration"),
        ("b'abc'", "bytes"),
        ("{1: 2}", "a key of type int"),
        ("score / 0.0", "inf"),
        ("type(score)", "JSON does not have"),
    ],
)
def test_a_result_that_is_no_json_fails(text: str, problem: str) -> None:
    with pytest.raises(ConditionFailed, match=problem) as caught:
        Expression.compile(text).value(STATE)
    assert caught.value.code == "CONDITION_TYPE"


def test_an_expression_fails_as_a_condition_does() -> None:
    for text, code in [("zzz", "CONDITION_MISSING_KEY"), ("name + 1", "CONDITION_TYPE")]:
        with pytest.raises(ConditionFailed) as caught:
            Expression.compile(text).value(STATE)
        assert caught.value.code == code


def test_equal_texts_share_one_program() -> None:
    assert compiled("score < limit", None) is compiled("score < limit", None)
    assert Condition.compile("score < limit") == Condition.compile("score < limit")


def examples() -> list[tuple[str, str]]:
    """Give the fenced blocks of the page about conditions."""
    text = (ROOT / "docs" / "conditions.md").read_text()
    return re.findall(r"^```(\w+)\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)


def test_every_example_of_the_page_about_conditions_is_true() -> None:
    (first, text), *blocks = examples()
    assert first == "json"
    state = json.loads(text)

    following = [*blocks[1:], ("", "")]
    for (language, text), (next_language, said) in zip(blocks, following, strict=True):
        if language == "text":
            continue
        assert language == "cel"
        if next_language == "text":
            with pytest.raises((InvalidCondition, ConditionFailed)) as caught:
                Condition.compile(text).holds(state)
            assert str(caught.value) == said
        else:
            assert Condition.compile(text).holds(state), text
