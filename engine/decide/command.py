"""What follows from what people ask of a run.

This module knows each command: when it can be carried out, and which entries it causes. A
command that can't be is refused before anything is written.
"""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING, TypeAlias

from engine.condition import Condition
from engine.decide.batch import counts
from engine.decide.patch import check_reducers
from engine.decide.result import again, send
from engine.decide.route import after_success
from engine.entry import (
    BreakpointsSet,
    LimitRaised,
    NodeSkipped,
    RunCancelled,
    RunForked,
    RunPaused,
    RunResumed,
    RunStepped,
    StatePatched,
)
from engine.errors import InvalidCondition, NodeError, NotApplicable
from engine.graph.words import RANGES
from engine.segment import AfterWrite
from engine.value import admit, admit_patch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine import inputs
    from engine.decide.batch import Batch
    from engine.entry import Breakpoint
    from engine.ids import Json
    from engine.message import Activation
    from engine.run import Run

By: TypeAlias = "dict[str, int | str]"
"""Who caused an entry, and by which command."""

Given: TypeAlias = "tuple[Activation, dict[str, Json], tuple[str, ...]]"
"""An activation, the result it is given, and where that leads."""


def pause(batch: Batch, command: inputs.Pause) -> None:
    """Stop firing."""
    if batch.run.status == "paused":
        raise NotApplicable(f"run {batch.run.id} is paused already", hint="resume or step it")
    batch.emit(RunPaused, reason="command", **_by(command))


def resume(batch: Batch, command: inputs.Resume) -> None:
    """Go on; what was given up gets another series of attempts."""
    _must_be_paused(batch.run)
    batch.emit(RunResumed, **_by(command))
    for activation in _with_status(batch.run, "exhausted"):
        again(batch, activation)


def step(batch: Batch, command: inputs.Step) -> None:
    """Let a paused run fire one node."""
    _must_be_paused(batch.run)
    batch.emit(RunStepped, **_by(command))


def set_breakpoints(batch: Batch, command: inputs.SetBreakpoints) -> None:
    """Replace the breakpoints."""
    check_breakpoints(batch.run, command.breakpoints)
    batch.emit(BreakpointsSet, breakpoints=command.breakpoints, **_by(command))


def patch(batch: Batch, command: inputs.Patch) -> None:
    """Set keys of the state of what is in flight."""
    run = batch.run
    if command.node is not None:
        _known_node(run, command.node)
    number = None if command.node is None else run.plan.index[command.node]
    messages = tuple(
        sorted(m.seq for m in run.messages.values() if number is None or m.node == number)
    )
    if not messages:
        raise NotApplicable(
            f"nothing is in flight at node {command.node!r}"
            if command.node is not None
            else f"nothing is in flight in run {run.id}",
            hint="messages are at "
            + (
                ", ".join(sorted({run.plan.names[m.node] for m in run.messages.values()})) or "none"
            ),
        )
    _patch(batch, command.patch, messages, command)


def skip(batch: Batch, command: inputs.Skip) -> None:
    """Give the result of an activation in place of its node."""
    run = batch.run
    activation = run.activations.get(command.activation)
    if activation is None:
        known = ", ".join(f"{each.id} ({each.node})" for each in run.activations.values())
        raise NotApplicable(
            f"run {run.id} has no activation {command.activation}",
            hint=f"there are {known}" if known else "there are none",
        )
    _skip(batch, [activation], command.patch, command)


def raise_limit(batch: Batch, command: inputs.RaiseLimit) -> None:
    """Give a limit another value for this run."""
    check_limits(batch.run, {command.limit: command.value})
    batch.emit(LimitRaised, limit=command.limit, value=command.value, **_by(command))


def cancel(batch: Batch, command: inputs.Cancel) -> None:
    """End the run."""
    admit(command.reason, what="the reason")
    batch.emit(RunCancelled, messages=counts(batch.run), reason=command.reason, **_by(command))


def fork(batch: Batch, command: inputs.Fork) -> None:
    """Begin a new run where another one was."""
    admit([command.run_id, command.actor], what="the fork")
    run = batch.run
    if command.run_id == run.id:
        raise NotApplicable(
            f"a fork of run {run.id} can't have its name", hint="give the fork a run_id of its own"
        )
    if not run.messages:
        raise NotApplicable(
            f"nothing is in flight in run {run.id} at seq {run.next_seq - 1}, so there is nothing "
            "to go on with",
            hint="fork it at an earlier seq",
        )
    check_limits(run, command.limits)
    failed = _with_status(run, "failed") + _with_status(run, "exhausted")
    if command.skip is not None and not failed:
        raise NotApplicable(
            f"no node of run {run.id} has failed, so there is nothing to skip",
            hint="fork without skip",
        )
    patched = None
    if command.patch:
        patched = admit_patch(command.patch, limits=run.limits, what="the patch")
    skipped = None
    if command.skip is not None:
        skipped = _prepare_skip(run, failed, command.skip, patched or {})
    origin, at_seq = run.id, run.next_seq - 1
    batch.emit(RunForked, origin=origin, at_seq=at_seq, keep_keys=command.keep_keys, **_by(command))
    for limit, value in command.limits.items():
        batch.emit(LimitRaised, limit=limit, value=value, actor=command.actor)
    if patched is not None:
        everywhere = tuple(sorted(run.messages))
        batch.emit(StatePatched, patch=patched, messages=everywhere, actor=command.actor)
        run.weight = math.inf  # nobody has weighed this
    if skipped is not None:
        _give(batch, skipped, {"actor": command.actor})
    else:
        for activation in failed:
            again(batch, activation)


