"""A parameter is declared once: what describes it reads it, and nothing else can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator
from starlette.requests import HTTPConnection

from api.openapi import OPERATIONS
from api.parameter import Given, Parameter, number, once, text, whole, words
from api.problem import BadRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT = number("limit", 1, "At most so many.", most=10).or_else(5)
AT = number("at", -1, "Where.")
NAME = text("name", "Who.")
COLOUR = words("colour", ("red", "blue"), "Which.")
NEEDED = number("needed", 0, "How many.").needed()
PLACE = once("Place", whole(0), "Where.", place="header")

ALL = (LIMIT, AT, NAME, COLOUR, PLACE)


def given(
    query: str, *headers: tuple[str, str], declared: Sequence[Parameter[object]] = ALL
) -> Given:
    """Read what a request gives."""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "query_string": query.encode(), "headers": raw}
    return Given(HTTPConnection(scope), declared)


def told(
    query: str, *headers: tuple[str, str], declared: Sequence[Parameter[object]] = ALL
) -> list[tuple[str, str]]:
    """Read what a request gives, and say which problems there are with it, and where."""
    with pytest.raises(BadRequest) as raised:
        given(query, *headers, declared=declared)
    assert (raised.value.code, raised.value.status) == ("INVALID_QUERY", 422)
    return [(each.code, each.path) for each in raised.value.problems]


def test_what_is_given_is_read_as_what_it_is_declared() -> None:
    found = given("limit=10&at=-1&name=&colour=blue&colour=red&colour=blue", ("Place", "7"))

    assert [found[each] for each in ALL] == [10, -1, "", ("blue", "red"), 7]


def test_what_is_left_out_is_its_default_or_nothing() -> None:
    found = given("")

    assert [found[each] for each in ALL] == [5, None, None, (), None]


def test_what_is_not_declared_can_not_be_read() -> None:
    found = given("limit=1", declared=(LIMIT,))

    with pytest.raises(KeyError):
        found[AT]


def test_what_is_declared_is_checked_though_nobody_reads_it() -> None:
    assert told("limit=11&at=x") == [("OUT_OF_RANGE", "?limit"), ("OUT_OF_RANGE", "?at")]


def test_a_header_that_is_empty_is_none() -> None:
    assert given("", ("Place", ""))[PLACE] is None


def test_a_header_is_no_parameter_of_the_query() -> None:
    assert told("Place=1") == [("UNKNOWN_FIELD", "?Place")]


def test_what_comes_twice_and_may_not_is_refused() -> None:
    twice = told("limit=1&limit=2", ("Place", "1"), ("Place", "2"))

    assert twice == [("WRONG_TYPE", "?limit"), ("WRONG_TYPE", "Place")]


def test_what_is_needed_is_missed() -> None:
    assert told("", declared=(NEEDED,)) == [("MISSING_FIELD", "?needed")]
    assert given("needed=0", declared=(NEEDED,))[NEEDED] == 0


def test_where_nothing_is_declared_nothing_is_let_in() -> None:
    assert told("limit=1", declared=()) == [("UNKNOWN_FIELD", "?limit")]


@pytest.mark.parametrize(
    "parameter",
    dict.fromkeys(each for operation in OPERATIONS for each in operation.parameters),
    ids=lambda each: each.name,
)
def test_a_default_is_what_the_description_says_and_allows(parameter: Parameter[object]) -> None:
    Draft202012Validator.check_schema(dict(parameter.schema))
    left_out = parameter.read((), lambda *_: None)

    if "default" in parameter.schema:
        assert left_out == parameter.schema["default"]
        Draft202012Validator(dict(parameter.schema)).validate(left_out)
    else:
        assert not left_out


@pytest.mark.parametrize("value", [-2, -1, 0, 1, 9, 10, 11])
@pytest.mark.parametrize("parameter", [LIMIT, AT], ids=lambda each: each.name)
def test_a_number_is_read_if_the_description_allows_it(
    parameter: Parameter[int | None], value: int
) -> None:
    wrong: list[str] = []
    found = parameter.read((str(value),), lambda code, _: wrong.append(code))

    if Draft202012Validator(dict(parameter.schema)).is_valid(value):
        assert (found, wrong) == (value, [])
    else:
        assert wrong == ["OUT_OF_RANGE"]
