"""What tests do to a store, one step at a time: each is kept, or raises.

This module knows how rows and records are handed over. It does not know what for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.ids import RunId, Seq
from engine.store import Origin, RunRecord
from tests.stores.conformance.news import News
from tests.stores.conformance.rows import RUN, record, row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.row import Row
    from engine.store import Store


async def keep(
    store: Store,
    given: Row,
    *,
    run_id: str = RUN,
    expected: int | None = None,
    record: RunRecord | None = None,
) -> None:
    """Append a batch after what comes before it, and wait until it is kept, or raise."""
    news = News()
    if not store.append(
        RunId(run_id),
        given,
        expected=Seq(given.first - 1 if expected is None else expected),
        kept=news.of("it"),
        record=record,
    ):
        ((_, error),) = await news.all()
        if error is not None:
            raise error


async def keep_all(
    store: Store, rows: Sequence[Row], *, run_id: str = RUN, given: RunRecord | None = None
) -> None:
    """Make the log of a run of these rows."""
    for index, each in enumerate(rows):
        first = given or record(run_id)
        await keep(store, each, run_id=run_id, record=None if index else first)


async def fork(store: Store, run_id: str, of: str, at: int, *rows: Row) -> None:
    """Make a run whose log begins with that of another up to `at`, and goes on with `rows`."""
    given = record(run_id, origin=Origin(RunId(of), Seq(at)))
    await keep_all(store, rows, run_id=run_id, given=given)


async def rest(store: Store, given: RunRecord, *, at: int) -> None:
    """Keep a record without a batch, and wait until it is kept, or raise."""
    news = News()
    if not store.rest(given, at=Seq(at), kept=news.of("it")):
        ((_, error),) = await news.all()
        if error is not None:
            raise error


async def run_of(store: Store, given: RunRecord, *rows: Row) -> None:
    """Make a run whose record is `given` in the end."""
    for each in rows or (row(0, run_id=given.run_id),):
        await keep(store, each, run_id=given.run_id, record=given)
