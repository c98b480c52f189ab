"""What may be in a state, and what is said to whoever brings something else."""

from __future__ import annotations

import enum
import fractions
import uuid
from collections import Counter, OrderedDict, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import pytest

from engine.errors import InvalidValue
from engine.value import MAX_INTEGER, MIN_INTEGER, admit, admit_patch, canonical, same

if TYPE_CHECKING:
    from engine.ids import Json


class Level(enum.IntEnum):
    """An integer that is more than one."""

    LOW = 1


class Colour(str, enum.Enum):  # noqa: UP042  # the old way to write it is what people have
    """A string that is more than one."""

    RED = "red"


class Plain(enum.Enum):
    """No JSON at all."""

    ONE = 1


class Word(str):
    """A subclass that lies about itself."""

    __slots__ = ()

    def __str__(self) -> str:
        """Give something else."""
        return "another"


class Point(NamedTuple):
    """A tuple with names."""

    x: int
    y: int


@dataclass
class Box:
    """A dataclass."""

    size: int


class Struct(msgspec.Struct):
    """A msgspec struct."""

    size: int


class Model:
    """What a pydantic model looks like from outside."""

    def model_dump(self) -> dict[str, object]:
        """Never called."""
        raise AssertionError


class Array:
    """What a numpy array looks like from outside."""

    def tolist(self) -> list[object]:
        """Never called."""
        raise AssertionError


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, -1, MAX_INTEGER, MIN_INTEGER, 0.5, 1e308, 5e-324, "", "text",
        "é 😀 \x01 \x7f \u2028", [], [[]], {}, {"": {"a b": [None]}}, [1, 1.0, True, "1"],
    ],
)  # fmt: skip
def test_json_is_admitted_as_it_is(value: Json) -> None:
    admitted = admit(value, what="it")

    assert canonical(admitted) == canonical(value)
    assert type(admitted) is type(value)


def test_what_is_admitted_is_a_copy_that_nobody_else_holds() -> None:
    inner: list[Json] = [1]
    value: dict[str, Json] = {"a": inner, "b": {"c": inner}}

    admitted = admit(value, what="it")
    inner.append(2)
    value["d"] = 3

    assert admitted == {"a": [1], "b": {"c": [1]}}


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ((1, (2,)), [1, [2]]),
        (Point(1, 2), [1, 2]),
        (Level.LOW, 1),
        (Colour.RED, "red"),
        (Word("this"), "this"),
        (type("Int", (int,), {"__int__": lambda _: 5})(3), 3),
        (type("Float", (float,), {})(2.5), 2.5),
        (type("List", (list,), {})([1]), [1]),
        (defaultdict(int, a=1), {"a": 1}),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (Counter("aab"), {"a": 2, "b": 1}),
        ({Colour.RED: Level.LOW}, {"red": 1}),
        ({Word("key"): 1}, {"key": 1}),
        (-0.0, 0.0),
    ],
)
def test_an_instance_of_a_subclass_becomes_the_plain_type(value: object, plain: Json) -> None:
    admitted = admit([value], what="it")

    assert canonical(admitted) == canonical([plain])
    assert isinstance(admitted, list)
    assert type(admitted[0]) is type(plain)


