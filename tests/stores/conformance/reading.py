"""What tests read out of a store, as short as can be compared: words, and names in a row.

This module knows how a store is read. It does not know what ought to be there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.entry import MessageSent
from engine.ids import RunId, Seq
from engine.store import ALL, RunFilter, RunRecord
from tests.stores.conformance.rows import RUN

if TYPE_CHECKING:
    from engine.store import Store


async def names(
    store: Store, wanted: RunFilter = ALL, *, before: RunRecord | None = None, limit: int = 100
) -> str:
    """List runs, and give their names in that order."""
    return "".join([each.run_id for each in await store.runs(wanted, before=before, limit=limit)])


async def due(store: Store, *, after: RunRecord | None = None, limit: int = 100) -> str:
    """Give the names of the runs that are due, in order."""
    return "".join([each.run_id for each in await store.due(after=after, limit=limit)])


async def is_gone(store: Store, run_id: str) -> bool:
    """Tell whether nothing of a run is left; see that nothing is half gone."""
    name = RunId(run_id)
    left = [await store.record(name), await store.last(name), *await store.read(name)]
    left += [each for each in await store.runs() if each.run_id == run_id]
    gone = left == [None, None]
    assert gone or (None not in left and len(left) > 3), left
    return gone


async def words(store: Store, run_id: str = RUN, after: int = -1, limit: int | None = None) -> str:
    """Read a log, and give the words in it."""
    rows = await store.read(RunId(run_id), Seq(after), limit=limit)
    sent = [entry for each in rows for entry in each.entries]
    return "".join(entry.to for entry in sent if isinstance(entry, MessageSent))
