"""What follows from the result of an attempt.

This module knows how a patch is let in, how a failed attempt is retried, routed or given
up. It does not know which nodes fire next (`fire`), nor how a run ends (`ending`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.decide.batch import seconds
from engine.decide.failure import as_value, clean
from engine.decide.fire import is_hop, stop_at
from engine.decide.patch import let_in
from engine.decide.route import after_error, after_success
from engine.entry import ErrorInfo, NodeFailed, NodeRetrying, RunPaused
from engine.errors import InvalidValue, NodeError
from engine.policy import backoff, retries
from engine.segment import AfterWrite, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.decide.batch import Batch
    from engine.entry import NodeCompleted
    from engine.inputs import Result
    from engine.message import Activation


def returned(batch: Batch, activation: Activation, result: Result) -> bool:
    """Take the result of an attempt that somebody waits for.

    Returns:
        Whether that was all: nothing else is due, and the run goes on.
    """
    run = batch.run
    if result.error is not None:
        attempt_failed(batch, activation, clean(result.error), result)
        return False
    try:
        patch = let_in(run, activation, result)
    except InvalidValue as error:
        info = _named(as_value(error, retryable=True), "BAD_OUTPUT", activation.node)
        attempt_failed(batch, activation, info, result)
        return False
    except NodeError as error:
        retryable = error.code == "REDUCER_FAILED"  # a state too large stays too large
        attempt_failed(batch, activation, as_value(error, retryable=retryable), result)
        return False
    goto = result.goto
    targets = run.plan.always[activation.position]
    if targets is None or goto is not None:
        try:
            goto = _names(goto)
            state = AfterWrite(activation.head, patch, result.overwrites)
            targets = after_success(run, activation.node, state, goto)
        except NodeError as error:
            # The tool did its part, so it is not called again: its node fails.
            attempt_failed(batch, activation, as_value(error), result)
            return False
    return _succeeded(batch, activation, batch.completed(activation, result, patch, goto), targets)


def _succeeded(
    batch: Batch, activation: Activation, completed: NodeCompleted, targets: Sequence[str]
) -> bool:
    """Write a completion, and what it sends."""
    run = batch.run
    if len(targets) != 1:
        batch.add(completed)
        for target in targets:
            batch.send(activation, target)
    elif is_hop(run, activation, targets[0]):
        batch.hop(completed, targets[0])
        if len(run.messages) == 1:
            return True  # alone in the run, it can have freed nobody
    else:
        batch.pass_on(completed, targets[0])
    check_in_flight(batch, activation)
    if run.breakpoints and run.messages and run.status == "running":
        stop_at(batch, activation.node, "after", State(activation.head), ())
    return False


def send(batch: Batch, activation: Activation, targets: Sequence[str]) -> None:
    """Send a message along each edge that was chosen."""
    for target in targets:
        batch.send(activation, target)
    check_in_flight(batch, activation)


def check_in_flight(batch: Batch, activation: Activation) -> None:
    """End the run if what an activation has sent is too much."""
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
    batch: Batch, activation: Activation, error: ErrorInfo, result: Result | None = None
) -> None:
    """Retry an attempt that failed, or let a rule take the error, or give the node up.

    A `result` is what it failed with, and says how long it took.

    Where the tool is missing, no policy of the node was made for that: a person has to act.
    """
    run, node = batch.run, batch.run.graph.nodes[activation.node]
    missing = error.code == "TOOL_MISSING"
    attempts = activation.attempt - activation.series + 1
    facts = {
        "node": activation.node,
        "activation": activation.id,
        "attempt": activation.attempt,
        "queued": None if result is None or result.queued is None else seconds(result.queued),
        "took": None if result is None or result.took is None else seconds(result.took),
    }
    if not missing and retries(node.retry, error, attempts=attempts):
        pause = backoff(node.retry, error, attempts=attempts, key=f"{run.root}:{activation.id}")
        due = batch.at + pause
        batch.emit(NodeRetrying, error=error, due=due, **facts)
        if not pause and run.status != "paused":
            again(batch, activation)
        return
    targets: Sequence[str] | None = None
    try:
        if not missing:
            targets = after_error(run, activation.node, State(activation.head), error.code)
    except NodeError as problem:
        error = as_value(problem, cause=(f"{error.code}: {error.message}", *error.cause))
    if targets is not None:
        batch.emit(NodeFailed, error=error, then="routed", **facts)
        send(batch, activation, targets)
    elif (missing or node.on_exhausted == "pause") and run.failing is None:
        batch.emit(NodeFailed, error=error, then="paused", **facts)
        batch.emit(RunPaused, reason="exhausted", node=activation.node, error=error)
    else:
        batch.emit(NodeFailed, error=error, then="fails", **facts)


def again(batch: Batch, activation: Activation) -> None:
    """Give an activation its next attempt."""
    batch.start(activation.node, activation.id, activation.messages, activation.attempt + 1)


def _names(goto: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Give the names that a tool went to as plain strings."""
    return None if goto is None else tuple(str.__str__(name) for name in goto)


def _named(error: ErrorInfo, code: str, node: str) -> ErrorInfo:
    return ErrorInfo(
        code=code,
        message=error.message,
        hint=error.hint or f"mend the tool of node {node!r}",
        details=error.details,
        retryable=True,
    )