REFUSED: Final[list[tuple[object, str, str]]] = [
    (float("nan"), "is nan", "null"),
    (float("inf"), "is inf", "null"),
    (-float("inf"), "is -inf", "null"),
    (2**63, "is 9223372036854775808, beyond the 64 bits", "string or a float"),
    (-(2**63) - 1, "beyond the 64 bits", "string or a float"),
    (10**5_000, "an integer of 16610 bits, beyond", "string or a float"),
    ("a\0b", "a NUL character at 1", "base64"),
    ("ab\ud800", "half a surrogate pair at 2", "surrogateescape"),
    (b"bytes", "is a bytes", "base64"),
    ({1, 2}, "is a set", "sorted(it)"),
    (frozenset(), "is a frozenset", "sorted(it)"),
    (datetime(2026, 1, 1, tzinfo=UTC), "is a datetime.datetime", ".isoformat()"),
    (timedelta(1), "is a datetime.timedelta", ".total_seconds()"),
    (Decimal(1), "is a decimal.Decimal", "float(it)"),
    (fractions.Fraction(1, 3), "is a fractions.Fraction", "float(it)"),
    (uuid.UUID(int=1), "is an uuid.UUID", "str(it)"),
    (PurePosixPath("a/b"), "PurePosixPath", "str(it)"),
    (Plain.ONE, "Plain", ".value"),
    (Box(1), "Box", "dataclasses.asdict"),
    (Struct(1), "Struct", "msgspec.to_builtins"),
    (Model(), "Model", "model_dump"),
    (Array(), "Array", "tolist"),
    (MappingProxyType({}), "mappingproxy", "dict(it)"),
    ((n for n in [1]), "is a generator", "list(it)"),
    (range(3), "is a range", "list(it)"),
    (1j, "is a complex", "can be in a state"),
    (object(), "is an object", "can be in a state"),
    ({1: 2}, "under a key of type int", "str(key)"),
    ({None: 2}, "under a key of type NoneType", "str(key)"),
    ({"a\0": 2}, "has a key that is a string with a NUL", "base64"),
    ({"\udfff": 2}, "has a key that is a string with half a surrogate", "surrogateescape"),
]


@pytest.mark.parametrize(("value", "problem", "cure"), REFUSED, ids=[p for _, p, _ in REFUSED])
def test_what_a_store_can_not_keep_is_refused_with_the_cure(
    value: object, problem: str, cure: str
) -> None:
    with pytest.raises(InvalidValue) as caught:
        admit({"deep": [0, {"down here": value}]}, what="the patch of node 'score'")

    assert problem in caught.value.message
    assert cure in caught.value.hint
    assert "in the patch of node 'score'" in caught.value.message
    assert caught.value.path.startswith("deep[1]['down here']")


