"""Histories and what they amount to: section 4 of `docs/semantics.md`, the slow way.

This module knows writes, the order in which histories meet, and reducers. It does not know
which messages there are, nor anything of `engine`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

State: TypeAlias = dict[str, Any]
MISSING: Final = object()


class Clash(Exception):  # it is a value of the model, not an error of a program
    """Writes can't meet: `STATE_CONFLICT` or `REDUCER_FAILED`, at these keys."""

    def __init__(self, code: str, keys: Sequence[str]) -> None:
        super().__init__(code, keys)
        self.code = code
        self.keys = tuple(keys)


@dataclass(frozen=True, eq=False)
class Write:
    """What one completion, or one person, wrote."""

    patch: State
    past: frozenset[Write]
    sets: frozenset[str] = frozenset()
    """The keys that skip their reducer."""
    personal: bool = False
    """Whether a person wrote it."""


History: TypeAlias = tuple[Write, ...]


def met(histories: Iterable[History]) -> History:
    """Put histories together: each after the first adds what is not there yet."""
    together: list[Write] = []
    for history in histories:
        together += [write for write in history if write not in together]
    return tuple(together)


def fold(initial: State, reducers: Mapping[str, str], history: History) -> State:
    """Give the state that a history amounts to.

    Raises:
        Clash: It amounts to none.
    """
    state = dict(initial)  # values are never changed, here or by the tools of the tests
    conflicts, failures = [], []
    for key in dict.fromkeys(key for write in history for key in write.patch):
        writes = [write for write in history if key in write.patch]
        if key in reducers:
            writes = applied(writes)
            try:
                state[key] = reduced(reducers[key], key, state.get(key, MISSING), writes)
            except WrongTypeError:
                failures.append(key)
        else:
            last = [w for w in writes if not any(w in v.past for v in reversed(writes))]
            if len(last) > 1 and len({canonical(w.patch[key]) for w in last}) > 1:
                conflicts.append(key)
            state[key] = last[-1].patch[key]
    if conflicts:
        raise Clash("STATE_CONFLICT", conflicts)
    if failures:
        raise Clash("REDUCER_FAILED", failures)
    return state


def applied(writes: Sequence[Write]) -> list[Write]:
    """Leave out what stands after a person's write that was made knowing of it."""
    if not any(write.personal for write in writes):
        return list(writes)
    return [
        write
        for i, write in enumerate(writes)
        if not any(before.personal and write in before.past for before in writes[:i])
    ]


def canonical(value: object) -> str:
    """Write a value so that equal values, and only those, look the same."""
    return json.dumps(value, sort_keys=True)


class WrongTypeError(Exception):
    """A reducer was given a value it is not made for."""


def reduced(name: str, key: str, value: Any, writes: Sequence[Write]) -> Any:
    """Apply the writes of one key, in order, to what was there."""
    if name == "sum":
        return summed(key, value, writes)
    for write in writes:
        new = write.patch[key]
        value = new if key in write.sets else REDUCERS[name](value, new)
    return value


def summed(key: str, value: Any, writes: Sequence[Write]) -> Any:
    """Add exactly, and round once if there is a float among what is added."""
    terms = [] if value is MISSING else [value]
    for write in writes:
        if key in write.sets:
            terms = [write.patch[key]]
        else:
            terms.append(write.patch[key])
            need(is_number(terms[0]) and is_number(terms[-1]))
    if len(terms) == 1:
        return terms[0]
    if not any(isinstance(term, float) for term in terms):
        return sum(terms)
    return float(sum(map(Fraction, terms), Fraction()))


def need(condition: bool) -> None:  # it reads as a sentence
    """Complain of a wrong type unless the condition holds."""
    if not condition:
        raise WrongTypeError


def is_number(value: object) -> bool:
    """Tell numbers from all else; true and false are not numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def appended(value: Any, new: Any) -> Any:
    """`append`."""
    return extended(value, [new])


def extended(value: Any, new: Any) -> Any:
    """`extend`."""
    value = [] if value is MISSING else value
    need(isinstance(value, list) and isinstance(new, list))
    return [*value, *new]


def overlaid(value: Any, new: Any) -> Any:
    """`merge`."""
    value = {} if value is MISSING else value
    need(isinstance(value, dict) and isinstance(new, dict))
    return {**value, **new}


def chosen(choose: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """`min` and `max`."""

    def choice(value: Any, new: Any) -> Any:
        need(is_number(new) or isinstance(new, str))
        if value is MISSING:
            return new
        need(is_number(value) == is_number(new) and (is_number(value) or isinstance(value, str)))
        return choose(value, new)

    return choice


def united(value: Any, new: Any) -> Any:
    """`union`."""
    value = [] if value is MISSING else value
    need(isinstance(value, list) and isinstance(new, list))
    items = list(value)
    for item in new:
        if canonical(item) not in map(canonical, items):
            items.append(item)
    return items


REDUCERS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "append": appended,
    "extend": extended,
    "merge": overlaid,
    "min": chosen(min),
    "max": chosen(max),
    "union": united,
    "first": lambda value, new: new if value is MISSING else value,
    "last": lambda _value, new: new,
}
