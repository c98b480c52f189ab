"""The one way into the core: an input in, an atomic batch of entries out.

This module knows which inputs a run can take, and in which order a step is put together:
what the input causes, then everything that became due, then the end if nothing is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from engine import inputs
from engine.decide import command
from engine.decide.batch import Batch
from engine.decide.ending import finish
from engine.decide.fire import settle
from engine.decide.result import again, attempt_failed, returned
from engine.entry import ErrorInfo, MessageSent, RunStarted
from engine.errors import DuplicateCommand, InvalidValue, NotApplicable, RunOver, StaleResult
from engine.run import OVER, awaited
from engine.value import admit

if TYPE_CHECKING:
    from engine.entry import AnyEntry
    from engine.run import Run, Timer

_LAST_YEAR: Final = 9000
"""So that no time-out or pause ends after the last year there is."""


def step(run: Run, given: inputs.AnyInput) -> tuple[AnyEntry, ...]:
    """Decide what follows from an input, apply it, and give it as one batch.

    The run has changed when this returns: whoever gets the batch must see that it is written
    down before anything that was read from the run leaves the process.

    Raises:
        Refused: The run can't take this input now. It has not changed.
        InvalidValue: A value in the input can't be in a state. The run has not changed.
    """
    at = given.at
    if at.tzinfo is None or at.year > _LAST_YEAR:
        raise InvalidValue(
            f"the time of an input is {at.isoformat()}, expected one with a time zone, up "
            f"to the year {_LAST_YEAR}",
            path="at",
            hint="give datetime.now(UTC)",
        )
    if isinstance(given, inputs.Result):  # nearly all of them, so it is asked first
        if run.status in OVER:
            raise RunOver(f"run {run.id} is {run.status}: nothing can be added to its log")
        if given.patch is not None and given.error is not None:
            raise InvalidValue(
                f"the result of activation {given.activation} has a patch and an error",
                path="patch",
                hint="a failed attempt writes nothing: give one of the two",
            )
        activation = run.running.get(given.activation)
        if activation is None or activation.attempt != given.attempt:
            raise StaleResult(
                f"nobody waits for attempt {given.attempt} of activation {given.activation} in "
                f"run {run.id}",
                hint="drop it: the attempt timed out, was withdrawn, or has returned already",
            )
        now = run.now
        batch = Batch(run, at if now is None or at > now else now, run.id)
        if returned(batch, activation, given):
            return batch.seal()
    else:
        batch = _other(run, given)
    if run.status not in OVER:
        settle(batch)
        finish(batch)
    return batch.seal()


def _other(run: Run, given: inputs.AnyInput) -> Batch:
    match given:
        case inputs.Start():
            return _start(run, given)
        case inputs.Fork():
            batch = Batch.begin(run, given.at, given.run_id)
            if run.status == "new":
                raise NotApplicable("a run that has not started can't be forked")
            command.fork(batch, given)
            return batch
        case inputs.Timer():
            _must_go_on(run)
            return _timer(run, given)
        case inputs.Result():
            raise AssertionError("results are taken in step()")
        case _:
            return _command(run, given)


def _command(
    run: Run,
    given: inputs.Pause
    | inputs.Resume
    | inputs.Step
    | inputs.SetBreakpoints
    | inputs.Patch
    | inputs.Skip
    | inputs.RaiseLimit
    | inputs.Cancel,
) -> Batch:
    _must_be_new(run, given.n)
    _must_go_on(run)
    admit(given.actor, what="the actor")
    batch = Batch.begin(run, given.at)
    match given:
        case inputs.Pause():
            command.pause(batch, given)
        case inputs.Resume():
            command.resume(batch, given)
        case inputs.Step():
            command.step(batch, given)
        case inputs.SetBreakpoints():
            command.set_breakpoints(batch, given)
        case inputs.Patch():
            command.patch(batch, given)
        case inputs.Skip():
            command.skip(batch, given)
        case inputs.RaiseLimit():
            command.raise_limit(batch, given)
        case inputs.Cancel():
            command.cancel(batch, given)
        case _:
            assert_never(given)
    return batch


def _must_be_new(run: Run, number: object) -> None:
    if type(number) is not int or number < 1:
        raise NotApplicable(
            f"commands are numbered from 1, this one has {number!r}", hint="count them per run"
        )
    if number in run.commands:
        raise DuplicateCommand(number, run.commands[number])


def _must_go_on(run: Run) -> None:
    if run.status == "new":
        raise NotApplicable("the run has not started", hint="the first input is Start")
    if run.status in OVER:
        raise RunOver(
            f"run {run.id} is {run.status}: nothing can be added to its log",
            hint="fork or retry it: that makes a new run",
        )


def _start(run: Run, given: inputs.Start) -> Batch:
    if run.status != "new":
        raise NotApplicable(f"run {run.id} has started already")
    limits = run.limits
    state = admit(
        {**run.graph.state.defaults, **given.state},
        what="the initial state",
        max_depth=limits.max_depth + 1,
        max_size=limits.max_state,
    )
    command.check_breakpoints(run, given.breakpoints)
    admit([given.run_id, given.tenant, given.actor], what="the start")
    admit(given.tags, what="the tags")
    admit(given.tools, what="the versions of tools")
    batch = Batch.begin(run, given.at, given.run_id)
    batch.emit(
        RunStarted,
        graph=run.graph.name,
        version=run.graph.version,
        state=state,
        tags=given.tags,
        breakpoints=given.breakpoints,
        tools=given.tools,
        tenant=given.tenant,
        actor=given.actor,
    )
    batch.emit(MessageSent, to=run.graph.entry)
    return batch


def _timer(run: Run, given: inputs.Timer) -> Batch:
    batch = Batch.begin(run, given.at)
    due = [
        timer
        for timer in sorted(run.timers, key=lambda timer: timer[:2])
        if timer[0] <= given.at and _counts(run, timer)
    ]
    if not due:
        raise NotApplicable(f"no timer of run {run.id} is due", hint="ask for its deadline again")
    for timer in due:
        if batch.over or (run.failing is not None and run.graph.on_failure == "fail_fast"):
            break
        if _counts(run, timer):  # else one before it has settled the matter
            _ring(batch, timer)
    return batch


def _counts(run: Run, timer: Timer) -> bool:
    return awaited(run, timer) and (run.status != "paused" or timer[2] != "retry")


def _ring(batch: Batch, timer: Timer) -> None:
    _, _, purpose, activation, _ = timer
    run = batch.run
    if activation is None:
        batch.fail_run(
            ErrorInfo(
                code="DEADLINE_EXCEEDED",
                message=f"the run took longer than its deadline of {run.limits.deadline} s",
                hint="raise the limit deadline, or look at what the run waited for",
                retryable=False,
            )
        )
        return
    node = run.graph.nodes[activation.node]
    match purpose:
        case "retry":
            again(batch, activation)
        case "attempt":
            error = ErrorInfo(
                code="TIMEOUT",
                message=f"attempt {activation.attempt} of node {node.name!r} took longer than "
                f"its timeout of {node.timeout} s",
                hint=f"raise the timeout of node {node.name!r}, or make its tool answer sooner",
            )
            attempt_failed(batch, activation, error)
        case "total":
            error = ErrorInfo(
                code="TOTAL_TIMEOUT",
                message=f"all attempts of node {node.name!r} together took longer than its "
                f"total_timeout of {node.total_timeout} s",
                hint=f"raise the total_timeout of node {node.name!r}",
                retryable=False,
            )
            attempt_failed(batch, activation, error)
        case "run":
            raise AssertionError("the deadline of the run has no activation")
        case _:
            assert_never(purpose)
