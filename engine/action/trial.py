"""Actions tried out: what would become of a run, on a fold that nobody else has.

This module knows what an action feeds to the core, and when a run goes on after it. It does
not know why somebody thinks that an action may help (`remedy`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import msgspec

from engine import inputs
from engine.action.action import Action
from engine.ask import active
from engine.decide import step
from engine.entry import NodeCompleted
from engine.errors import ConditionFailed, InvalidValue, Refused
from engine.run import Run, fold
from engine.segment import State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.entry import AnyEntry, ErrorInfo
    from engine.ids import Json
    from engine.inputs import AnyInput

_RESUME = Action("resume", {}, "go on")


@dataclass(frozen=True, slots=True)
class Trials:
    """A run that has stopped, made anew for each action that is tried out."""

    run: Run
    refold: Callable[[], Run]
    log: Sequence[AnyEntry]
    """All entries of the log, or none: then nothing goes back before its end."""

    def helps(self, action: Action) -> bool:
        """Tell whether the core takes an action, and the run goes on as far as can be known."""
        trial = self.after(action)
        if trial is None or trial.status == "failed":
            return False
        drains = self.run.status == "paused" and self.run.failing is not None
        if trial.failing is not None and not drains:
            return False
        error = self.run.error
        if error is None:
            return True
        stuck = trial.status == "paused" and trial.error == error
        return not stuck and not _asks_again(trial, error)

    def after(self, action: Action) -> Run | None:
        """Carry out an action; None: the core refuses it.

        What only takes effect when the run is resumed is looked at after that. Where an
        action goes back, the node that ended the run is taken to do as it did.
        """
        at = action.arguments.get("at")
        back = self.log[: at + 1] if isinstance(at, int) else None
        trial = self.refold() if back is None else fold(self.run.graph, back)
        try:
            for given in _inputs(trial, action):
                step(trial, given)
            if action.name in ("skip", "patch") and trial.status == "paused":
                for given in _inputs(trial, _RESUME):
                    step(trial, given)
            if back is not None and (done := self.ending()) is not None:
                step(trial, _result(done))
        except (Refused, InvalidValue):
            return None
        return trial

    def ending(self) -> NodeCompleted | None:
        """Give the completion that ended the run, if the log is there and it was one."""
        if not self.log:
            return None
        last = self.log[-1].batch
        at = len(self.log) - 1
        while at and self.log[at - 1].batch == last:
            at -= 1
        first = self.log[at]
        # What a fork has from its origin is not its own: it can't go back into that.
        own = at > 0 and self.log[at - 1].run_id == self.run.id
        return first if own and isinstance(first, NodeCompleted) else None


def _inputs(run: Run, action: Action) -> list[AnyInput]:
    """Give what an action feeds to the core."""
    number = max(run.commands, default=0) + 1
    given: dict[str, object] = {"at": run.now, "n": number}
    given |= {name: value for name, value in action.arguments.items() if name != "at"}
    match action.name:
        case "retry" | "fork":
            found: AnyInput = msgspec.convert({"run_id": f"{run.id}+", **given}, inputs.Fork)
        case "resume":
            found = msgspec.convert(given, inputs.Resume)
        case "step":
            found = msgspec.convert(given, inputs.Step)
        case "skip":
            found = msgspec.convert(given, inputs.Skip)
        case "patch":
            found = msgspec.convert(given, inputs.Patch)
        case "cancel":
            found = msgspec.convert(given, inputs.Cancel)
        case "raise_limits":
            return _raises(given, number)
    return [found]


def _raises(given: dict[str, object], number: int) -> list[AnyInput]:
    limits = cast("dict[str, Json]", given["limits"])
    raises: list[AnyInput] = [
        msgspec.convert({**given, "n": n, "limit": limit, "value": value}, inputs.RaiseLimit)
        for n, (limit, value) in enumerate(limits.items(), number)
    ]
    resumed = msgspec.convert({**given, "n": number + len(limits)}, inputs.Resume)
    return [*raises, resumed] if given["resume"] else raises


def _result(done: NodeCompleted) -> inputs.Result:
    return inputs.Result(
        at=done.at,
        activation=done.activation,
        attempt=done.attempt,
        patch=done.patch,
        overwrites=done.overwrites,
        goto=done.goto,
    )


def _asks_again(run: Run, error: ErrorInfo) -> bool:
    """Tell whether a node that is active would fail again of the expression that failed."""
    if not error.code.startswith("CONDITION_"):
        return False
    text = error.details.get("expression")
    for activation in active(run).values():
        for expression in run.graph.nodes[activation.node].inputs.values():
            if expression.text == text:
                try:
                    expression.value(State(activation.head))
                except ConditionFailed:
                    return True
    return False
