"""What branches that can't meet differ in, and who wrote what.

This module knows how the pasts of branches clash. It does not know what is done about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from engine.ask import ended_heads
from engine.errors import NodeError
from engine.history import Conflict
from engine.segment import State
from engine.value import canonical, copy_of, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from engine.ids import Json
    from engine.run import Run
    from engine.segment import Segment

Writes: TypeAlias = "list[tuple[str, Json]]"
"""Who wrote which value."""

Disputed: TypeAlias = "dict[str, Writes]"
"""For each key that can't be merged, all values that were written."""

Choice: TypeAlias = "dict[str, tuple[str, Json]]"
"""For each of these keys one writer, and the value it wrote."""

_MOST_KEYS: Final = 8
"""Whoever differs in more of them is not mended by choosing."""
_LONGEST_SHOWN: Final = 60
"""Characters of a value in a sentence."""


def disputed(run: Run, settled: Callable[[dict[str, Json]], Run | None]) -> Disputed:
    """Find every key that can't be merged where a run failed.

    The core stops at the first. Which is the next shows when that one is settled.

    Args:
        run: The run as it failed.
        settled: Gives what becomes of the run if these keys are set for all branches.
    """
    found: Disputed = {}
    trial: Run | None = run
    while trial is not None and len(found) < _MOST_KEYS:
        clash = _clash(trial)
        if clash is None or clash[0] in found:
            break
        found[clash[0]] = clash[1]
        trial = settled({key: writes[0][1] for key, writes in found.items()})
    return found


def choices(found: Disputed) -> Iterator[Choice]:
    """Go through the ways to settle a dispute: for each value one, with all of its writer."""
    seen: list[dict[str, Json]] = []
    for key, writes in found.items():
        for writer, value in writes:
            choice = {each: _by(writer, of) for each, of in found.items()}
            choice[key] = writer, value
            patch = patch_of(choice)
            if not any(same(patch, each) for each in seen):
                seen.append(patch)
                yield choice


def others(found: Disputed, node: str) -> Choice:
    """Take for each key what somebody else than `node` wrote, if anybody did."""
    return {
        key: next((each for each in writes if each[0] != node), writes[0])
        for key, writes in found.items()
    }


def patch_of(choice: Choice) -> dict[str, Json]:
    """Give the values that were chosen, as copies."""
    return {key: copy_of(value) for key, (_, value) in choice.items()}


def told(choice: Mapping[str, tuple[str, Json]]) -> str:
    """Say in words what was chosen."""
    return " and ".join(
        f"{key!r} = {_shown(value)} as {writer!r} wrote it"
        for key, (writer, value) in choice.items()
    )


def _by(writer: str, writes: Writes) -> tuple[str, Json]:
    return next((each for each in writes if each[0] == writer), writes[0])


def _shown(value: Json) -> str:
    text = canonical(value).decode()
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _clash(run: Run) -> tuple[str, Writes] | None:
    """Give the first key that can't be merged where a run failed, and what was written."""
    meeting = _meeting(run)
    heads = [head for _, head in meeting]
    if not heads:
        return None
    clashing: set[str] = set()
    try:
        run.history.meet(heads)
    except Conflict as conflict:
        return conflict.key, list(conflict.writes)
    except NodeError:  # a reducer can't take it, which does not say whose value it is
        run.history.meet(heads, clashing)
    if not clashing:
        return None
    key = min(clashing)
    states = [(source, State(head)) for source, head in meeting]
    return key, [(source, state[key]) for source, state in states if key in state]


def _meeting(run: Run) -> list[tuple[str, Segment]]:
    """Give the branches that could not meet: from which node each came, and its history."""
    names = run.plan.names
    if run.failing is None:
        if run.status != "failed" or run.messages:
            return []
        ended = {id(branch.head): branch.node for branch in run.branches.values()}
        return [(ended[id(head)], head) for head in ended_heads(run)]
    meeting: list[tuple[str, Segment]] = []
    for seq in run.failing.messages:
        message = run.messages.get(seq)
        if message is not None and message.head is not None:
            slots = run.plan.slots[message.node]
            source = next(node for node, slot in slots.items() if slot == message.slot)
            meeting.append((names[source] if source >= 0 else "start", message.head))
    return meeting
