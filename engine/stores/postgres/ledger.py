"""What is written: a group of steps, in one transaction.

This module knows the statement that commits a plan. It does not know what is done about errors
that pass: it lets them through, with nothing written.

Rules:

- A group is one statement with its rows in arrays, and the statement is the transaction: one
  way to the server and back for all of them.
- It is as if nobody else wrote meanwhile: the row of `awe.owner` is locked, shared with others
  who write. Whoever must be alone changes it, and a statement that had begun before sees that
  (it is `repeatable read`) and is repeated.
- The table lets only one row follow each entry of a log (`plan` sees to it that the entry is
  there). Who comes second is told, asks what the log has now, and decides anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from engine.store import StoreUnavailable
from engine.stores.postgres.failure import SERIALIZATION, UNIQUE, state_of
from engine.stores.postgres.plan import Known, Planner, parts
from engine.stores.postgres.queries import Columns, columns_of
from engine.stores.postgres.statement import ALONE, statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.ids import RunId
    from engine.stores.postgres.changes import Notice
    from engine.stores.postgres.driver import Connection
    from engine.stores.postgres.plan import Plan
    from engine.stores.postgres.step import Step

REMEMBERED: Final = 100_000
"""Runs that are remembered, so that to append to them takes no look-up."""

TRIES: Final = 20
"""Times that a group is decided on anew because others write the same logs, before that counts
as trouble."""


class Ledger:
    """The tables, as the one who writes them sees them.

    Args:
        notice: How others are told what was written.
    """

    def __init__(self, notice: Notice) -> None:
        self._notice = notice
        self._known: dict[RunId, Known] = {}

    def forget(self) -> None:
        """Forget what is known of runs: nobody knows what became of the last commit."""
        self._known.clear()

    async def keep(self, connection: Connection, steps: Sequence[Step], epoch: int | None) -> bool:
        """Write them all, and note in each why it was not written, if it was not.

        Args:
            connection: One that is set up for writing.
            steps: In their order.
            epoch: Of the claim; None: there is none.

        Returns:
            False: the claim is no longer ours, and not all were written.

        Raises:
            Exception: Whatever asyncpg says. What was being written is there or not; who calls
                this again with the same steps finds out.
        """
        for part in parts(steps):
            if not await self._part(connection, part, epoch):
                return False
        if len(self._known) > REMEMBERED:
            self._known.clear()
        return True

    async def _part(self, connection: Connection, steps: Sequence[Step], epoch: int | None) -> bool:
        for _ in range(TRIES):
            plan = await Planner(connection, self._known).plan(steps)
            try:
                gate, done = await self._commit(connection, plan, epoch)
            except Exception as error:
                self._drop(steps)
                if state_of(error) not in (UNIQUE, SERIALIZATION):
                    raise
                continue  # somebody else has written
            if not gate:
                return False
            if done:
                self._known.update(
                    (run_id, run) for run_id, run in plan.known.items() if run.end is not None
                )
                return True
            self._drop(steps)
        raise StoreUnavailable(
            "others write the same logs all the time",
            hint="have one engine drive each store",
        )

    def _drop(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self._known.pop(step.run_id, None)

    async def _commit(
        self, connection: Connection, plan: Plan, epoch: int | None
    ) -> tuple[bool, bool]:
        """Write a plan; tell whether the claim is ours, and whether all is written."""
        if not plan:
            return True, True
        if not plan.rests:
            return await self._write(connection, plan, epoch)
        try:
            await connection.execute(ALONE)
            done = not await self._have_gone_on(connection, plan)
            gate = True
            if done:
                gate, done = await self._write(connection, plan, epoch)
        except BaseException:
            if not connection.is_closed():
                await connection.execute("ROLLBACK")
            raise
        await connection.execute("COMMIT" if gate and done else "ROLLBACK")
        return gate, done

    async def _have_gone_on(self, connection: Connection, plan: Plan) -> object:
        """Tell whether others have written to a run that is to rest."""
        return await connection.fetchval(
            """
            SELECT EXISTS (
                SELECT FROM unnest($1::bigint[], $2::bigint[]) AS given (run, at)
                JOIN awe.rows AS r ON r.run = given.run AND r.after >= given.at
            )
            """,
            list(plan.rests),
            list(plan.rests.values()),
        )

    async def _write(
        self, connection: Connection, plan: Plan, epoch: int | None
    ) -> tuple[bool, bool]:
        blobs = {digest: data for _, b in plan.rows for digest, data in b.blobs.items()}
        arrays: list[Sequence[object]] = []
        for records in (plan.begun, plan.changed):
            if records:
                columns = [columns_of(each) for each in records.values()]
                arrays.append(list(records))
                arrays += [[each[n] for each in columns] for n in range(len(Columns._fields))]
        if plan.rows:
            arrays += (
                [no for no, _ in plan.rows],
                [batch.expected for _, batch in plan.rows],
                [batch.last for _, batch in plan.rows],
                [batch.data for _, batch in plan.rows],
            )
        if blobs:
            arrays.append([",".join(batch.blobs) or None for _, batch in plan.rows])
            arrays += (list(blobs), list(blobs.values()))
        sql = statement(
            begun=bool(plan.begun),
            changed=bool(plan.changed),
            rows=bool(plan.rows),
            blobs=bool(blobs),
        )
        found = await connection.fetchrow(sql, epoch, self._notice(plan.known), *arrays)
        gate, added, changed, _ = cast("tuple[int, int, int, object]", found)
        return bool(gate), added == len(plan.rows) and changed == len(plan.changed)
