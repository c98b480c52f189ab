"""What is said about conditions that are none, and those that can't be answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from engine.condition import Condition
from engine.condition.program import compiled
from engine.condition.reads import reads
from engine.condition.tree import written
from engine.errors import ConditionFailed
from tests.spec.questions import FACTS, failure, refusal

if TYPE_CHECKING:
    from engine.ids import Json

SYNTAX: Final[list[tuple[str, int, str, str]]] = [
    ("score <", 8, "ends too early", "missing at the end"),
    ("score < limit and done", 15, "`and` is unexpected", "`&&`"),
    ("not done", 5, "`done` is unexpected", "`!x`"),
    ("score = 1", 7, "`=` is no part", "`==`"),
    ("score is none", 7, "`is` is unexpected", "`==`"),
    ("done == True", 9, "no `True` in CEL", "write `true`"),
    ("(score < 1", 11, "`)` is missing", "bracket"),
    ("name == 'x", 9, "not closed", "write '"),
    ("1 + 'a' == 'b'", 3, "`+` can't take an integer and a string", "string(x)"),
    ("1 + 1.0 > 1.0", 3, "`+` can't take an integer and a float", "write 1.0, or double(x)"),
    ("len(items) > 1", 4, "no function `len`", "size(x)"),
    ("name.startswith('x')", 16, "no function `startswith`", "did you mean `startsWith`?"),
    ("items.map(i, i) == items", 10, "no function `map`", "let a node"),
    ("items.filter(i, i > 1) == items", 13, "no function `filter`", "let a node"),
    ("max(1, 2) > 1", 4, "no function `max`", "let a node"),
    ("exists(items, i, i > 1)", 7, "`exists` is not used like this", "list.exists("),
    (r"name == 'a\qb'", 9, "unknown escape", "backslash"),
    ("done ? 'x' : 1", 6, "`?:` can't take", "dyn(x)"),
    ("has(score)", 5, "asks for a field", "has(state.x)"),
    ("type == 'bug'", 1, "`type` is a type", 'state["type"]'),
    ("int > 1", 1, "`int` is a type", 'state["int"]'),
    ("type != kind", 1, "`type` is a type", 'state["type"]'),
    ("for > 1", 1, "`for` is a reserved word", 'state["for"]'),
    ("größe > 1", 3, "`ö` is no part", "ASCII"),
    ("`my-key` > 1", 1, "unexpected", 'state["my-key"]'),
    ("name.matches('(')", 6, "regular expression", "mend"),
    ("timestamp(name).getHours('Europe/Rome') > 1", 17, "time zone", "offset"),
    ("", 1, "ends too early", "missing"),
]


@pytest.mark.parametrize(("text", "column", "problem", "cure"), SYNTAX)
def test_what_is_no_expression_is_refused_with_the_place_and_the_cure(
    text: str, column: int, problem: str, cure: str
) -> None:
    error = refusal(text)

    assert error.code == "CONDITION_SYNTAX"
    assert problem in error.message
    assert cure in error.hint
    assert error.message.endswith(f"  {text}\n  {' ' * (column - 1)}^")
    assert error.details == {"expression": text, "line": 1, "column": column}


def test_a_float_is_no_key() -> None:
    error = refusal("{2.5: 1}")

    assert error.code == "CONDITION_SYNTAX"
    assert "a float can't be the key of an object" in error.message


def test_the_caret_stands_in_the_line_that_is_wrong() -> None:
    assert refusal("score < limit\n\t&& done >").message.endswith("\n  \t&& done >\n  \t         ^")


def test_a_text_that_is_no_unicode_is_refused_as_well() -> None:
    assert refusal("name == '\ud800'").code == "CONDITION_SYNTAX"


@pytest.mark.parametrize(
    ("text", "kind"),
    [("size(items)", "an integer"), ("'yes'", "a string"), ("[1]", "a list"), ("null", "null")],
)
def test_what_can_never_be_true_or_false_is_refused_when_the_graph_is_created(
    text: str, kind: str
) -> None:
    error = refusal(text)

    assert error.code == "CONDITION_NOT_BOOL"
    assert kind in error.message


@pytest.mark.parametrize(
    "text",
    [
        "x" * 2_001,
        "(" * 40 + "done" + ")" * 40,
        " + ".join(["score"] * 40) + " > 1.0",
        r"name.matches('\\pL{200}')",
    ],
)
def test_texts_too_long_or_too_deep_or_too_costly_are_refused(text: str) -> None:
    assert refusal(text).code == "CONDITION_TOO_EXPENSIVE"


MISSING: Final[list[tuple[str, str, str, str]]] = [
    (
        "scor < limit",
        "scor",
        "the state has no key 'scor', only bad, done, ",
        "did you mean 'score'?",
    ),
    ("zzz > 1", "zzz", "the state has no key 'zzz'", "state.defaults"),
    ("state.zzz > 1", "zzz", "the state has no key 'zzz', only bad, done, ", "state.defaults"),
    ("state['a b'] > 1", "a b", "the state has no key 'a b'", '"a b" in state'),
    ("my-key > 1", "my", "the state has no key 'my'", 'state["my-key"]'),
    ("review.scor > 1", "scor", "review has no key 'scor', only by, score, tags", "review.score"),
    ("review.by.age > 1", "age", "review.by has no key 'age', only name", "has(review.by.age)"),
    ("review['a b'] == 1", "a b", "review has no key 'a b'", '"a b" in review'),
    ("has(review.zzz.x)", "zzz", "review has no key 'zzz'", "has(review.zzz)"),
    ("items[7] == 1", "7", "items has 3 items (the first is items[0]), but no items[7]", "size("),
    ("files.exists(f, f.size > 1)", "size", "f has no key 'size'", "has(f.size)"),
    ("files.all(f, f.lines > zzz)", "zzz", "(f is files[0])", "state.defaults"),
    ("done ? zzz > 1 : done", "zzz", "no key 'zzz'", "state.defaults"),
    ("done && zzz", "zzz", "no key 'zzz'", "state.defaults"),
]


@pytest.mark.parametrize(("text", "key", "problem", "cure"), MISSING)
def test_a_missing_key_is_named_with_the_object_that_lacks_it_and_the_keys_there_are(
    text: str, key: str, problem: str, cure: str
) -> None:
    error = failure(text)

    assert error.code == "CONDITION_MISSING_KEY"
    assert problem in error.message
    assert cure in error.hint
    assert error.details["expression"] == text
    assert error.details["key"] == key


def test_a_fact_that_is_not_known_yet_is_missing_too() -> None:
    with pytest.raises(ConditionFailed, match="no key 'arrived', only total") as caught:
        Condition.compile("arrived > 1", facts=FACTS).holds({"total": 2, "else": 3})
    assert caught.value.code == "CONDITION_MISSING_KEY"


def test_a_failure_far_down_a_list_is_reported_without_its_place() -> None:
    # Each item is looked at again to find it, which ends after 2,000.
    error = failure("items.exists(i, i > 5)", {"items": [1] * 5_000 + ["x"]})

    assert error.code == "CONDITION_TYPE"
    assert "does not fit the state" in error.message


def test_values_and_keys_of_any_length_are_cut_in_messages() -> None:
    state: dict[str, Json] = {"long": "x" * 100_000, "m": {"y" * 5_000: 1}, "": 0}

    for text in ("m[long + long] == 1", "state[long] == 1", "long > 1", "m[0] == 1", "zzz"):
        error = failure(text, state)
        assert len(str(error)) + len(repr(error.details)) < 600


@pytest.mark.parametrize(
    "text",
    [
        "{1: 2}[dyn('x')] == 1",
        "{1: 2, 'a': 3, true: 4}.b == 1",
        "{1: 2, 'a': 3}.exists(k, k + 1 > 5)",
        "[{1: 2}, {'a': 3}][0].a == 3",
    ],
)
def test_objects_that_are_no_json_on_the_way_fail_like_any_other(text: str) -> None:
    assert failure(text).code in {"CONDITION_MISSING_KEY", "CONDITION_TYPE"}


def test_of_many_keys_twenty_are_listed() -> None:
    error = failure("zzz > 1", {f"key{n:03}": n for n in range(100)})

    assert error.details["keys"] == [f"key{n:03}" for n in range(20)]
    assert "key019, ...:" in error.message


MISFITS: Final[list[tuple[str, str, str]]] = [
    ("limit + score > 1", "limit is the integer 8 and score is the float 6.5", "double(x)"),
    ("score + 1 > 1", "score is the float 6.5", "write 1.0"),
    ("name > 1", 'name is the string "café 😀"', "int(text)"),
    ("none > 1", "none is null", "x != null"),
    ("limit.x > 1", "limit is the integer 8, which has no field 'x'", "only an object"),
    ("name.size > 1", "which has no field 'size'", "size(name)"),
    ("none.x > 1", "none is null, which has no field 'x'", "none != null"),
    ("limit / 0 > 1", "limit is the integer 8 (division by zero)", "divisor"),
    ("most + 1 > 1", "(the result is beyond 64 bits)", "double(x)"),
    ("int(name) > 1", "(the text can't be converted)", "mend the text"),
    ("name.matches(bad)", "no regular expression", "mend the text"),
    ("limit && done", "limit is the integer 8, true or false was expected", "x != 0"),
    ("limit ? done : done", "limit is the integer 8, true or false was expected", "x != 0"),
    ("!items", "items is a list of 3 items, true or false was expected", "size(x) > 0"),
    ("limit.exists(x, x > 1)", "limit is the integer 8, a list was expected", "lists"),
    ("items.length > 1", "items is a list of 3 items, which has no field 'length'", "size(items)"),
    ("items['x'] > 1", 'items is a list of 3 items, which has no item "x"', "integer"),
    ("limit in name", "can't be worked out", "text.contains(x)"),
    ("size(limit) > 1", "limit is the integer 8", "size() takes"),
    ("items.all(i, i + score > 0)", "i is the integer 1 and score is the float 6.5", "double(x)"),
    (
        "review.exists(k, review[k] > 9)",
        'review[k] is an object with the keys name (k is "by")',
        "",
    ),
]


@pytest.mark.parametrize(("text", "problem", "cure"), MISFITS)
def test_a_value_that_does_not_fit_is_shown_with_its_type_and_the_cure(
    text: str, problem: str, cure: str
) -> None:
    error = failure(text)

    assert error.code == "CONDITION_TYPE"
    assert problem in error.message
    assert cure in error.hint
    assert error.message.endswith(text)
    assert error.details["expression"] == text


@pytest.mark.parametrize("text", ["limit", "name", "none", "items", "review", "[done, none][1]"])
def test_an_answer_that_is_neither_true_nor_false_is_a_failure(text: str) -> None:
    error = failure(text)

    assert error.code == "CONDITION_NOT_BOOL"
    assert "true or false was expected" in error.message


@pytest.mark.parametrize(
    "text",
    [
        "a + b * c - -d / 2 % 3 > 1",
        "!(a || b) && c != null",
        "[a, 'x', b'y'].exists(i, i in {'k': a, 'l': [1]})",
        "files.all(f, has(f.name) && f.name.matches('a[.]b'))",
        "l.exists_one(x, x[0]['a'].b == (c ? 1 : 2))",
        "size(a.b) == int('3') && .a == state.b",
    ],
)
def test_a_part_of_an_expression_is_shown_as_it_could_have_been_written(text: str) -> None:
    tree = compiled(text, None).tree
    again = compiled(written(tree), None).tree

    assert written(again) == written(tree)
    assert reads(again) == reads(tree)
