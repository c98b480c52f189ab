"""How the writes of one key of the state become one value.

A reducer folds writes in the order of the history: the accumulator is what has been folded so
far. For every reducer but `sum` it is the value itself, so that a list of which nobody else
holds a part grows in place.

This module knows values. It does not know keys, messages or histories: what the order of the
writes is, and who is to blame for a bad one, is for the caller to say.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from engine.errors import InvalidValue, NodeError
from engine.value import MAX_INTEGER, MIN_INTEGER, admit, canonical, copy_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.ids import Json


class Missing(Enum):
    """The type of `MISSING`, apart from every JSON value."""

    MISSING = "missing"

    def __repr__(self) -> str:
        """Give the name under which it is imported."""
        return "MISSING"


MISSING: Final = Missing.MISSING
"""There is no value yet; null is one."""


class Reducer(ABC):
    """How a written item changes the value of a key."""

    name: str

    @staticmethod
    def of(name: str, function: Callable[[Json, Json], object]) -> Reducer:
        """Make a reducer from a function of the current value and a written item.

        The function must depend on its arguments alone: a run is its log, and the log is
        folded again whenever the run is read. It may change its arguments, which are copies.
        The first item of a key that has no value becomes its value as it is.
        """
        return _Function(name, function)

    def start(self, value: Json) -> object:
        """Give the accumulator of a value that was set: a default, an `Overwrite`.

        It may be `value` itself, so it isn't the caller's own until an `add` has made another.
        """
        return value

    @abstractmethod
    def add(self, acc: object, item: Json, *, own: bool) -> object:
        """Fold one write.

        Args:
            acc: What has been folded so far, or `MISSING`.
            item: What was written. It is never changed, now or by a later `add`.
            own: Nobody else holds `acc`, so that it may be changed in place.

        Returns:
            An accumulator that is the caller's own.

        Raises:
            NodeError: With code `REDUCER_FAILED`; nothing has been changed.
        """

    def check(self, acc: object, item: Json) -> None:
        """See that `item` can be folded into `acc`, without paying for a long list.

        Raises:
            NodeError: With code `REDUCER_FAILED`.
        """
        self.add(acc, item, own=False)

    def value(self, acc: object) -> Json:
        """Give what the state shows for an accumulator. Never raises."""
        return cast("Json", acc)


class _Collecting(Reducer):
    """What collects into a list or an object: any one is as good as another to check with."""

    def check(self, acc: object, item: Json) -> None:
        empty: Json = [] if isinstance(acc, list) else {}
        self.add(empty if isinstance(acc, list | dict) else acc, item, own=False)


class _Append(_Collecting):
    """`item` becomes the last of the list."""

    name = "append"

    def add(self, acc: object, item: Json, *, own: bool) -> object:
        items = _items(self, acc, own=own)
        items.append(item)
        return items


class _Extend(_Collecting):
    """The items of the list `item` follow those of the list."""

    name = "extend"

    def add(self, acc: object, item: Json, *, own: bool) -> object:
        if not isinstance(item, list):
            raise _failed(self, "a list", item, " (one item is written as a list of one)")
        items = _items(self, acc, own=own)
        items.extend(item)
        return items


class _Union(_Collecting):
    """The items of the list `item` that are not in the list yet follow its own."""

    name = "union"

    def add(self, acc: object, item: Json, *, own: bool) -> object:
        if not isinstance(item, list):
            raise _failed(self, "a list", item, " (one item is written as a list of one)")
        items = _items(self, acc, own=own)
        # Equal is what is written equally: in Python 1, 1.0 and True are one and the same.
        seen = {canonical(old) for old in items}
        for new in item:
            written = canonical(new)
            if written not in seen:
                seen.add(written)
                items.append(new)
        return items


class _Merge(_Collecting):
    """The keys of the object `item` overlay those of the object, not recursively."""

    name = "merge"

    def add(self, acc: object, item: Json, *, own: bool) -> object:
        if not isinstance(item, dict):
            raise _failed(self, "an object", item)
        if acc is MISSING:
            return dict(item)
        if not isinstance(acc, dict):
            raise _unfit(self, "an object", acc)
        whole = cast("dict[str, Json]", acc)
        if not own:
            return whole | item
        whole.update(item)
        return whole


class _First(Reducer):
    """The first value stays."""

    name = "first"

    def add(self, acc: object, item: Json, *, own: bool) -> object:  # noqa: ARG002  # nothing is changed in place
        return item if acc is MISSING else acc


class _Last(Reducer):
    """The last value in the order of the history wins, whoever was faster."""

    name = "last"

    def add(self, acc: object, item: Json, *, own: bool) -> object:  # noqa: ARG002  # as above
        return item


class _Extreme(Reducer):
    """The smallest or the largest value; of equal ones (1 and 1.0) the first."""

    def __init__(self, name: str, *, largest: bool) -> None:
        self.name = name
        self._largest = largest

    def add(self, acc: object, item: Json, *, own: bool) -> object:  # noqa: ARG002  # as above
        if not _ordered(item):
            raise _failed(self, "a number or a string", item)
        if acc is MISSING:
            return item
        if not _ordered(acc):
            raise _unfit(self, "a number or a string", acc)
        if isinstance(acc, str) and isinstance(item, str):
            return item if (item > acc if self._largest else item < acc) else acc
        if isinstance(acc, int | float) and isinstance(item, int | float):
            return item if (item > acc if self._largest else item < acc) else acc
        raise _failed(self, "a string" if isinstance(acc, str) else "a number", item)


def _ordered(value: object) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool)


_UNIT_BITS: Final = 1_074
"""Every float is a whole number of 2^-1074, the smallest of them."""


@dataclass(frozen=True, slots=True)
class _FloatSum:
    """A sum with floats in it: exact in units of 2^-1074, and as the state shows it."""

    units: int
    shown: float


class _Sum(Reducer):
    """Integers are added exactly; with a float among them, exactly and then rounded once.

    So a sum does not depend on the order of its items, as it would with ordinary floats:
    (0.1 + 0.2) + 0.3 is not 0.1 + (0.2 + 0.3).
    """

    name = "sum"

    def add(self, acc: object, item: Json, *, own: bool) -> object:  # noqa: ARG002  # as above
        if isinstance(item, bool) or not isinstance(item, int | float):
            raise _failed(self, "a number", item)
        if acc is MISSING:
            return item
        if isinstance(acc, bool) or not isinstance(acc, int | float | _FloatSum):
            raise _unfit(self, "a number", acc)
        if isinstance(acc, int) and isinstance(item, int):
            total = acc + item
            if MIN_INTEGER <= total <= MAX_INTEGER:
                return total
            raise _overflow(self, f"{acc} + {item} is beyond 64 bits")
        units = _units(acc) + _units(item)
        try:
            return _FloatSum(units, units / (1 << _UNIT_BITS))  # `/` rounds integers correctly
        except OverflowError:
            raise _overflow(
                self, f"{self.value(acc)} + {item} is beyond the largest float"
            ) from None

    def value(self, acc: object) -> Json:
        return acc.shown if isinstance(acc, _FloatSum) else cast("Json", acc)


def _units(value: float | _FloatSum) -> int:
    if isinstance(value, _FloatSum):
        return value.units
    numerator, denominator = value.as_integer_ratio()
    return numerator << _UNIT_BITS + 1 - denominator.bit_length()


class _Function(Reducer):
    """A reducer of an embedder."""

    def __init__(self, name: str, function: Callable[[Json, Json], object]) -> None:
        self.name = name
        self._function = function

    def add(self, acc: object, item: Json, *, own: bool) -> object:  # noqa: ARG002  # as above
        if acc is MISSING:
            return item
        current = copy_of(cast("Json", acc))
        try:
            new = self._function(current, copy_of(item))
        except Exception as error:
            raise NodeError(
                f"the reducer {self.name!r} raised {type(error).__name__}: {error}",
                code="REDUCER_FAILED",
                hint=f"it got {_short(acc)} and {_short(item)}",
                details={"reducer": self.name},
            ) from error
        try:
            return admit(new, what=f"the result of the reducer {self.name!r}")
        except InvalidValue as error:
            raise NodeError(
                error.message,
                code="REDUCER_FAILED",
                hint=error.hint,
                details={"reducer": self.name, "path": error.path},
            ) from error


def _items(reducer: Reducer, acc: object, *, own: bool) -> list[Json]:
    """Give the list that may be changed."""
    if acc is MISSING:
        return []
    if not isinstance(acc, list):
        raise _unfit(reducer, "a list", acc)
    items = cast("list[Json]", acc)
    return items if own else items.copy()


def _failed(reducer: Reducer, expected: str, item: Json, note: str = "") -> NodeError:
    return NodeError(
        f"the reducer {reducer.name!r} takes {expected}, {_short(item)} was written{note}",
        code="REDUCER_FAILED",
        hint=f"write {expected}, Overwrite(value) to set the key, or give it another reducer",
        details={"reducer": reducer.name, "expected": expected, "came": _short(item)},
    )


def _unfit(reducer: Reducer, expected: str, acc: object) -> NodeError:
    return NodeError(
        f"the reducer {reducer.name!r} adds to {expected}, the key holds {_short(acc)}",
        code="REDUCER_FAILED",
        hint=f"let `state.defaults`, or whoever set the key, give it {expected}",
        details={"reducer": reducer.name, "expected": expected, "came": _short(acc)},
    )


def _overflow(reducer: Reducer, problem: str) -> NodeError:
    return NodeError(
        f"the reducer {reducer.name!r} can't go on: {problem}",
        code="REDUCER_FAILED",
        hint="write smaller numbers, or start again with Overwrite(0)",
        details={"reducer": reducer.name},
    )


_KINDS: Final[Mapping[type[object], str]] = MappingProxyType(
    {bool: "the boolean", int: "the number", float: "the number", str: "the string"}
)


def _short(value: object) -> str:
    """Name a value in a message: its kind, and the value if it is short enough to read."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"a list of {len(cast('list[Json]', value))}"
    if isinstance(value, dict):
        return f"an object of {len(cast('dict[str, Json]', value))}"
    if isinstance(value, _FloatSum):
        return f"the number {value.shown!r}"
    kind: type[object] = type(value)
    return f"{_KINDS.get(kind, 'the value')} {value!r:.60}"


REDUCERS: Final[Mapping[str, Reducer]] = MappingProxyType(
    {
        reducer.name: reducer
        for reducer in (
            _Append(),
            _Extend(),
            _Merge(),
            _Sum(),
            _Extreme("min", largest=False),
            _Extreme("max", largest=True),
            _Union(),
            _First(),
            _Last(),
        )
    }
)
"""The reducers that every graph may name."""
