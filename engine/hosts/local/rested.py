"""Runs that do not go on, and stay in memory for a while.

This module knows how many of them stay, and which may leave. It does not know what wakes
one: whoever asks something of a run that has left has it read from its log again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.hosts.local.driven import Driven
    from engine.ids import RunId
    from engine.run import Run

PAUSED: Final = 256
"""Paused runs that stay, so that stepping through one does not read its log at each step."""

ENDED: Final = 256
"""Ended runs that stay, so that whoever asks for the result a little later reads no log."""

LIGHT: Final = 64 * 1024
"""Bytes that the state of an ended run may have to stay."""

_TRIES: Final = 4
"""Runs that are looked at for each that comes: some are read or waited for, and can't leave."""


class Rested:
    """The runs of a host that were paused or have ended last.

    Args:
        runs: The runs that are driven; those that leave are taken out.
        watched: Tells whether somebody reads the log of a run just now.
    """

    def __init__(self, runs: dict[RunId, Driven], *, watched: Callable[[RunId], bool]) -> None:
        self._runs = runs
        self._watched = watched
        self._paused: dict[RunId, None] = {}
        self._ended: dict[RunId, Run] = {}

    def pause(self, run_id: RunId) -> None:
        """Take note that a run is paused; those that have been for longest may leave."""
        self._paused.pop(run_id, None)
        self._paused[run_id] = None
        for _ in range(_TRIES):
            if len(self._paused) <= PAUSED:
                return
            oldest = next(iter(self._paused))
            del self._paused[oldest]
            driven = self._runs.get(oldest)
            if driven is None or driven.run.status != "paused":
                continue
            if driven.idle and not self._watched(oldest):
                del self._runs[oldest]
            else:
                self._paused[oldest] = None  # it is looked at again later

    def end(self, run: Run) -> None:
        """Take note that a run has ended."""
        self._paused.pop(run.id, None)
        if run.weight <= LIGHT:
            self._ended[run.id] = run
            if len(self._ended) > ENDED:
                del self._ended[next(iter(self._ended))]

    def ended(self, run_id: RunId) -> Run | None:
        """Give a run that ended not long ago."""
        return self._ended.get(run_id)
