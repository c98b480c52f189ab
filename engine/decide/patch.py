"""The patch that a node gave back, on its way in.

This module knows what a patch may not be: no JSON, not what a reducer takes, too much for the
state. It writes nothing; what follows from a patch that is refused is for `result` to say.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, cast

from engine.decide.fire import others
from engine.errors import InvalidValue, NodeError
from engine.segment import AfterWrite
from engine.value import MAX_INTEGER, MIN_INTEGER, admit_patch, canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.ids import Json
    from engine.inputs import Result
    from engine.message import Activation
    from engine.run import Run
    from engine.segment import Segment

_BYTES_PER_CHARACTER: Final = 6
_BYTES_PER_PAIR: Final = 32
"""Of an object with scalars: what is not a character of a key or a string, with the comma."""


def let_in(run: Run, activation: Activation, result: Result) -> dict[str, Json]:
    """Check a patch at the door, that the reducers can take it, and that it is not too much.

    Raises:
        InvalidValue: It can't be in a state.
        NodeError: A reducer can't take it, or the state would be too large.
    """
    given, limits = result.patch, run.limits
    simple = _simple(given if given is not None else {}, limits.max_patch)
    if simple is not None:
        patch, size = simple
    else:
        patch = admit_patch(given, limits=limits, what=f"the result of node {activation.node!r}")
        size = len(canonical(patch))
    if result.overwrites:
        foreign = [key for key in result.overwrites if key not in patch]
        if foreign:
            raise InvalidValue(
                f"node {activation.node!r} overwrites {', '.join(map(repr, foreign))}, but its "
                f"patch has only {', '.join(map(repr, patch)) or 'no keys'}",
                path=foreign[0],
            )
    if run.history.reducers:
        check_reducers(run, activation.node, activation.head, patch, result.overwrites)
    run.weight += size
    if run.weight > limits.max_state or run.unweighable:
        _check_size(run, activation, patch, result.overwrites)
    return patch


def _check_size(
    run: Run, activation: Activation, patch: dict[str, Json], overwrites: Sequence[str]
) -> None:
    """See that the state does not outgrow its limit.

    What is written is added up, which is cheap and at least what the state grows by; only
    when that is too much is the state itself measured, here.
    """
    limit = run.limits.max_state
    size = len(canonical(AfterWrite(activation.head, patch, overwrites).whole()))
    if size > limit:
        raise NodeError(
            f"with the result of node {activation.node!r} the state would have {size} bytes, "
            f"the limit is {limit}",
            code="STATE_TOO_LARGE",
            hint="write less, keep large values elsewhere and their address in the state, or "
            "raise the limit max_state",
            details={"limit": "max_state", "value": limit, "size": size},
        )
    if not others(run, activation):
        run.weight = size  # beside others, it would leave out what they have written


def check_reducers(
    run: Run, node: str, head: Segment, patch: dict[str, Json], overwrites: Sequence[str] = ()
) -> None:
    """See that every write of a node can be reduced, on the history that it has.

    Raises:
        NodeError: A reducer can't take the value of its key (`REDUCER_FAILED`).
    """
    for key, reducer in run.history.reducers.items():
        if key in patch and key not in overwrites:
            try:
                reducer.check(head.find(key), patch[key])
            except NodeError as error:
                named = f"the reducer {reducer.name!r}"
                told = error.message.replace(named, f"{named} of key {key!r}", 1)
                error.message = f"node {node!r}: {told}"
                error.details |= {"node": node, "key": key}
                raise


def _simple(patch: object, max_size: int) -> tuple[dict[str, Json], int] | None:
    """Check what most patches are: a few plain keys and plain scalars, far from any limit.

    Returns:
        What `admit_patch` would give, and the bytes that it has at most as canonical JSON.
        None: it is something else, or something is wrong, and `admit_patch` has to look.
    """
    if type(patch) is not dict:
        return None
    copy: dict[str, Json] = {}
    chars = 0
    for key, value in cast("dict[object, object]", patch).items():
        if type(key) is not str or not key.isascii() or "\0" in key:
            return None
        if type(value) is int and MIN_INTEGER <= value <= MAX_INTEGER:
            copy[key] = value
        elif type(value) is str and value.isascii() and "\0" not in value:
            chars += len(value)
            copy[key] = value
        elif value is None or value is True or value is False:
            copy[key] = value
        elif type(value) is float and -inf < value < inf:
            copy[key] = value + 0.0
        else:
            return None
        chars += len(key)
    size = _BYTES_PER_PAIR * len(copy) + _BYTES_PER_CHARACTER * chars
    return (copy, size) if size <= max_size else None
