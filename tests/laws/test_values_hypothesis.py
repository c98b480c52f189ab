"""Laws of values: what is admitted comes back from every encoding as it was."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import msgspec
import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.errors import InvalidValue, NodeError
from engine.reducer import MISSING, REDUCERS
from engine.value import MAX_INTEGER, MIN_INTEGER, admit, canonical, same

if TYPE_CHECKING:
    from engine.ids import Json

ANY_TEXT: Final = st.text(st.characters(), max_size=20)
"""With NUL and halves of surrogate pairs."""
SCALARS: Final = (
    st.none()
    | st.booleans()
    | st.integers(MIN_INTEGER - 2, MAX_INTEGER + 2)
    | st.integers(-3, 3)
    | st.floats()
    | ANY_TEXT
)
ANYTHING: Final = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(ANY_TEXT | st.integers(0, 2), inner, max_size=4)
    ),
    max_leaves=20,
)
TEXT: Final = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
JSON: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(MIN_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
NEAR: Final = st.recursive(
    st.sampled_from([0, 0.0, False, None, "", 1, 1.0, True, "1"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=4,
)
"""Values that are easily taken for each other."""


@settings(max_examples=500)
@given(ANYTHING)
@example([-0.0, {"a": -0.0}])
@example([5e-324, 1.7976931348623157e308, 1e16, 1e-7, 123456789.123456789])
@example({"\u2028\u2029": "\x7f\x1f"})
def test_what_is_admitted_survives_every_encoding(value: object) -> None:
    try:
        admitted = admit(value, what="it")
    except InvalidValue:
        return
    for decoded in (
        msgspec.json.decode(msgspec.json.encode(admitted)),
        msgspec.json.decode(canonical(admitted)),
        orjson.loads(orjson.dumps(admitted)),
        orjson.loads(canonical(admitted)),
    ):
        assert same(decoded, admitted)
        assert canonical(decoded) == canonical(admitted)
    assert same(admit(admitted, what="it"), admitted)


@settings(max_examples=300)
@given(JSON)
def test_all_json_is_admitted_and_stays_what_it_was(value: Json) -> None:
    assert admit(value, what="it") == value


@settings(max_examples=300)
@given(NEAR, NEAR)
def test_same_is_equality_of_canonical_json(a: Json, b: Json) -> None:
    assert same(a, b) is (canonical(a) == canonical(b))


@given(st.lists(st.integers(-(2**40), 2**40) | st.floats(-1e200, 1e200), min_size=1))
def test_a_sum_is_exact_and_rounded_once(numbers: list[int | float]) -> None:
    total, acc = REDUCERS["sum"], MISSING
    folded: object = acc
    for number in numbers:
        folded = total.add(folded, number, own=True)

    exact = sum(map(Fraction, numbers))
    shown = total.value(folded)
    if all(isinstance(number, int) for number in numbers):
        assert shown == exact
        assert type(shown) is int
    else:
        assert shown == float(exact)
        assert type(shown) is float
        assert math.isfinite(shown)


@given(JSON, JSON, st.sampled_from(sorted(REDUCERS)))
def test_a_reducer_gives_json_or_its_own_error_and_changes_nothing(
    current: Json, item: Json, name: str
) -> None:
    before = canonical([current, item])
    reducer = REDUCERS[name]
    try:
        shown = reducer.value(reducer.add(reducer.start(current), item, own=False))
    except NodeError as error:
        shown = None
        known = error.code
    else:
        known = "REDUCER_FAILED"

    assert known == "REDUCER_FAILED"
    assert admit(shown, what="it") == shown
    assert canonical([current, item]) == before
