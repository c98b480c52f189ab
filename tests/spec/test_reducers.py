"""How the writes of one key become one value: the table of `docs/semantics.md`, 4.6."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import pytest

from engine.errors import NodeError
from engine.reducer import MISSING, REDUCERS, Reducer
from engine.value import MAX_INTEGER, MIN_INTEGER, canonical

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.ids import Json

NOTHING: Final = "nothing"


def folded(reducer: Reducer, begin: Json | object, *items: Json, own: bool = False) -> Json:
    """Fold writes over a value that was set, or over nothing."""
    acc = MISSING if begin is NOTHING else reducer.start(begin)  # type: ignore[arg-type]
    owned = False
    for item in items:
        acc = reducer.add(acc, item, own=owned)
        owned = own
    return reducer.value(acc)


TABLE: Final[list[tuple[str, Json, list[Json], Json]]] = [
    # name, begins with, writes, value
    ("append", NOTHING, [1], [1]),
    ("append", NOTHING, [1, [2], None, "a"], [1, [2], None, "a"]),
    ("append", [0], [1, 1], [0, 1, 1]),
    ("append", [], [[1, 2]], [[1, 2]]),
    ("extend", NOTHING, [[1, 2]], [1, 2]),
    ("extend", [0], [[1], [], [2, [3]]], [0, 1, 2, [3]]),
    ("merge", NOTHING, [{"a": 1}], {"a": 1}),
    ("merge", {"a": 1, "b": 1}, [{"b": 2}, {"c": 3}], {"a": 1, "b": 2, "c": 3}),
    ("merge", {"a": {"x": 1}}, [{"a": {"y": 2}}], {"a": {"y": 2}}),
    ("sum", NOTHING, [2], 2),
    ("sum", 1, [2, 3], 6),
    ("sum", 1, [0.5], 1.5),
    ("sum", 1.5, [1], 2.5),
    ("sum", NOTHING, [1.0, 1], 2.0),
    ("sum", 0, [0.1] * 10, 1.0),
    ("sum", 0, [1e16, 1, -1e16], 1.0),
    ("sum", 0, [1e308, -1e308, 5e-324], 5e-324),
    ("sum", 2**60, [2**60, 0.5], 2.0**61),
    ("sum", MAX_INTEGER - 1, [1], MAX_INTEGER),
    ("min", NOTHING, [3, 1, 2], 1),
    ("min", 2, [3], 2),
    ("min", 2, [1.5], 1.5),
    ("min", "b", ["a", "c"], "a"),
    ("min", 1, [1.0], 1),
    ("max", NOTHING, [3, 1, 2], 3),
    ("max", 2**53, [2.0**53 + 2], 2.0**53 + 2),
    ("max", "b", ["ab"], "b"),
    ("max", 1.0, [1], 1.0),
    ("union", NOTHING, [[1, 2, 1]], [1, 2]),
    ("union", [1, 1], [[1, 2], [3, 2]], [1, 1, 2, 3]),
    ("union", [1], [[1.0, True, "1"]], [1, 1.0, True, "1"]),
    ("union", [], [[{"a": 1, "b": 2}, {"b": 2, "a": 1}]], [{"a": 1, "b": 2}]),
    ("first", NOTHING, [1, 2], 1),
    ("first", None, [1], None),
    ("last", NOTHING, [1, 2], 2),
    ("last", 1, [None], None),
]


@pytest.mark.parametrize(("name", "begin", "items", "value"), TABLE)
@pytest.mark.parametrize("own", [False, True])
def test_each_write_is_folded_by_the_reducer_of_its_key(
    name: str, begin: Json, items: list[Json], value: Json, *, own: bool
) -> None:
    assert canonical(folded(REDUCERS[name], begin, *items, own=own)) == canonical(value)


@pytest.mark.parametrize(("name", "begin", "items"), [row[:3] for row in TABLE])
def test_neither_what_was_set_nor_what_was_written_is_ever_changed(
    name: str, begin: Json, items: list[Json]
) -> None:
    before = canonical([begin, items])
    folded(REDUCERS[name], begin, *items, own=True)

    assert canonical([begin, items]) == before


def test_there_are_exactly_the_reducers_of_the_table() -> None:
    assert set(REDUCERS) == {name for name, *_ in TABLE}
    assert all(REDUCERS[name].name == name for name in REDUCERS)


BAD: Final[list[tuple[str, Json, Json, str]]] = [
    # name, begins with, written, what the message says
    ("append", 5, 1, "the reducer 'append' adds to a list, the key holds the number 5"),
    ("append", None, 1, "the key holds null"),
    ("extend", [], 1, "the reducer 'extend' takes a list, the number 1 was written"),
    ("extend", NOTHING, "ab", "the string 'ab' was written"),
    ("extend", {"a": 1}, [1], "the key holds an object of 1"),
    ("union", NOTHING, {"a": 1}, "an object of 1 was written"),
    ("union", "ab", [1], "the key holds the string 'ab'"),
    ("merge", NOTHING, [1], "the reducer 'merge' takes an object, a list of 1 was written"),
    ("merge", [], {}, "the key holds a list of 0"),
    ("sum", NOTHING, "1", "the reducer 'sum' takes a number, the string '1' was written"),
    ("sum", 1, True, "the boolean True was written"),
    ("sum", 1, None, "null was written"),
    ("sum", "1", 1, "the reducer 'sum' adds to a number, the key holds the string '1'"),
    ("sum", True, 1, "the key holds the boolean True"),
    ("sum", MAX_INTEGER, 1, "9223372036854775807 + 1 is beyond 64 bits"),
    ("sum", MIN_INTEGER, -1, "is beyond 64 bits"),
    ("sum", 1.7e308, 1.7e308, "1.7e+308 + 1.7e+308 is beyond the largest float"),
    ("min", NOTHING, True, "takes a number or a string, the boolean True was written"),
    ("min", 1, "a", "the reducer 'min' takes a number, the string 'a' was written"),
    ("max", "a", 1, "the reducer 'max' takes a string, the number 1 was written"),
    ("max", [], 1, "adds to a number or a string, the key holds a list of 0"),
]


@pytest.mark.parametrize(("name", "begin", "item", "words"), BAD)
def test_a_value_of_the_wrong_type_is_refused_with_what_was_expected_and_what_came(
    name: str, begin: Json, item: Json, words: str
) -> None:
    with pytest.raises(NodeError) as caught:
        folded(REDUCERS[name], begin, item)

    assert caught.value.code == "REDUCER_FAILED"
    assert words in caught.value.message
    assert caught.value.hint
    assert caught.value.details["reducer"] == name


@pytest.mark.parametrize(("name", "begin", "item", "words"), BAD)
def test_a_write_can_be_checked_before_it_is_folded(
    name: str, begin: Json, item: Json, words: str
) -> None:
    with pytest.raises(NodeError) as caught:
        REDUCERS[name].check(MISSING if begin is NOTHING else begin, item)

    assert caught.value.code == "REDUCER_FAILED"
    assert words.split(",", maxsplit=1)[0].split(" of ", maxsplit=1)[0] in caught.value.message


@pytest.mark.parametrize(("name", "begin", "items"), [row[:3] for row in TABLE])
def test_what_can_be_folded_passes_the_check(name: str, begin: Json, items: list[Json]) -> None:
    before = canonical([begin, items])

    REDUCERS[name].check(MISSING if begin is NOTHING else begin, items[0])

    assert canonical([begin, items]) == before


def test_an_owned_list_grows_in_place_and_any_other_is_copied() -> None:
    append = REDUCERS["append"]
    given: Json = [1]

    first = append.add(append.start(given), 2, own=False)
    second = append.add(first, 3, own=True)

    assert first is second
    assert second == [1, 2, 3]
    assert given == [1]


def test_a_refused_write_leaves_the_accumulator_as_it_was() -> None:
    total = REDUCERS["sum"].add(0.5, 1.0, own=True)
    with pytest.raises(NodeError):
        REDUCERS["sum"].add(total, "x", own=True)

    assert REDUCERS["sum"].value(total) == 1.5


def test_a_sum_of_floats_is_the_same_in_every_order() -> None:
    numbers: list[Json] = [0.1, 0.2, 0.3, 1e16, -1e16, 7, 1e-300]

    sums = {folded(REDUCERS["sum"], NOTHING, *order) for order in itertools.permutations(numbers)}

    assert sums == {7.6}


def test_a_sum_shows_on_the_way_what_it_is_so_far() -> None:
    total = REDUCERS["sum"]
    acc: object = MISSING
    shown = []
    for item in (1, 2, 0.5, 1):
        acc = total.add(acc, item, own=True)
        shown.append(total.value(acc))

    assert shown == [1, 3, 3.5, 4.5]
    assert "1 + " not in repr(shown)


def test_an_embedder_makes_a_reducer_from_a_function() -> None:
    longest = Reducer.of("longest", lambda now, new: max(now, new, key=lambda x: len(str(x))))

    assert longest.name == "longest"
    assert folded(longest, NOTHING, "a", "abc", "ab") == "abc"
    assert folded(longest, "abcd", "abc") == "abcd"


def test_a_function_may_change_its_arguments_since_they_are_copies() -> None:
    def added(now: Json, new: Json) -> Json:
        assert isinstance(now, list)
        now.append(new)
        return now

    given: Json = [1]

    assert folded(Reducer.of("added", added), given, 2, 3, own=True) == [1, 2, 3]
    assert given == [1]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda _now, _new: {1, 2}, "the result of the reducer 'mine' is a set"),
        (lambda _now, _new: [float("nan")], "[0] in the result of the reducer 'mine' is nan"),
        (lambda now, new: now["x"] + new, "the reducer 'mine' raised TypeError"),
    ],
)
def test_a_function_that_fails_or_gives_no_json_is_a_failed_reducer(
    function: Callable[[Json, Json], object], words: str
) -> None:
    with pytest.raises(NodeError) as caught:
        folded(Reducer.of("mine", function), 1, 2)

    assert caught.value.code == "REDUCER_FAILED"
    assert words in caught.value.message
    assert caught.value.__cause__ is not None


def test_missing_is_not_null() -> None:
    assert repr(MISSING) == "MISSING"
    assert REDUCERS["first"].add(None, 1, own=False) is None
    assert REDUCERS["first"].add(MISSING, 1, own=False) == 1


def test_folding_many_writes_takes_time_in_proportion_to_their_number() -> None:
    acc: object = MISSING
    for item in range(100_000):
        acc = REDUCERS["append"].add(acc, item, own=True)

    assert acc == [*range(100_000)]
