"""How two states differ, key by key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.difference import Difference, difference
from engine.ids import Seq
from tests.spec.story import Story, workflow

if TYPE_CHECKING:
    from engine.ids import Json

A: dict[str, Json] = {"gone": [1], "kept": {"x": [1, 2]}, "new value": 1}
B: dict[str, Json] = {"added": {"y": None}, "kept": {"x": [1, 2]}, "new value": [1]}


def between(a: dict[str, Json], b: dict[str, Json]) -> Difference:
    return difference(a, b, before=Seq(3), after=Seq(7))


def test_a_difference_has_what_was_added_removed_and_changed_and_where_the_states_are_from() -> (
    None
):
    assert between(A, B) == Difference(
        before=Seq(3),
        after=Seq(7),
        added={"added": {"y": None}},
        removed={"gone": [1]},
        changed={"new value": (1, [1])},
    )


def test_backwards_it_is_the_other_way_round() -> None:
    there, back = between(A, B), between(B, A)

    assert (there.added, there.removed) == (back.removed, back.added)
    assert back.changed == {"new value": ([1], 1)}


def test_states_that_are_the_same_have_no_difference() -> None:
    assert between(A, {**A}) == between({}, {})
    assert not between(A, {**A})
    assert between(A, B)


@pytest.mark.parametrize(
    ("a", "b"),
    [(1, 1.0), (1, True), (0, False), ([1], [1.0]), ([{"x": 1}], [{"x": True}])],
)  # fmt: skip
def test_values_are_the_same_if_they_are_written_the_same(a: Json, b: Json) -> None:
    assert between({"k": a}, {"k": b}).changed == {"k": (a, b)}
    assert not between({"k": a}, {"k": a})


def test_the_order_of_keys_does_not_matter_and_that_of_items_does() -> None:
    assert not between({"x": 1, "y": {"a": 1, "b": 2}}, {"y": {"b": 2, "a": 1}, "x": 1})
    assert between({"x": [1, 2]}, {"x": [2, 1]})


def test_a_key_whose_value_is_null_is_there() -> None:
    assert between({}, {"x": None}).added == {"x": None}
    assert between({"x": None}, {}).removed == {"x": None}


def test_keys_come_in_alphabetical_order() -> None:
    state: dict[str, Json] = dict.fromkeys("cab")

    assert [*between({}, state).added] == [*between(state, {}).removed] == ["a", "b", "c"]
    assert [*between(state, dict.fromkeys("bca", 1)).changed] == ["a", "b", "c"]


def test_what_a_difference_holds_is_a_copy() -> None:
    story = Story(workflow({"a": "b"}), {"x": [1]}).completes("a", x=[1, 2], y={"z": []})
    found = between({"x": [1], "w": [0]}, story.state)
    seen = found.added["y"], found.changed["x"][1]
    assert seen == ({"z": []}, [1, 2])

    for each in seen:
        each.clear()  # type: ignore[union-attr]  # a dict and a list
    assert story.state == {"x": [1, 2], "y": {"z": []}}
