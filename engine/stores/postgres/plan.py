"""What a group of steps comes to, if it is committed as a whole.

This module knows the rules of a log: what goes on with it, what is there already, and what is
refused. It does not know the statement that writes (`ledger`), nor who tries again.

What is known of a run may be old, for other processes write, too. Whoever goes on with a log
by it is found out by the tables; nobody is refused by it: what was known is asked for again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Final, cast

from engine.ids import BEGINNING, RunId, Seq
from engine.store import Origin
from engine.stores import refusal
from engine.stores.postgres.queries import rows_of
from engine.stores.postgres.step import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine.errors import EngineError
    from engine.store import RunRecord
    from engine.stores.postgres.driver import Connection
    from engine.stores.postgres.step import Rest, Step

_LOOK: Final = """
    SELECT wanted.run_id, coalesce(r.no, nextval('awe.run_no')), r.origin, r.origin_seq,
        (SELECT last FROM awe.rows WHERE run = r.no ORDER BY after DESC LIMIT 1)
    FROM unnest($1::text[]) AS wanted (run_id)
    LEFT JOIN awe.runs AS r ON r.run_id = wanted.run_id
"""
"""What is known of runs; those that are not there are given the number they would have."""


@dataclass(frozen=True, slots=True)
class Known:
    """A run, as far as who appends to it has to know it."""

    no: int
    origin: Origin | None
    end: Seq | None
    """The last entry of its log; None: there is no such run."""

    @property
    def base(self) -> Seq:
        """Where its own part of its log begins."""
        return BEGINNING if self.origin is None else self.origin.seq


@dataclass(slots=True)
class Plan:
    """What is to be written.

    Attributes:
        rows: The run, the entry before, and the batch of each row.
        begun: The records of new runs, by number.
        changed: The records of others, by number.
        rests: Which runs must not have gone on after which entry, wherever that is.
        known: What will be known of the runs when it is committed; all that it writes to are
            among them.
    """

    rows: list[tuple[int, Batch]] = field(default_factory=list[tuple[int, Batch]])
    begun: dict[int, RunRecord] = field(default_factory=dict[int, "RunRecord"])
    changed: dict[int, RunRecord] = field(default_factory=dict[int, "RunRecord"])
    rests: dict[int, Seq] = field(default_factory=dict[int, Seq])
    known: dict[RunId, Known] = field(default_factory=dict[RunId, Known])

    def __bool__(self) -> bool:
        """Tell whether there is anything to write."""
        return bool(self.rows or self.changed)


def parts(steps: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """Split a group where a fork follows what its origin does: it has to see that."""
    start = 0
    seen: set[RunId] = set()
    for index, step in enumerate(steps):
        if isinstance(step, Batch):
            origin = step.forks
            if origin is not None and origin.run_id in seen:
                yield steps[start:index]
                start = index
                seen.clear()
            seen.add(step.run_id)
    yield steps[start:]


class Planner:
    """Decides on a group, step by step, and notes in each why it is refused.

    Args:
        connection: To look into logs with, where something is not as usual.
        known: What is known of runs; it may be old.
    """

    def __init__(self, connection: Connection, known: dict[RunId, Known]) -> None:
        self._connection = connection
        self._old = known
        self._fresh: set[RunId] = set()
        self._plan = Plan()

    async def plan(self, steps: Sequence[Step]) -> Plan:
        """Decide on all of them, in their order."""
        unknown = {step.run_id for step in steps if step.run_id not in self._old}
        if unknown:
            await self._look(unknown)
        for index, step in enumerate(steps):
            step.error = None
            if step.before is not None and step.before.error is not None:
                # The log may end where it is expected to, and still not be what it was
                # decided on.
                step.error = refusal.follows(step.run_id, step.before.error)
            elif isinstance(step, Batch):
                step.error = await self._batch(step)
            else:
                step.error = await self._rest(step, islice(steps, index + 1, None))
        return self._plan

    async def _look(self, run_ids: Iterable[RunId]) -> None:
        """Ask what is known of runs."""
        for run_id, no, origin, seq, end in cast(
            "Sequence[tuple[str, int, str | None, int | None, Seq | None]]",
            await self._connection.fetch(_LOOK, list(run_ids)),
        ):
            name = RunId(run_id)
            self._fresh.add(name)
            self._plan.known[name] = Known(
                no,
                None if origin is None or seq is None else Origin(RunId(origin), Seq(seq)),
                end,
            )

    async def _sure(self, run_id: RunId) -> bool:
        """See that what is known of a run is new; tell whether it was, or follows from it."""
        if run_id in self._fresh or run_id in self._plan.known:
            return True
        await self._look([run_id])
        return False

    def _known(self, run_id: RunId) -> Known:
        return self._plan.known.get(run_id) or self._old[run_id]

    # -- batches --------------------------------------------------------------------------

    async def _batch(self, batch: Batch) -> EngineError | None:
        """Plan for a batch, or say why not."""
        run = self._known(batch.run_id)
        if run.end is None:
            return await self._begin(batch, run)
        if batch.forks is None and run.end == batch.expected:
            self._go_on(batch, run)
            return None
        if not await self._sure(batch.run_id):
            return await self._batch(batch)
        there = await self._is_there(batch)
        if (origin := batch.forks) is not None:
            is_it = there and run.origin == origin
            return None if is_it else refusal.taken(batch.run_id, origin)
        if there:
            return None  # and its record was written with it, and may have changed since
        return refusal.moved(batch.run_id, expected=batch.expected, found=run.end)

    async def _begin(self, batch: Batch, run: Known) -> EngineError | None:
        """Plan for the first batch of a run, or say why its log can't begin with it."""
        record = batch.record
        origin = None if record is None else record.origin
        base = BEGINNING if origin is None else origin.seq
        if batch.expected != base:
            return refusal.moved(batch.run_id, expected=batch.expected, found=base)
        if record is None:
            return refusal.no_record(batch.run_id)
        if origin is not None:
            rows = await rows_of(self._connection, origin.run_id, Seq(origin.seq - 1), 1)
            if [last for last, *_ in rows] != [origin.seq]:
                return refusal.no_origin(batch.run_id, origin)
        self._plan.begun[run.no] = record
        self._go_on(batch, replace(run, origin=origin), begins=True)
        return None

    def _go_on(self, batch: Batch, run: Known, *, begins: bool = False) -> None:
        self._plan.rows.append((run.no, batch))
        self._plan.known[batch.run_id] = replace(run, end=batch.last)
        if not begins and batch.record is not None:
            self._change(run, batch.record)

    def _change(self, run: Known, record: RunRecord) -> None:
        """Plan for a record of a run that is there; when and where it began stays."""
        first = self._plan.begun.get(run.no)
        if first is None:
            self._plan.changed[run.no] = record
        else:
            self._plan.begun[run.no] = replace(record, began=first.began, origin=first.origin)

    async def _is_there(self, batch: Batch) -> bool:
        """Tell whether a log has this batch, byte for byte, where it is to be."""
        for _, planned in self._plan.rows:
            if planned.run_id == batch.run_id and planned.expected == batch.expected:
                return planned.data == batch.data
        rows = await rows_of(self._connection, batch.run_id, batch.expected, 1)
        return [(last, data) for last, data, _ in rows] == [(batch.last, batch.data)]

    # -- rests ----------------------------------------------------------------------------

    async def _rest(self, rest: Rest, following: Iterable[Step]) -> EngineError | None:
        """Plan for a record without a batch, or say why not."""
        run = self._known(rest.run_id)
        if run.end == rest.expected:
            self._plan.rests[run.no] = rest.expected
            self._plan.known[rest.run_id] = run
            self._change(run, rest.record)
            return None
        if not await self._sure(rest.run_id):
            return await self._rest(rest, following)
        if run.end is not None and await self._was_kept(rest, following):
            return None
        found = BEGINNING if run.end is None else run.end
        return refusal.moved(rest.run_id, expected=rest.expected, found=found)

    async def _was_kept(self, rest: Rest, following: Iterable[Step]) -> bool:
        """Tell whether a rest is repeated, with what followed it.

        A commit whose answer was lost is repeated. If it was done, the log has the batch that
        was handed over behind the rest, and so the rest was kept as well.
        """
        for step in following:
            if step.run_id == rest.run_id and isinstance(step, Batch):
                return step.expected == rest.expected and await self._is_there(step)
        return False
