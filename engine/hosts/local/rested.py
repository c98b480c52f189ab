"""Runs that do not go on by themselves, and stay in memory for a while.

This module knows how many of them stay, which leaves first, and that the store says when a
run is due before it leaves. It does not know what wakes it: its time (`parked`), or whoever
asks something of it, has it read from its log again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.clock import Clock
    from engine.hosts.local.driven import Driven
    from engine.hosts.local.keeping import Keeping
    from engine.hosts.local.parked import Parked
    from engine.ids import RunId
    from engine.run import Run

RESTING: Final = 256
"""Runs that stay while they rest, so that stepping through one does not read its log each time."""

SOON: Final = 5.0
"""Seconds: a run that goes on by itself before that stays in memory."""

ENDED: Final = 256
"""Ended runs that stay, so that whoever asks for the result a little later reads no log."""

LIGHT: Final = 64 * 1024
"""Bytes that the state of an ended run may have to stay."""

_TRIES: Final = 4
"""Runs that are looked at for each that comes: some are read or waited for, and can't leave."""


class Rested:
    """The runs of a host that came to rest or have ended last.

    Args:
        runs: The runs that are driven; those that leave are taken out.
        keeping: Has it written when a run is due.
        parked: Sees to it that it goes on then.
        clock: Says what time it is.
        watched: Tells whether somebody reads the log of a run just now.
    """

    def __init__(
        self,
        runs: dict[RunId, Driven],
        *,
        keeping: Keeping,
        parked: Parked,
        clock: Clock,
        watched: Callable[[RunId], bool],
    ) -> None:
        self._runs = runs
        self._keeping = keeping
        self._parked = parked
        self._clock = clock
        self._watched = watched
        self._resting: dict[RunId, Driven] = {}
        self._ended: dict[RunId, Run] = {}

    def stay(self, driven: Driven) -> None:
        """Take note that a run rests of which somebody is about to ask something."""
        self._resting.pop(driven.run.id, None)
        self._resting[driven.run.id] = driven

    def rest(self, driven: Driven) -> None:
        """Take note that a run rests; those that have done so for longest may leave.

        One that goes on by itself `SOON` is passed over.
        """
        if self._is_due_soon(driven):
            return
        self.stay(driven)
        for _ in range(_TRIES):
            if len(self._resting) <= RESTING:
                return
            run_id, oldest = next(iter(self._resting.items()))
            del self._resting[run_id]
            if self._may_leave(oldest):
                self._keeping.rest(oldest, self._leave)
            elif oldest.is_quiet:
                self._resting[run_id] = oldest  # it is looked at again later

    def _leave(self, driven: Driven) -> None:
        """Forget a run whose record says when it is due, unless it is needed again by now."""
        if self._runs.get(driven.run.id) is not driven:
            return
        if not self._may_leave(driven):
            self.rest(driven)
            return
        del self._runs[driven.run.id]
        due, driven.due = driven.due, None
        if due is not None:
            self._parked.expect(due)

    def _may_leave(self, driven: Driven) -> bool:
        """Tell whether nobody needs a run in memory before somebody is there who wakes it."""
        woken = driven.due is None or self._parked.watched
        return (
            woken
            and driven.is_idle
            and not self._is_due_soon(driven)
            and not self._watched(driven.run.id)
        )

    def _is_due_soon(self, driven: Driven) -> bool:
        return driven.due is not None and ((driven.due - self._clock.now()).total_seconds() < SOON)

    def forget(self, run_id: RunId) -> None:
        """Take note that a run is driven no further here."""
        self._resting.pop(run_id, None)

    def begin(self, run_id: RunId) -> None:
        """Take note that a run begins: one of that name which has ended was removed since."""
        self._ended.pop(run_id, None)

    def end(self, run: Run) -> None:
        """Take note that a run has ended."""
        self._resting.pop(run.id, None)
        if run.weight <= LIGHT:
            self._ended[run.id] = run
            if len(self._ended) > ENDED:
                del self._ended[next(iter(self._ended))]

    def ended(self, run_id: RunId) -> Run | None:
        """Give a run that ended not long ago."""
        return self._ended.get(run_id)
