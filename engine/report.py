"""What a run failed of, or is paused for, as those who wait for it hear of it.

This module knows how a failure is told: where, on what, why, and what can be done. It does
not know who waited, nor how what can be done is found (`action`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

from engine.action import Action, actions
from engine.ask import state_of, view
from engine.entry import NodeFailed, NodeRetrying
from engine.errors import EngineError
from engine.value import canonical, copy_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from engine.entry import AnyEntry, ErrorInfo
    from engine.ids import ActivationId, Json, RunId, Seq
    from engine.run import Run

_MOST_EARLIER: Final = 20
_MOST_KEYS: Final = 20
_LONGEST_SHOWN: Final = 70
"""Characters of a value in a line of text."""


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """An attempt that failed, and after which another was made."""

    attempt: int
    at: datetime
    error: ErrorInfo


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of a failure. All values are copies; as text it is for a terminal."""

    run_id: RunId
    graph_id: str
    error: ErrorInfo
    node: str | None = None
    """The node that failed; None if the run as a whole did, as at its deadline."""
    activation: ActivationId | None = None
    attempt: int | None = None
    """0: the node could not even fire."""
    messages: tuple[Seq, ...] = ()
    """What the node ran on."""
    state: dict[str, Json] = field(default_factory=dict[str, "Json"])
    """The state the node ran on, or that of the run."""
    status: Literal["failed", "paused"] = "failed"
    earlier: tuple[FailedAttempt, ...] = ()
    """The last attempts of the same activation before that one."""
    actions: tuple[Action, ...] = ()
    """What can be done about it, the most useful first."""

    @classmethod
    def of(
        cls, run: Run, refold: Callable[[], Run] | None = None, *, log: Sequence[AnyEntry] = ()
    ) -> Report:
        """Report on a run that has failed, or is paused with an error.

        Args:
            run: The run, which is not changed.
            refold: Makes the same run anew, from its log; without, no actions are looked for.
            log: All entries of the log; without, no earlier attempts are told, and no action
                goes back before the end of the run.
        """
        error = run.error
        assert error is not None  # noqa: S101  # the caller looked
        node, activation, attempt, messages = _place(run)
        if activation is not None and activation in run.activations:
            state = state_of(run, activation)
        else:
            state = {key: copy_of(value) for key, value in view(run).state.items()}
        return cls(
            run.id,
            run.graph.name,
            _copied(error),
            node=node,
            activation=activation,
            attempt=attempt,
            messages=messages,
            state=state,
            status="paused" if run.status == "paused" else "failed",
            earlier=_earlier(log, activation, attempt),
            actions=() if refold is None else actions(run, refold, log=log),
        )

    def __str__(self) -> str:
        """Tell it in lines: what failed, on what, why, and what can be done, numbered."""
        return "\n".join(_plain(line) for line in _lines(self))


class RunFailed(EngineError):
    """A run failed; `report` says where, and on what. The code is that of the error."""

    def __init__(self, report: Report) -> None:
        self.report: Report = report
        error = report.error
        where = f" at node '{report.node}'" if report.node is not None else ""
        super().__init__(
            f"run '{report.run_id}' of graph '{report.graph_id}' failed{where}: {error.message}",
            code=error.code,
            hint=error.hint,
            details=error.details,
        )


class RunCancelled(EngineError):
    """Somebody ended the run, so that it has no result."""

    code: str = "RUN_CANCELLED"

    def __init__(self, run_id: RunId) -> None:
        self.run_id: RunId = run_id
        super().__init__(f"run '{run_id}' was cancelled", details={"run_id": run_id})


_Place: TypeAlias = "tuple[str | None, ActivationId | None, int | None, tuple[Seq, ...]]"


def _place(run: Run) -> _Place:
    """Give the node that the error is of, its activation, the attempt and what it ran on."""
    failed = run.failing
    if failed is not None and failed.error == run.error:
        held = run.activations.get(failed.activation)
        messages = failed.messages if held is None else held.messages
        return failed.node, failed.activation, failed.attempt, messages
    exhausted = [each for each in run.activations.values() if each.status == "exhausted"]
    if run.status == "paused" and len(exhausted) == 1:
        (held,) = exhausted
        return held.node, held.id, held.attempt, held.messages
    return None, None, None, ()


def _earlier(
    log: Sequence[AnyEntry], activation: ActivationId | None, attempt: int | None
) -> tuple[FailedAttempt, ...]:
    """List the attempts of an activation that failed before the one that is told."""
    found: list[FailedAttempt] = []
    for each in reversed(log):
        if not isinstance(each, NodeRetrying | NodeFailed) or each.activation != activation:
            continue
        if 0 < each.attempt < (attempt or 0):
            found.append(FailedAttempt(each.attempt, each.at, _copied(each.error)))
        if len(found) == _MOST_EARLIER:
            break
    return tuple(reversed(found))


def _copied(error: ErrorInfo) -> ErrorInfo:
    details = {key: copy_of(value) for key, value in error.details.items()}
    return msgspec.structs.replace(error, details=details)


# -- as text ------------------------------------------------------------------------------


def _lines(report: Report) -> Iterator[str]:
    error = report.error
    yield f"run {report.run_id!r} of graph {report.graph_id!r} {_headline(report)}"
    yield from (f"  {line}" for line in error.message.splitlines())
    yield from _part("caused by", error.cause)
    yield from _part("before", (_attempt(each) for each in report.earlier))
    yield from _part("state", _keys(report.state))
    yield from _part("hint", error.hint.splitlines())
    if report.actions:
        yield "  what can be done:"
    for number, action in enumerate(report.actions, 1):
        yield f"    {number}. {action.says}"
        yield f"       {_call(action)}"


def _headline(report: Report) -> str:
    stopped = "is paused" if report.status == "paused" else "failed"
    if report.node is None:
        return f"{stopped}: {report.error.code}"
    which = f"attempt {report.attempt}" if report.attempt else "before it could run"
    return f"{stopped} at node {report.node!r} ({which}): {report.error.code}"


def _part(label: str, lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield f"  {label:<9}  {line}"
        label = ""


def _attempt(earlier: FailedAttempt) -> str:
    return f"attempt {earlier.attempt}: {earlier.error.code}: {_short(earlier.error.message)}"


def _keys(state: Mapping[str, Json]) -> Iterator[str]:
    for key, value in islice(state.items(), _MOST_KEYS):
        yield f"{key} = {_short(canonical(value).decode())}"
    if len(state) > _MOST_KEYS:
        yield f"and {len(state) - _MOST_KEYS} keys more"


def _call(action: Action) -> str:
    given = (f"{name}={_short(repr(value))}" for name, value in action.arguments.items())
    return f"{action.name}({', '.join(given)})"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _plain(line: str) -> str:
    """Write what a terminal might take for a command as its escape."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in line
    )
