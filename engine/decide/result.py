"""What follows from the result of an attempt.

This module knows how a patch is let in, how a failed attempt is retried, routed or given
up. It does not know which nodes fire next (`fire`), nor how a run ends (`ending`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.decide.failure import as_value, clean
from engine.decide.fire import stop_at
from engine.decide.route import after_error, after_success
from engine.entry import (
    ErrorInfo,
    MessageSent,
    NodeCompleted,
    NodeFailed,
    NodeRetrying,
    NodeStarted,
    RunPaused,
)
from engine.errors import InvalidValue, NodeError
from engine.policy import backoff, retries
from engine.segment import AfterWrite, State
from engine.value import admit_patch, canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.decide.batch import Batch
    from engine.ids import Json
    from engine.inputs import Result
    from engine.message import Activation
    from engine.run import Run
    from engine.segment import Segment

_SMALL: Final = frozenset({int, float, bool, type(None)})
_SMALL_BYTES: Final = 32
"""What a small value has at most, with the quotes and commas around it and its key. A
character of a key has at most 6."""


def returned(batch: Batch, activation: Activation, result: Result) -> None:
    """Take the result of an attempt that somebody waits for."""
    run = batch.run
    times = {"queued": _seconds(result.queued), "took": _seconds(result.took)}
    if result.error is not None:
        attempt_failed(batch, activation, clean(result.error), **times)
        return
    node = activation.node
    try:
        patch = _let_in(run, activation, result)
        overwrites = tuple(key for key in patch if key in result.overwrites)
    except InvalidValue as error:
        info = as_value(error, retryable=True)
        attempt_failed(batch, activation, _named(info, "BAD_OUTPUT", node), **times)
        return
    except NodeError as error:
        retryable = error.code == "REDUCER_FAILED"  # a state too large stays too large
        attempt_failed(batch, activation, as_value(error, retryable=retryable), **times)
        return
    try:
        goto = _names(result.goto)
        targets = after_success(run, node, AfterWrite(activation.head, patch, overwrites), goto)
    except NodeError as error:
        # The tool did its part, so it is not called again: its node fails.
        attempt_failed(batch, activation, as_value(error), **times)
        return
    batch.emit(
        NodeCompleted,
        node=node,
        activation=activation.id,
        attempt=activation.attempt,
        patch=patch,
        overwrites=overwrites,
        goto=goto,
        **times,
    )
    send(batch, activation, targets)
    if run.breakpoints and run.messages and run.status == "running":
        stop_at(batch, node, "after", State(activation.head), ())


def send(batch: Batch, activation: Activation, targets: Sequence[str]) -> None:
    """Send a message along each edge that was chosen."""
    for target in targets:
        batch.emit(MessageSent, source=activation.node, to=target, activation=activation.id)
    limit = batch.run.limits.max_in_flight
    if len(batch.run.messages) > limit:
        batch.fail_run(
            ErrorInfo(
                code="TOO_MANY_MESSAGES",
                message=f"{len(batch.run.messages)} messages are in flight, the limit is {limit}",
                hint="raise the limit max_in_flight, or join branches before splitting again",
                retryable=False,
            ),
            node=activation.node,
            activation=activation.id,
        )


def attempt_failed(
    batch: Batch,
    activation: Activation,
    error: ErrorInfo,
    *,
    queued: float | None = None,
    took: float | None = None,
) -> None:
    """Retry an attempt that failed, or let a rule take the error, or give the node up."""
    run, node = batch.run, batch.run.graph.nodes[activation.node]
    attempts = activation.attempt - activation.series + 1
    facts = {
        "node": activation.node,
        "activation": activation.id,
        "attempt": activation.attempt,
        "queued": queued,
        "took": took,
    }
    if retries(node.retry, error, attempts=attempts):
        pause = backoff(node.retry, error, attempts=attempts, key=f"{run.root}:{activation.id}")
        due = batch.at + pause
        batch.emit(NodeRetrying, error=error, due=due, **facts)
        if not pause and run.status != "paused":
            again(batch, activation)
        return
    targets: Sequence[str] | None = None
    try:
        targets = after_error(run, activation.node, State(activation.head), error.code)
    except NodeError as problem:
        error = as_value(problem, cause=(f"{error.code}: {error.message}", *error.cause))
    if targets is not None:
        batch.emit(NodeFailed, error=error, then="routed", **facts)
        send(batch, activation, targets)
    elif node.on_exhausted == "pause" and run.failing is None:
        batch.emit(NodeFailed, error=error, then="paused", **facts)
        batch.emit(RunPaused, reason="exhausted", node=activation.node, error=error)
    else:
        batch.emit(NodeFailed, error=error, then="fails", **facts)


def again(batch: Batch, activation: Activation) -> None:
    """Give an activation its next attempt."""
    batch.emit(
        NodeStarted,
        node=activation.node,
        activation=activation.id,
        messages=activation.messages,
        attempt=activation.attempt + 1,
    )


def _names(goto: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Give the names that a tool went to as plain strings."""
    return None if goto is None else tuple(str.__str__(name) for name in goto)


def _let_in(run: Run, activation: Activation, result: Result) -> dict[str, Json]:
    """Check a patch at the door, and that the reducers can take it."""
    node = activation.node
    patch = admit_patch(
        result.patch if result.patch is not None else {},
        limits=run.limits,
        what=f"the result of node {node!r}",
    )
    foreign = [key for key in result.overwrites if key not in patch]
    if foreign:
        raise InvalidValue(
            f"node {node!r} overwrites {', '.join(map(repr, foreign))}, but its patch has only "
            f"{', '.join(map(repr, patch)) or 'no keys'}",
            path=foreign[0],
        )
    check_reducers(run, node, activation.head, patch, result.overwrites)
    _check_size(run, activation, patch, result.overwrites)
    return patch


def _check_size(
    run: Run, activation: Activation, patch: dict[str, Json], overwrites: Sequence[str]
) -> None:
    """See that the state does not outgrow its limit.

    What is written is added up, which is cheap and at least what the state grows by; only
    when that is too much is the state itself measured.
    """
    for key, value in patch.items():
        small = type(value) in _SMALL
        run.weight += _SMALL_BYTES + 6 * len(key) if small else len(canonical({key: value}))
    limit = run.limits.max_state
    if run.weight <= limit and not run.unweighable:
        return
    state = dict(AfterWrite(activation.head, patch, overwrites))
    size = len(canonical(state))
    if size > limit:
        raise NodeError(
            f"with the result of node {activation.node!r} the state would have {size} bytes, "
            f"the limit is {limit}",
            code="STATE_TOO_LARGE",
            hint="write less, keep large values elsewhere and their address in the state, or "
            "raise the limit max_state",
            details={"limit": "max_state", "value": limit, "size": size},
        )
    if len(run.messages) == len(activation.held) and not run.branches:
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


def _seconds(measured: float | None) -> float | None:
    return measured if measured is not None and 0 <= measured < float("inf") else None


def _named(error: ErrorInfo, code: str, node: str) -> ErrorInfo:
    return ErrorInfo(
        code=code,
        message=error.message,
        hint=error.hint or f"mend the tool of node {node!r}",
        details=error.details,
        retryable=True,
    )
