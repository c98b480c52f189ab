"""What may help a run that has failed or is paused, by what stopped it.

This module knows the errors that stop runs, and what people do about each. It does not know
who carries an action out, nor what a tool will answer the next time.

Rule: nothing is offered on a guess. Every action is tried out first (`trial`), and offered
only if the core takes it as it stands and the run then goes on.
"""

from __future__ import annotations

import difflib
from itertools import islice
from typing import TYPE_CHECKING, Final, cast

from engine.action.action import Action
from engine.action.dispute import choices, disputed, others, patch_of, told
from engine.action.trial import Trials
from engine.ask import state_of
from engine.graph.words import RANGES
from engine.value import canonical, copy_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from engine.entry import AnyEntry, ErrorInfo
    from engine.ids import Json
    from engine.message import Activation
    from engine.run import Run

_MOST_CHOICES: Final = 4

_KEPT: Final[Mapping[str, Json]] = {"keep_keys": True}
"""What is mended goes on with the idempotency keys it had: effects are not repeated."""

_FIRST: Final[Mapping[str, str]] = {
    "MISSING_INPUT": "mend its tool first, which fails the same way on the same state",
    "MISSING_OUTPUT": "mend its tool first, which has to give what the node expects",
    "BAD_RESULT": "mend its tool first, which has to give a mapping",
    "TOOL_MISSING": "register its tool first",
}
"""What has to happen before another attempt, by the code of the error."""

_ANEW: Final = frozenset(
    {
        "TOTAL_TIMEOUT", "TOOL_MISSING", "NO_ROUTE", "ROUTE_NOT_DECLARED", "CONDITION_MISSING_KEY",
        "CONDITION_TYPE", "CONDITION_NOT_BOOL", "CONDITION_TOO_EXPENSIVE",
    }
)  # fmt: skip
"""The engine does not retry these by itself, but a person may have good reasons to."""

_MISSING: Final[Mapping[str, str]] = {"MISSING_INPUT": "parameter", "CONDITION_MISSING_KEY": "key"}
"""Which of an error's details names the key that is not there."""

_FIRING_LIMITS: Final = frozenset({"LOOP_LIMIT", "ACTIVATION_LIMIT"})
_WRITING_LIMITS: Final = frozenset({"STATE_TOO_LARGE", "BAD_OUTPUT"})
_MEETINGS: Final = frozenset({"STATE_CONFLICT", "REDUCER_FAILED"})


def actions(
    run: Run, refold: Callable[[], Run], *, log: Sequence[AnyEntry] = ()
) -> tuple[Action, ...]:
    """Say what can be done about a run that has failed or is paused, the most useful first.

    A run that has failed is forked, a paused one is mended in place. There is nothing for a
    run that goes on by itself, was completed or cancelled, and nothing where nothing helps.
    The same run always gets the same answer. It costs about one `refold` for each action.

    Args:
        run: The run, which is not changed.
        refold: Makes the same run anew, from its log.
        log: All entries of the log. Only with them an action may go back before its end.
    """
    case = _Case(run, Trials(run, refold, log))
    match run.status:
        case "failed":
            found = case.after_failure()
        case "paused":
            found = case.in_pause()
        case _:
            return ()
    return tuple(action for action in found if case.trials.helps(action))


