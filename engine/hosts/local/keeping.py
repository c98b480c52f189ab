"""Batches on their way into the store.

This module knows the order in which the batches of a run are handed over, and when what
follows from each may begin. It does not know what follows, nor how a store keeps anything.

A run is ahead of its log: its batches are decided and applied before they are kept. With
durability `sync` what follows from a batch begins when it is kept; `async` lets it begin at
once, up to `AHEAD` batches before the store; `exit` hands batches over late.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from engine.errors import LogMoved
from engine.hosts.local.records import record_of
from engine.store import StoreClosed, unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.errors import EngineError
    from engine.hosts.local.driven import Batch, Driven
    from engine.ids import Seq
    from engine.row import Row
    from engine.store import RunRecord, Store

log: Final = logging.getLogger(__name__)

AHEAD: Final = 1_000
"""Batches that a run may be ahead of the store, where its durability lets it."""

PATIENCE: Final = 10.0
"""Seconds that somebody waits for the store."""


class Keeping:
    """Hands batches over to a store, in order, and says what became of them.

    Args:
        store: Where they go.
        carry_out: Told that what follows from a batch may begin.
        kept: Told that a row is kept.
        lost: Told that a run can't be kept any further, and why.
    """

    def __init__(
        self,
        store: Store,
        *,
        carry_out: Callable[[Driven, Batch], None],
        kept: Callable[[Driven, Row], None],
        lost: Callable[[Driven, BaseException], None],
    ) -> None:
        self._store = store
        self._carry_out = carry_out
        self._tell = kept
        self._lost = lost

    def keep(self, driven: Driven, batch: Batch, row: Row) -> None:
        """See that a batch, which was just applied, is kept, and carried out when it may be.

        Raises:
            EngineError: It never will be, and the run is lost; whatever else a store raises.
        """
        record: RunRecord | None = None
        if driven.run.status != driven.status or driven.rests_until is not ...:
            if driven.run.status != driven.status:
                driven.status, driven.changed = driven.run.status, driven.run.now
            record = record_of(driven)
            driven.rests_until = record.due if driven.is_quiet else ...
            if driven.held:
                self.flush(driven)
        elif driven.durability == "exit" and driven.status == "running":
            driven.held.append(row)
            self._carry_out(driven, batch)
            if len(driven.held) >= AHEAD:
                self.flush(driven)
            return
        if self._hand_over(driven, row, record):
            self._carry_out(driven, batch)
            self._tell(driven, row)
            return
        begun = driven.kept != driven.began_at  # whatever the durability, the start is kept first
        ahead = begun and driven.durability != "sync" and len(driven.pending) < AHEAD
        driven.pending.append((batch, row, ahead))
        if ahead:
            self._carry_out(driven, batch)

    def flush(self, driven: Driven) -> None:
        """Hand over what was held back.

        Raises:
            LogMoved, StoreClosed: It never will be kept; the run is lost.
        """
        held, driven.held = driven.held, []
        for row in held:
            if self._hand_over(driven, row, None):
                self._tell(driven, row)
            else:
                driven.pending.append(((), row, True))

    def heard(self, driven: Driven, error: EngineError | None) -> None:
        """Hear from the store what became of the first batch that it has not kept yet."""
        if not driven.pending:  # the run is lost, and nobody waits any more
            return
        if error is not None:
            if driven.kept != driven.began_at:  # else its name was another run's, which is told
                log.warning("run '%s' is driven no further here: %s", driven.run.id, error)
            self._lost(driven, error)
            return
        batch, row, carried_out = driven.pending.pop(0)
        driven.is_kept(row.last)
        if not carried_out:
            self._carry_out(driven, batch)
        self._tell(driven, row)

    def rest(self, driven: Driven, rested: Callable[[Driven], None]) -> None:
        """See that the record of a run, which is kept as far as it goes, says when it is due.

        Args:
            driven: The run.
            rested: Called when it does. If it never will, the run is lost.
        """
        record = record_of(driven)

        def heard(error: EngineError | None) -> None:
            if error is None:
                rested(driven)
            else:
                self._lost(driven, error)

        if driven.rests_until is not ... and driven.rests_until == record.due:
            rested(driven)
            return
        driven.rests_until = record.due  # from here on, whatever it does comes with a record
        try:
            at_once = self._store.rest(record, at=driven.kept, kept=heard)
        except (LogMoved, StoreClosed) as error:
            self._lost(driven, error)
        else:
            if at_once:
                rested(driven)

    async def until_kept(self, driven: Driven, seq: Seq | None = None) -> None:
        """Wait until what a run has done, or its entry `seq`, is kept.

        Raises:
            EngineError: It never will be.
            StoreUnavailable: It was not within `PATIENCE`; it may be later.
        """
        seq = driven.handed if seq is None else seq
        if driven.kept >= seq:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        driven.wait_until_kept(seq, waiter)
        try:
            async with asyncio.timeout(PATIENCE):
                await waiter
        except TimeoutError:
            raise unavailable(
                f"the store has not kept what run '{driven.run.id}' did for {PATIENCE:g} s",
                self._store.trouble,
                hint="it goes on trying, and what was asked for may still happen: look at the "
                "run before asking again",
                details={"run_id": driven.run.id},
            ) from None

    async def until_begun(self, driven: Driven) -> None:
        """Wait until the name of a run is taken for good: its first batch is kept.

        Raises:
            EngineError: It never will be.
            StoreUnavailable: It was not within `PATIENCE`; it may be later.
        """
        if driven.pending and driven.kept == driven.began_at:
            with suppress(LogMoved):  # then it is another run's, and that is kept
                await self.until_kept(driven, driven.pending[0][1].last)

    def _hand_over(self, driven: Driven, row: Row, record: RunRecord | None) -> bool:
        """Give the store a row; tell whether it is kept already."""
        expected, driven.handed = driven.handed, row.last
        try:
            at_once = self._store.append(
                driven.run.id, row, expected=expected, kept=driven.tell_kept, record=record
            )
        except BaseException as error:
            # What was applied is not in the log: this copy of the run is worth nothing.
            self._lost(driven, error)
            raise
        if at_once:
            driven.kept = row.last  # and nobody waits for what is kept at once
        return at_once