def test_an_awaitable_is_refused_with_a_word_about_await() -> None:
    async def later() -> None:
        """Do nothing."""

    coroutine = later()
    with pytest.raises(InvalidValue, match="is a coroutine") as caught:
        admit(coroutine, what="the result")
    coroutine.close()

    assert caught.value.hint == "await it first"


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"reviews": [{}, {}, {}, {"score": b""}]}, "reviews[3].score"),
        ({"a": {"b": {"c": b""}}}, "a.b.c"),
        ([[b""]], "[0][0]"),
        ({"my key": b""}, "['my key']"),
        ({"größe": b""}, "größe"),
        ({"": b""}, "['']"),
        ((1, b""), "[1]"),
        (b"", ""),
    ],
)
def test_the_path_says_where_it_is(value: object, path: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        admit(value, what="it")

    assert caught.value.path == path
    assert caught.value.details == {"path": path}


def nested(depth: int) -> Json:
    """Give lists inside each other."""
    value: Json = 1
    for _ in range(depth):
        value = [value]
    return value


def test_sixty_four_levels_are_the_most() -> None:
    assert admit(nested(64), what="it") == nested(64)
    with pytest.raises(InvalidValue, match="at most 64 levels"):
        admit(nested(65), what="it")
    with pytest.raises(InvalidValue, match="at most 2 levels"):
        admit({"a": [{}]}, what="it", max_depth=2)


def test_a_value_that_contains_itself_is_refused() -> None:
    value: list[object] = []
    value.append(value)

    with pytest.raises(InvalidValue, match="nested too deep") as caught:
        admit(value, what="it")
    assert "contains itself" in caught.value.hint


@pytest.mark.parametrize(
    "value",
    ["x" * 99, "\x01" * 17, "é" * 50, [1] * 50, {"a" * 50: "b" * 50}, [1.5] * 25, [[]] * 34],
)
def test_the_size_is_that_of_canonical_json(value: Json) -> None:
    size = len(canonical(value))

    assert admit(value, what="it", max_size=size) == value
    with pytest.raises(InvalidValue, match=f"larger than {size - 1} bytes"):
        admit(value, what="it", max_size=size - 1)


def test_a_small_value_that_unfolds_to_a_huge_one_is_stopped_on_the_way() -> None:
    value: list[object] = []
    for _ in range(60):
        value = [value, value]

    with pytest.raises(InvalidValue, match="larger than 10,000 bytes"):
        admit(value, what="it", max_size=10_000)


class Small(NamedTuple):
    """Limits for a test."""

    max_patch: int = 60
    max_depth: int = 2


def test_a_patch_is_an_object_of_admitted_values() -> None:
    patch = {"a": (1, 2), Colour.RED: {"b": [3]}}

    assert admit_patch(patch, limits=Small()) == {"a": [1, 2], "red": {"b": [3]}}
    assert admit_patch({}, limits=Small()) == {}


@pytest.mark.parametrize("patch", [None, [], "text", 5, Box(1)])
def test_a_patch_that_is_no_object_is_refused(patch: object) -> None:
    with pytest.raises(InvalidValue, match="an object of state keys and values was expected"):
        admit_patch(patch, limits=Small(), what="the patch of node 'score'")


def test_of_a_patch_the_first_bad_value_is_shown_and_the_others_are_named() -> None:
    patch = {"good": 1, "one": b"", "two": [float("nan")], "three": {"x": {"y": {}}}, 4: 5}

    with pytest.raises(InvalidValue) as caught:
        admit_patch(patch, limits=Small(), what="the patch")

    assert caught.value.path == "one"
    assert caught.value.message == (
        "one in the patch is a bytes, which JSON does not have; "
        "3 more can't be stored: two[0], three.x.y, [4]"
    )


def test_the_size_limit_of_a_patch_is_for_the_whole_of_it() -> None:
    assert admit_patch({"a": "x" * 20, "b": "y" * 20}, limits=Small())
    with pytest.raises(InvalidValue, match="larger than 60 bytes"):
        admit_patch({"a": "x" * 25, "b": "y" * 25}, limits=Small())
    with pytest.raises(InvalidValue, match="larger than 60 bytes"):
        admit_patch({"a": [1] * 40, "b": 1}, limits=Small())


@pytest.mark.parametrize(
    ("a", "b", "answer"),
    [
        (1, 1, True),
        (1, 1.0, False),
        (1, True, False),
        (0, False, False),
        (0, None, False),
        ("a", "a", True),
        ("a", "b", False),
        (1.5, 1.5, True),
        (None, None, True),
        ([1], [1], True),
        ([1], [1.0], False),
        ([1], [1, 2], False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": [1]}, {"a": [True]}, False),
        ([], {}, False),
        ("", None, False),
    ],
)
def test_values_are_the_same_if_their_canonical_json_is(a: Json, b: Json, *, answer: bool) -> None:
    assert same(a, b) is answer
    assert same(b, a) is answer
    assert (canonical(a) == canonical(b)) is answer


def test_canonical_json_has_its_keys_in_order_all_the_way_down() -> None:
    value: Json = {"b": {"d": 1, "c": [{"f": None, "e": 1.0}]}, "a": "é"}

    assert canonical(value) == '{"a":"é","b":{"c":[{"e":1.0,"f":null}],"d":1}}'.encode()


def test_a_long_path_is_shortened_in_the_message_but_not_in_the_error() -> None:
    value: object = b""
    for _ in range(40):
        value = {"a_long_key": value}

    with pytest.raises(InvalidValue) as caught:
        admit(value, what="it")

    assert len(caught.value.message) < 200
    assert caught.value.path == ".".join(["a_long_key"] * 40)


def test_a_path_on_the_disk_is_no_json() -> None:
    with pytest.raises(InvalidValue, match="PosixPath"):
        admit(Path("x"), what="it")
