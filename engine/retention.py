"""Which runs that have ended may go, and how a store is gone through for them.

This module knows how long runs are to be kept. It does not know how a store forgets any, nor
when somebody asks for it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from engine.errors import InvalidValue
from engine.store import ENDED, RunFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.ids import RunId
    from engine.store import RunRecord, Store

PAGE: Final = 200
"""Runs that are looked at before anybody else has his turn."""

_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long runs are kept that have ended; those that have not are always kept.

    A run may go if it ended longer ago than `age`, and is not among the latest `keep` of its
    graph. What is left out does not keep any.

    Raises:
        InvalidValue: It says nothing, or less than nothing.
    """

    age: timedelta | None = None
    """Those that ended longer ago than this may go."""
    keep: int | None = None
    """So many of each graph stay, however old: those that began last, of those that ended."""
    graph: str | None = None
    """Only runs of the graph of this name may go."""

    def __post_init__(self) -> None:
        """See that it says what may go."""
        if self.age is None and self.keep is None:
            raise InvalidValue(
                "expected an age, or how many are to be kept",
                path="retention",
                hint="as in Retention(age=timedelta(days=30), keep=100)",
            )
        for name, given, least in (("age", self.age, timedelta()), ("keep", self.keep, 0)):
            if given is not None and given < least:  # type: ignore[operator]  # of one type each
                raise InvalidValue(
                    f"expected nothing below {least}, got {given}",
                    path=f"retention.{name}",
                    hint="0 keeps none",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What became of runs that were to go."""

    removed: int
    """Runs that went, each with its log."""
    needed: int
    """Runs that stay although they may go: the logs of forks that stay begin with theirs."""
    answers: int
    """Answers to requests that might have come again, which are as old as runs that may go."""
    freed: int
    """Bytes that were given back to the disk."""
    oldest: datetime | None
    """When the first of the runs began that have ended and are left; None: there are none."""
    dry_run: bool = False
    """Nothing was removed: this is what would have been."""


async def prune(
    store: Store, retention: Retention, *, now: datetime, dry_run: bool = False
) -> Pruned:
    """Remove the runs that may go, page by page, and give the room they took back.

    It may be asked for at any time, in several processes at once, and be cancelled: what was
    removed is removed, and the rest goes next time.

    Raises:
        StoreClosed, StoreUnavailable: Some may have been removed.
    """
    age = retention.age
    before_age = None if age is None else now - age
    room = await store.size()
    choice = _Choice(retention, before_age)
    removed = needed = 0
    page: Sequence[RunRecord] = ()
    wanted = choice.all_that_matter if dry_run else choice.all_that_may_go
    while page := await store.runs(wanted, before=page[-1] if page else None, limit=PAGE):
        chosen = [record for record in page if choice.may_go(record)]
        if dry_run:
            gone = len(chosen) - choice.needed_by_forks(page, chosen)
        else:
            gone = len(await store.forget([record.run_id for record in chosen])) if chosen else 0
        removed += gone
        needed += len(chosen) - gone
        await asyncio.sleep(0)
    answers = 0
    if before_age is not None and retention.graph is None and not dry_run:
        answers = await store.forget_answers(before_age)
    if removed and not dry_run:
        await store.shrink()
    return Pruned(
        removed=removed,
        needed=needed,
        answers=answers,
        freed=0 if dry_run else max(room - await store.size(), 0),
        oldest=choice.oldest if dry_run else await _oldest(store, retention.graph),
        dry_run=dry_run,
    )


class _Choice:
    """Chooses among runs that are gone through from the latest to the first.

    A fork began after its origin, so it comes before it.
    """

    def __init__(self, retention: Retention, before: datetime | None) -> None:
        self._keep = retention.keep or 0
        self._before = before
        self._seen: Counter[str] = Counter()
        self._needed: set[RunId] = set()
        self.oldest: datetime | None = None
        """When the last one that stays began, of those that ended."""
        graph = retention.graph
        self.all_that_matter = RunFilter(graph=graph)
        self.all_that_may_go = RunFilter(
            status=ENDED, graph=graph, until=None if self._keep else before
        )

    def may_go(self, record: RunRecord) -> bool:
        """Tell whether a run may go, but for those that need it."""
        if record.status not in ENDED:
            return False
        if self._keep:
            self._seen[record.graph] += 1
            if self._seen[record.graph] <= self._keep:
                return False
        return self._before is None or record.changed < self._before

    def needed_by_forks(self, page: Sequence[RunRecord], chosen: Sequence[RunRecord]) -> int:
        """Count those of the chosen that runs need which stay."""
        may_go = {record.run_id for record in chosen}
        count = 0
        for record in page:
            if record.run_id in may_go and record.run_id not in self._needed:
                continue
            count += record.run_id in may_go
            self._needed.discard(record.run_id)
            if record.origin is not None:
                self._needed.add(record.origin.run_id)
            if record.status in ENDED:
                self.oldest = record.began
        return count


async def _oldest(store: Store, graph: str | None) -> datetime | None:
    """Find out when the first of the runs began that have ended.

    Stores list the latest first. Each question halves the time in which it may be.
    """
    latest = await store.runs(RunFilter(status=ENDED, graph=graph), limit=1)
    if not latest:
        return None
    oldest = latest[0].began
    none_before = datetime.fromtimestamp(0, UTC)
    while none_before < oldest:
        until = none_before + (oldest - none_before + _MICROSECOND) / 2
        found = await store.runs(RunFilter(status=ENDED, graph=graph, until=until), limit=1)
        if found:
            oldest = found[0].began
        else:
            none_before = until
    return oldest
