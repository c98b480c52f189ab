"""What is wrong with a value by its JSON Schema, and with a schema that is none."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from engine.validator import MAX_PARTS, MAX_PROBLEMS, MAX_WORK, InvalidSchema, Validator

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine import Json


def told(schema: dict[str, Json], value: Json) -> list[tuple[str, str, str]]:
    return [(p.code, p.path, p.message) for p in Validator(schema).problems(value)]


def refused(schema: dict[str, Json]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidSchema) as caught:
        Validator(schema)
    assert {each.code for each in caught.value.problems} == {"BAD_SCHEMA"}
    return [(each.path, each.message) for each in caught.value.problems]


@pytest.mark.parametrize(
    ("schema", "value", "code", "says"),
    [
        ({"type": "integer"}, "x", "WRONG_TYPE", 'expected an integer, got "x"'),
        ({"type": ["string", "null"]}, 1, "WRONG_TYPE", "expected a string or null, got 1"),
        ({"enum": ["a", 1]}, "b", "NOT_ONE_OF", "expected one of 'a' or '1', got \"b\""),
        ({"const": "a"}, "b", "NOT_ONE_OF", 'expected a, got "b"'),
        ({"minimum": 1}, 0, "OUT_OF_RANGE", "expected 1 or more, got 0"),
        ({"maximum": 1}, 2, "OUT_OF_RANGE", "expected 1 or less, got 2"),
        ({"exclusiveMinimum": 1}, 1, "OUT_OF_RANGE", "expected more than 1, got 1"),
        ({"exclusiveMaximum": 1}, 1, "OUT_OF_RANGE", "expected less than 1, got 1"),
        ({"minLength": 1}, "", "OUT_OF_RANGE", 'expected 1 characters or more, got ""'),
        ({"maxLength": 1}, "ab", "OUT_OF_RANGE", 'expected 1 characters or fewer, got "ab"'),
        ({"minItems": 1}, [], "OUT_OF_RANGE", "expected 1 items or more, got an empty list"),
        ({"maxItems": 1}, [1, 2], "OUT_OF_RANGE", "expected 1 items or fewer, got a list"),
        ({"minProperties": 1}, {}, "OUT_OF_RANGE", "1 fields or more, got an empty object"),
        ({"pattern": "^a$"}, "b", "BAD_VALUE", 'expected text that matches ^a$, got "b"'),
        ({"format": "email"}, "b", "BAD_VALUE", 'expected text of the format email, got "b"'),
        ({"multipleOf": 2}, 3, "BAD_VALUE", "3 is not a multiple of 2"),
        ({"not": {}}, "x" * 300, "BAD_VALUE", "is not what its schema says"),
        ({"required": ["a"]}, {}, "MISSING_FIELD", "the field 'a' is missing"),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}]}, [],
            "WRONG_TYPE", "expected a string or an integer, got an empty list",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_plain_words(
    schema: dict[str, Json], value: Json, code: str, says: str
) -> None:
    ((found, _, message),) = told(schema, value)

    assert found == code
    assert says in message


def test_everything_that_is_wrong_is_said_at_once_where_it_stands() -> None:
    schema: dict[str, Json] = {
        "properties": {
            "a/b": {"type": "integer"},
            "list": {"items": {"properties": {"x": {"type": "string"}}}},
            "closed": {"properties": {"name": {}}, "additionalProperties": False},
        },
        "required": ["more"],
    }
    value: Json = {"a/b": "1", "list": [{"x": 1}, {}, {"x": None}], "closed": {"nam": 1}}

    assert {(code, path) for code, path, _ in told(schema, value)} == {
        ("WRONG_TYPE", "/a~1b"),
        ("WRONG_TYPE", "/list/0/x"),
        ("WRONG_TYPE", "/list/2/x"),
        ("UNKNOWN_FIELD", "/closed/nam"),
        ("MISSING_FIELD", "/more"),
    }
    (unknown,) = [p for p in Validator(schema).problems(value) if p.code == "UNKNOWN_FIELD"]
    assert unknown.hint == "did you mean 'name'?"


def test_of_several_ways_the_one_that_was_probably_meant_is_told() -> None:
    schema: dict[str, Json] = {
        "oneOf": [{"type": "string"}, {"properties": {"a": {"type": "integer"}}, "type": "object"}]
    }

    assert told(schema, {"a": "x"}) == [("WRONG_TYPE", "/a", 'expected an integer, got "x"')]


def test_what_fits_has_no_problems() -> None:
    schema: dict[str, Json] = {"$defs": {"n": {"type": "integer"}}, "items": {"$ref": "#/$defs/n"}}

    assert told(schema, [1, 2, 2**70]) == []
    assert told(schema, {}) == []


def test_a_place_in_a_document_is_put_before_the_paths() -> None:
    (found,) = Validator({"items": {"type": "string"}}).problems([1], at=("input", 0))

    assert found.path == "/input/0/0"


def test_at_most_so_many_problems_are_told_and_how_many_more_there_are() -> None:
    found = told({"items": {"type": "string"}}, [1] * 1_000)

    assert len(found) == MAX_PROBLEMS + 1
    assert found[-1] == ("TOO_MANY_PROBLEMS", "", "there are at least 900 more problems")


def test_of_a_large_value_as_much_is_told_as_of_a_small_one() -> None:
    found = told({"items": {"type": "string"}}, ["a", *range(1_000_000)])

    assert [path for _, path, _ in found[:3]] == ["/1", "/2", "/3"]
    assert len(found) == MAX_PROBLEMS + 1
    assert found[-1] == ("TOO_MANY_PROBLEMS", "", "there may be more problems")


SMALL_ITEMS: Json = [{"a": 0} for _ in range(40_000)]


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
@pytest.mark.parametrize("branches", [20, 200])
@pytest.mark.parametrize("text", [SMALL_ITEMS, [0] * 1_900, {"a": ["x" * 300_000]}])
def test_of_a_large_value_no_branch_is_told(keyword: str, branches: int, text: Json) -> None:
    """Each would have a copy of the value: 20 took 4 seconds, and 850 MB."""
    ways: Json = [{"type": "string"}] * branches
    began = time.process_time()

    ((code, path, message),) = told({"properties": {"text": {keyword: ways}}}, {"text": text})
    assert time.process_time() - began < 0.5
    assert (code, path) == ("BAD_VALUE", "/text")
    assert f"the {branches} ways of '{keyword}'" in message


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [{"type": "string"}] * 300, "$ref": "#/anyOf/0"},
        {"anyOf": [{"type": "string"}] * 300, "unevaluatedItems": False},
        {"default": {"oneOf": [{"type": "string"}] * 300}, "$ref": "#/default"},
        {"required": [f"f{n}" for n in range(500)], "type": "array", "items": {"type": "object"},
         "allOf": [{"anyOf": [{"type": "string"}] * 300}]},
        {"$defs": {"const": {"anyOf": [{"type": "string"}] * 300}}, "$ref": "#/$defs/const"},
    ],
)  # fmt: skip
def test_whatever_leads_to_a_branch_a_large_value_is_told_of_at_once(
    schema: dict[str, Json],
) -> None:
    began = time.process_time()

    assert 1 <= len(told(schema, SMALL_ITEMS)) <= 3
    assert time.process_time() - began < 0.5


def test_a_large_value_that_fits_has_no_problems_however_many_ways_there_are() -> None:
    ways: Json = [{"type": "string"}] * 200 + [{"type": "array"}]

    assert told({"anyOf": ways}, SMALL_ITEMS) == []


LARGE: Final[dict[str, Json]] = {
    "name": 1,
    "rows": [{"a": n, "b": "x" if n % 4_000 else n} for n in range(20_000)],
    "tags": ["t"] * 5_000,
    "other": {f"k{n}": n for n in range(5_000)} | {"bad": "x"},
    "more": 1,
}
OF_LARGE: Final[dict[str, Json]] = {
    "$defs": {"row": {"type": "object", "properties": {"a": {}, "b": {"type": "string"}}}},
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "rows": {"type": "array", "items": {"$ref": "#/$defs/row"}, "maxItems": 10},
        "tags": {"allOf": [{"maxItems": 10}], "uniqueItems": True, "prefixItems": [{"const": "u"}]},
        "other": {"additionalProperties": {"type": "integer"}},
    },
    "required": ["name", "missing"],
    "additionalProperties": False,
}


def test_everything_that_is_wrong_with_a_large_value_is_said_where_it_stands() -> None:
    assert set(told(OF_LARGE, LARGE)) == {
        ("WRONG_TYPE", "/name", "expected a string, got 1"),
        *(
            ("WRONG_TYPE", f"/rows/{n}/b", f"expected a string, got {n}")
            for n in range(0, 20_000, 4_000)
        ),
        ("OUT_OF_RANGE", "/rows", "expected 10 items or fewer, got a list"),
        ("OUT_OF_RANGE", "/tags", "expected 10 items or fewer, got a list"),
        ("BAD_VALUE", "/tags", "a list is not what its schema says"),
        ("NOT_ONE_OF", "/tags/0", 'expected u, got "t"'),
        ("WRONG_TYPE", "/other/bad", 'expected an integer, got "x"'),
        ("MISSING_FIELD", "/missing", "the field 'missing' is missing"),
        ("UNKNOWN_FIELD", "/more", "there is no field 'more'"),
    }


FLOATS: Final[Json] = [n / 3 for n in range(300_000)]
COSTLY: Final[list[tuple[dict[str, Json], Json]]] = [
    ({"items": {"type": "string"}}, [*range(1_000_000)]),
    ({"items": {"type": "integer"}}, [*range(1_000_000)]),
    ({"maxItems": 3}, [*range(1_000_000)]),
    ({"type": "string"}, {f"k{n}": {"a": [1]} for n in range(200_000)}),
    ({"required": ["z"]}, {f"k{n}": {"a": [1]} for n in range(200_000)}),
    ({"additionalProperties": False}, {f"k{n}": {"a": [1]} for n in range(200_000)}),
    ({"allOf": [{"uniqueItems": True}] * 100}, FLOATS),
    ({"uniqueItems": True}, FLOATS),
    ({"items": {"multipleOf": 0.1}}, FLOATS),
    ({"items": {"minimum": 0.5}}, FLOATS),
    ({"items": {"format": "idn-hostname"}}, ["éé.example"] * 200_000),
    ({"items": {"format": "email"}}, ["a@example.com"] * 200_000),
    ({"items": {"const": {"a": 1}}}, [{"a": 1}] * 200_000),
    ({"items": {"anyOf": [{"type": "string"}] * 900}}, [*range(100_000)]),
    ({"items": {"allOf": [{"type": "integer"}] * 900}}, [*range(100_000)]),
    ({"items": {"pattern": "^[\\w-]+$"}}, ["abc"] * 400_000),
    ({"pattern": "[ab]*a[ab]{30}c"}, "ab" * 2_000_000),
    (OF_LARGE | {"properties": {"rows": {"items": {"$ref": "#/$defs/row"}}}}, LARGE),
]


@pytest.mark.parametrize(("schema", "value"), COSTLY, ids=[str(each)[:60] for each, _ in COSTLY])
def test_no_value_holds_up_the_loop_for_long(schema: dict[str, Json], value: Json) -> None:
    validator = Validator(schema)

    assert least_time(lambda: validator.problems(value)) < 0.25  # 50 ms, of a machine with others


def least_time(act: Callable[[], object]) -> float:
    """Give the seconds of the CPU that something takes, of three times the least."""
    found: list[float] = []
    for _ in range(3):
        began = time.process_time()
        act()
        found.append(time.process_time() - began)
    return min(found)


def test_a_value_that_takes_too_long_to_be_held_against_its_schema_is_refused() -> None:
    schema: dict[str, Json] = {"allOf": [{"uniqueItems": True}] * 900}
    (found,) = Validator(schema).problems([{"a": n} for n in range(40_000)])

    assert (found.code, found.path) == ("BAD_VALUE", "")
    assert found.message == "the value is too large to be held against its schema"
    assert found.hint.startswith(f"up to {MAX_WORK // 36_000} items")


def test_what_is_said_once_of_a_value_may_be_as_much_as_you_like() -> None:
    ((code, _, message),) = told({"anyOf": [{"type": "string"}] * 900}, SMALL_ITEMS)

    assert (code, message) == ("BAD_VALUE", "a list fits none of the 900 ways of 'anyOf'")


# -- schemas ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"type": "strin"}, "/type"), ({"properties": {"a": 3}}, "/properties/a"),
        ({"minLength": -1}, "/minLength"), ({"required": "a"}, "/required"),
        ({"pattern": "("}, "/pattern"), ({"pattern": "(a)\\1"}, "/pattern"),
        ({"items": {"pattern": "(?=a)"}}, "/items/pattern"), ({"$ref": "#/$defs/none"}, ""),
    ],
)  # fmt: skip
def test_what_is_no_schema_is_refused_where_it_is_wrong(schema: dict[str, Json], path: str) -> None:
    assert [where for where, _ in refused(schema)] == [path]


@pytest.mark.parametrize(
    "reference",
    [
        "http://127.0.0.1:1/x", "https://json-schema.org/draft/2020-12/schema", "file:///etc/passwd",
        "other.json", "#anchor", "//host/x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef"])
def test_nothing_is_fetched(keyword: str, reference: str) -> None:
    ((path, message),) = refused({"items": {keyword: reference}})

    assert path == f"/items/{keyword}"
    assert "nothing is fetched" in message


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"}, {"items": {"$ref": "#"}}, {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"$defs": {"a": {"items": {"$ref": "#/%24defs/a"}}}, "$ref": "#/$defs/a"},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}},
         "properties": {"x": {"$ref": "#/$defs/a"}}},
    ],
)  # fmt: skip
def test_a_schema_does_not_contain_itself(schema: dict[str, Json]) -> None:
    assert "the schema contains itself" in {message for _, message in refused(schema)}


def doubling(depth: int, keyword: str) -> dict[str, Json]:
    definitions: dict[str, Json] = {
        f"d{n}": {keyword: [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]}
        for n in range(depth)
    }
    return {"$defs": {**definitions, f"d{depth}": {"type": "integer"}}, "$ref": "#/$defs/d0"}


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf", "prefixItems"])
def test_a_schema_does_not_grow_beyond_measure(keyword: str) -> None:
    began = time.process_time()

    ((_, message),) = refused(doubling(30, keyword))
    assert f"{MAX_PARTS:,} parts" in message
    assert time.process_time() - began < 1
    Validator(doubling(7, keyword))


def test_a_schema_is_not_too_deep() -> None:
    deep: dict[str, Json] = {}
    for _ in range(300):
        deep = {"items": deep}

    assert refused(deep) == [("", "Recursion limit reached")]


def test_references_lead_to_whatever_place() -> None:
    schema: dict[str, Json] = {
        "allOf": [{"properties": {"a": {"type": "integer"}}}],
        "properties": {"b": {"$ref": "#/allOf/0/properties/a"}, "c": {"$ref": "#/allOf/0"}},
    }

    assert [path for _, path, _ in told(schema, {"b": "x", "c": {"a": "x"}})] == ["/b", "/c/a"]


def test_what_is_near_an_unknown_name_is_known_in_a_branch_as_well() -> None:
    closed: Json = {"properties": {"name": {}}, "additionalProperties": False}
    (found,) = Validator({"allOf": [{"properties": {"x": closed}}]}).problems({"x": {"nmae": 1}})

    assert (found.path, found.hint) == ("/x/nmae", "did you mean 'name'?")


def test_references_do_not_lead_on_and_on() -> None:
    definitions: dict[str, Json] = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(500)}

    found = refused({"$defs": {**definitions, "d500": {}}, "$ref": "#/$defs/d0"})
    assert "references lead to each other" in found[0][1]


def test_a_schema_has_no_other_names_inside() -> None:
    """Or references would mean something else to the library than to whoever counts them."""
    schema: dict[str, Json] = {
        "items": {"$id": "http://x/", "$ref": "#/$defs/a"},
        "$defs": {"a": {}},
    }

    assert ("/items/$id", "'$id' is not supported inside a schema") in refused(schema)


def test_a_pattern_is_matched_in_linear_time() -> None:
    began = time.process_time()

    assert told({"pattern": "^(a+)+$"}, "a" * 100_000 + "!")
    assert time.process_time() - began < 1