def check_breakpoints(run: Run, breakpoints: Iterable[Breakpoint]) -> None:
    """See that breakpoints name nodes of the graph, and that their conditions compile.

    Raises:
        NotApplicable: One does not; the message lists all that don't.
    """
    problems: list[str] = []
    for point in breakpoints:
        if point.node not in run.graph.nodes:
            problems.append(_no_node(run, point.node))
        if point.where not in ("before", "after"):
            problems.append(f"a breakpoint is before or after a node, not {point.where!r}")
        if point.when is not None:
            try:
                Condition.compile(point.when)
            except InvalidCondition as error:
                problems.append(str(error))
    if problems:
        raise NotApplicable("; ".join(problems), hint="nothing was changed")


def check_limits(run: Run, limits: dict[str, int | float | None], *, resume: bool = False) -> None:
    """See that limits exist, their values make sense, and the run can go on if that is asked.

    Raises:
        NotApplicable: One does not; the message lists all that don't.
    """
    known = list(run.limits.__dataclass_fields__)
    problems: list[str] = []
    for name, value in limits.items():
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            guess = f" (did you mean {close[0]!r}?)" if close else f"; there are {', '.join(known)}"
            problems.append(f"there is no limit {name!r}{guess}")
            continue
        least, most = RANGES[name]
        seconds = name == "deadline"
        fits = isinstance(value, int | float) if seconds else isinstance(value, int)
        if seconds and value is None:
            continue
        if not fits or value is None or type(value) is bool or not least <= value <= most:
            what = "seconds, or null for none," if seconds else "a whole number"
            problems.append(f"{name}: expected {what} from {least:,} to {most:,}, got {value!r}")
    if resume and run.status != "paused":
        problems.append(f"run {run.id} is {run.status}, not paused, so it can't be resumed")
    if problems:
        raise NotApplicable("; ".join(problems), hint="nothing was changed")


def _by(command: inputs.Command) -> By:
    return {"command": command.n, "actor": command.actor}


def _with_status(run: Run, status: str) -> list[Activation]:
    found = [each for each in run.activations.values() if each.status == status]
    return sorted(found, key=lambda each: each.id)


def _must_be_paused(run: Run) -> None:
    if run.status != "paused":
        raise NotApplicable(f"run {run.id} is {run.status}, not paused", hint="pause it first")


def _known_node(run: Run, name: str) -> None:
    if name not in run.graph.nodes:
        raise NotApplicable(_no_node(run, name))


def _no_node(run: Run, name: str) -> str:
    close = difflib.get_close_matches(name, list(run.graph.nodes), n=1)
    guess = f" (did you mean {close[0]!r}?)" if close else ""
    return f"graph {run.graph.name!r} has no node {name!r}{guess}"


def _patch(
    batch: Batch, given: dict[str, Json], messages: tuple[int, ...], command: inputs.Command
) -> None:
    admitted = admit_patch(given, limits=batch.run.limits, what="the patch")
    if not admitted:
        raise NotApplicable("the patch is empty", hint="name at least one key of the state")
    batch.emit(StatePatched, patch=admitted, messages=messages, **_by(command))
    batch.run.weight = math.inf  # nobody has weighed this


def _skip(
    batch: Batch, skipped: list[Activation], given: dict[str, Json], command: inputs.Command
) -> None:
    _give(batch, _prepare_skip(batch.run, skipped, given, {}), _by(command))


def _prepare_skip(
    run: Run, skipped: list[Activation], given: dict[str, Json], patched: dict[str, Json]
) -> list[Given]:
    """See what the result leads to, on the state that a patch by the same person makes."""
    prepared: list[Given] = []
    for activation in skipped:
        result = admit_patch(given, limits=run.limits, what=f"the result of {activation.node!r}")
        head = run.history.imagine(activation.head, patched)
        try:
            check_reducers(run, activation.node, head, result)
            targets = after_success(run, activation.node, AfterWrite(head, result, ()), None)
        except NodeError as error:
            raise NotApplicable(
                f"with this result node {activation.node!r} would fail: {error.message}",
                hint=error.hint,
                details=error.details,
            ) from error
        prepared.append((activation, result, targets))
    return prepared


def _give(
    batch: Batch,
    prepared: Sequence[Given],
    by: By,
) -> None:
    for activation, result, targets in prepared:
        if batch.over:  # what one of them sent was too much
            return
        batch.emit(NodeSkipped, node=activation.node, activation=activation.id, patch=result, **by)
        batch.run.weight = math.inf  # nobody has weighed this
        send(batch, activation, targets)