class _Case:
    """A run that has stopped, and what may help it."""

    def __init__(self, run: Run, trials: Trials) -> None:
        self.run: Run = run
        self.trials: Trials = trials
        # In a run that drains what has failed stays so, whatever is done about the pause.
        status = ("failed", "exhausted") if run.status == "failed" else ("exhausted",)
        found = [each for each in run.activations.values() if each.status in status]
        self.given_up: list[Activation] = sorted(found, key=lambda each: each.id)
        """The activations that failed for good, and could have another attempt."""

    def after_failure(self) -> Iterator[Action]:
        """Name what may help a run that has failed, by where it failed."""
        error, failing = self.run.error, self.run.failing
        assert error is not None  # noqa: S101  # `run.failed` always says why
        of_node = failing is not None and failing.error == error
        if of_node and failing is not None and failing.attempt:
            return self._after_attempt(error, self.run.activations.get(failing.activation))
        if error.code in _MEETINGS:
            return self._settled() if of_node else self._once_more()
        if of_node and error.code.startswith("CONDITION_"):
            says = "go on in a new run, where the join asks again, also about what has come since"
            return iter([Action("retry", {}, says)])
        return self._after_limit(error)

    def _after_limit(self, error: ErrorInfo) -> Iterator[Action]:
        yield from self._raised(error)
        if error.code == "DEADLINE_EXCEEDED":
            yield Action("retry", {}, "go on in a new run, which has as much time again")

    def _after_attempt(self, error: ErrorInfo, activation: Activation | None) -> Iterator[Action]:
        """Name what may help where an attempt of a node failed."""
        if error.code in _WRITING_LIMITS:
            yield from self._raised(error)
        for patch, words in self._lacked(error, activation):
            says = f"make another attempt in a new run, with {words}"
            yield Action("fork", {"patch": patch, **_KEPT}, says)
        nodes = _nodes(self.given_up)
        first = _first(error, "fork the run with") or "what has completed is not done again"
        says = f"make another attempt of {nodes} in a new run, on the same state; {first}"
        retry = Action("retry", {}, says)
        says = f"go on in a new run as if {nodes} had written nothing"
        skip = Action("fork", {"skip": {}, **_KEPT}, says)
        if error.code == "STATE_TOO_LARGE":  # on the same state, it stays too large
            yield skip
        elif error.retryable or error.code in _ANEW:
            yield from (retry, skip)
        else:
            yield from (skip, retry)

    def in_pause(self) -> Iterator[Action]:
        """Name what may help a paused run, or just lets it go on."""
        run, error, says = self.run, self.run.error, "go on"
        if self.given_up:
            says += f" and make another attempt of {_nodes(self.given_up)}"
            if error is not None and (first := _first(error, "give the run")):
                says += f"; {first}"
        elif run.failing is not None:
            says = "let what has started finish; the run fails then"
        resume = Action("resume", {}, says)
        if error is not None and error.code in _FIRING_LIMITS:
            if not self.trials.helps(resume):  # else the limit has been raised already
                yield from self._raised(error)
        elif error is not None and self.given_up:
            if error.code in _WRITING_LIMITS:
                yield from self._raised(error)
            yield from self._patched(error)
        yield resume
        if error is None and run.failing is None and not self.given_up:
            yield Action("step", {}, "fire one node, and stay paused")
        for each in self.given_up[:_MOST_CHOICES]:
            says = f"take it that node {each.node!r} wrote nothing; then resume the run"
            yield Action("skip", {"activation": int(each.id), "patch": {}}, says)
        yield Action("cancel", {}, "end the run now")

    # -- a limit ----------------------------------------------------------------------------

    def _raised(self, error: ErrorInfo) -> Iterator[Action]:
        """Double the limit that an error is about."""
        found = self._limit(error)
        if found is None:
            return
        name, value, least = found
        raised = value * 2
        while raised < least:
            raised *= 2
        # A node may have stopped at less than the others have: they are given no less.
        raised = max(raised, cast("float", getattr(self.run.limits, name)))
        raised = _whole(min(raised, RANGES[name][1]))
        if raised <= value:
            return
        limits: dict[str, Json] = {name: raised}
        says = f"with the limit {name} raised from {_whole(value)} to {raised}"
        if self.run.status == "paused":
            yield Action("raise_limits", {"limits": limits, "resume": True}, f"go on {says}")
        else:
            yield Action("fork", {"limits": limits, **_KEPT}, f"go on in a new run {says}")

    def _limit(self, error: ErrorInfo) -> tuple[str, float, float] | None:
        """Name the limit that stopped the run, its value, and the least that would do."""
        run, limits = self.run, self.run.limits
        found: tuple[str, float, float] | None = None
        match error.code:
            case "LOOP_LIMIT":
                found = "max_visits", *self._visits(error)
            case "ACTIVATION_LIMIT":
                found = "max_activations", limits.max_activations, run.fired + 1
            case "TOO_MANY_MESSAGES":
                found = "max_in_flight", limits.max_in_flight, len(run.messages)
            case "DEADLINE_EXCEEDED" if limits.deadline is not None:
                found = "deadline", limits.deadline, 0
            case "STATE_TOO_LARGE":
                size = error.details.get("size")
                if isinstance(size, int) and size > limits.max_state:  # else it was raised already
                    found = "max_state", limits.max_state, size
            case "BAD_OUTPUT" if f"larger than {limits.max_patch:,} bytes" in error.message:
                found = "max_patch", limits.max_patch, 0
            case "BAD_OUTPUT" if f"at most {limits.max_depth} levels" in error.message:
                found = "max_depth", limits.max_depth, 0
            case _:
                pass
        return found

    def _visits(self, error: ErrorInfo) -> tuple[float, float]:
        """Give the limit at which a node of a loop was stopped, and one that would do for all."""
        run, value, loop = self.run, error.details.get("value"), error.details.get("loop")
        names = cast("list[str]", loop) if isinstance(loop, list) else []
        visits = [run.visits.get(run.plan.index.get(name, -1), 0) for name in names]
        stopped = value if isinstance(value, int) else run.limits.max_visits
        return stopped, max(visits, default=0) + 1

    # -- a key that is not there --------------------------------------------------------------

    def _patched(self, error: ErrorInfo) -> Iterator[Action]:
        """Set a missing key for the one node that is paused for it."""
        if len(self.given_up) == 1:
            for patch, words in self._lacked(error, self.given_up[0]):
                node = self.given_up[0].node
                says = f"give node {node!r} {words}; then resume the run"
                yield Action("patch", {"patch": patch, "node": node}, says)

    def _lacked(
        self, error: ErrorInfo, activation: Activation | None
    ) -> Iterator[tuple[dict[str, Json], str]]:
        """Find what a missing key may be, in what a node ran on or among all that it can be.

        Of a key that can be anything only a person knows what it is: any value made up here
        would make a run that looks as if it were mended.
        """
        name = error.details.get(_MISSING.get(error.code, ""))
        if not isinstance(name, str) or activation is None:
            return
        if error.code != "MISSING_INPUT" and name not in self._read(activation.node):
            return  # it is a field of some object
        state = state_of(self.run, activation.id)
        if name in state:
            return
        if close := difflib.get_close_matches(name, sorted(state), n=1):
            yield {name: state[close[0]]}, f"the value of {close[0]!r} as {name!r}"
        values = error.details.get("values")
        if isinstance(values, list) and len(values) <= _MOST_CHOICES:  # one of them is right
            for value in values:
                yield {name: copy_of(value)}, f"{canonical(value).decode()} as {name!r}"

    def _read(self, node: str) -> set[str]:
        """Give the keys that the expressions of a node read."""
        graph = self.run.graph
        read = {key for each in graph.nodes[node].inputs.values() for key in each.names}
        for rule in graph.routing[node].rules:
            read.update(rule.when.names if rule.when is not None else ())
        return read

    # -- branches that differ -----------------------------------------------------------------

    def _settled(self) -> Iterator[Action]:
        """Take what one of the branches wrote that can't meet, for all of them."""

        def fork(patch: dict[str, Json], says: str) -> Action:
            return Action("fork", {"patch": patch, **_KEPT}, says)

        found = disputed(self.run, lambda patch: self.trials.after(fork(patch, "")))
        for choice in islice(choices(found), _MOST_CHOICES):
            says = f"go on in a new run with {told(choice)}, in all branches"
            yield fork(patch_of(choice), says)

    def _once_more(self) -> Iterator[Action]:
        """Let the node that ended the run run again, on what the branches before it wrote.

        What it writes then has their writes in its past, so that it supersedes them.
        """
        done = self.trials.ending()
        if done is None:
            return

        def fork(patch: dict[str, Json], says: str) -> Action:
            return Action("fork", {"at": done.seq - 1, "patch": patch, **_KEPT}, says)

        found = disputed(self.run, lambda patch: self.trials.after(fork(patch, "")))
        own = any(key in done.patch for key in found)
        then = "; what it writes then takes the place of that" if own else ""
        # Of what it writes itself it has the last word, whatever it is given.
        for choice in [others(found, done.node)] if own else islice(choices(found), _MOST_CHOICES):
            says = f"run node {done.node!r} again in a new run, with {told(choice)}{then}"
            yield fork(patch_of(choice), says)


def _first(error: ErrorInfo, patching: str) -> str:
    """Say what has to happen before another attempt, if anything has to."""
    first, name = _FIRST.get(error.code, ""), error.details.get("parameter")
    if error.code != "MISSING_INPUT" or not isinstance(name, str):
        return first
    return f"{first}, or {patching} a patch that has {name!r}"


def _whole(value: float) -> float:
    return int(value) if value == int(value) else value


def _nodes(activations: Iterable[Activation]) -> str:
    names = list(dict.fromkeys(repr(each.node) for each in activations))
    return f"node{'s' if len(names) > 1 else ''} {' and '.join(names)}"
