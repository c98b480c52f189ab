"""What is the matter with a run that has stopped: its log is read again, and reported on.

This module knows where the log is, and that reading a long one must not hold up the loop. It
does not know what is said about a failure (`report`), nor what can be done (`action`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from engine.ids import Seq
from engine.report import Report
from engine.run import fold

if TYPE_CHECKING:
    from engine.entry import AnyEntry
    from engine.run import Run
    from engine.store import Store

_AT_ONCE: Final = 256
"""Rows that are read before the loop has its turn."""

_SHORT: Final = 500
"""Entries of a log that are folded a few times in a few milliseconds."""


async def diagnose(store: Store, run: Run) -> Report:
    """Report on a run that has failed, or is paused with an error; it is not changed.

    What can be done about it is tried on copies that are folded from the log; of a long log,
    in a thread.
    """
    log: list[AnyEntry] = []
    while rows := await store.read(run.id, Seq(len(log) - 1), limit=_AT_ONCE):
        log += [entry for row in rows for entry in row.entries]
        await asyncio.sleep(0)

    def report() -> Report:
        return Report.of(run, lambda: fold(run.graph, log), log=log)

    if len(log) <= _SHORT:
        return report()
    return await asyncio.get_running_loop().run_in_executor(None, report)
