"""What is removed, what belongs to nothing, and how much room all of it takes.

This module knows what depends on a run. It does not know which runs are to go.

First the records of runs go, in one commit while nobody else writes: from then on they are not
there for anybody. Their rows follow in parts, so that others wait for one part at most. A
process that dies between leaves them in `awe.forgotten`, and the next one removes them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, cast

from engine.ids import RunId
from engine.store import ENDED, Orphans
from engine.stores.postgres.statement import ALONE

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from engine.stores.postgres.driver import Connection

AT_ONCE: Final = 500
"""Runs that go in one commit."""

PART: Final = 2_000
"""Rows that go in one commit."""

_ASKED: Final = """
    SELECT no, run_id, origin, status = ANY ($2::text[]) FROM awe.runs
    WHERE run_id = ANY ($1::text[])
"""

_FORKS: Final = """
    SELECT origin, count(*) FROM awe.runs WHERE origin = ANY ($1::text[]) GROUP BY origin
"""

_REMOVE: Final = """
    WITH gone AS (DELETE FROM awe.runs WHERE no = ANY ($1::bigint[]) RETURNING no)
    INSERT INTO awe.forgotten (run) SELECT no FROM gone
"""

_ROWS: Final = """
    WITH gone AS (
        DELETE FROM awe.rows WHERE (run, after) IN (
            SELECT r.run, r.after FROM awe.forgotten AS f JOIN awe.rows AS r USING (run) LIMIT $1
        )
        RETURNING blobs
    )
    SELECT count(*), (SELECT array_agg(DISTINCT digest) FROM gone, unnest(gone.blobs) AS digest)
    FROM gone
"""

_BLOBS: Final = """
    DELETE FROM awe.blobs AS b WHERE digest = ANY ($1::text[])
        AND NOT EXISTS (SELECT FROM awe.rows WHERE blobs @> ARRAY[b.digest::text])
"""

_DONE: Final = """
    DELETE FROM awe.forgotten AS f
    WHERE NOT EXISTS (SELECT FROM awe.rows AS r WHERE r.run = f.run)
"""

_ORPHANS: Final = (
    (
        "rows",
        """
        SELECT count(*), min(format('row %s of run number %s', r.last, r.run)) FROM awe.rows AS r
        WHERE NOT EXISTS (SELECT FROM awe.runs WHERE no = r.run)
            AND NOT EXISTS (SELECT FROM awe.forgotten AS f WHERE f.run = r.run)
        """,
    ),
    (
        "forks",
        """
        SELECT count(*), min(format('run %s, a fork of %s', r.run_id, r.origin))
        FROM awe.runs AS r WHERE r.origin IS NOT NULL
            AND NOT EXISTS (SELECT FROM awe.runs AS o WHERE o.run_id = r.origin)
        """,
    ),
    (
        "blobs",
        """
        SELECT count(*), min(b.digest) FROM awe.blobs AS b
        WHERE NOT EXISTS (SELECT FROM awe.rows WHERE blobs @> ARRAY[b.digest::text])
        """,
    ),
    (
        "uses",
        """
        SELECT count(*),
            min(format('blob %s of row %s of run number %s', used.digest, r.last, r.run))
        FROM awe.rows AS r, unnest(r.blobs) AS used (digest)
        WHERE NOT EXISTS (SELECT FROM awe.blobs AS b WHERE b.digest = used.digest)
        """,
    ),
)

_SIZE: Final = """
    SELECT coalesce(sum(pg_relation_size(c.oid)), 0)::bigint
    FROM pg_class AS c
    WHERE c.relkind IN ('r', 'i', 'S', 't') AND (
        c.relnamespace = 'awe'::regnamespace
        OR c.oid IN (
            SELECT reltoastrelid FROM pg_class WHERE relnamespace = 'awe'::regnamespace
        )
        OR c.oid IN (
            SELECT indexrelid FROM pg_index WHERE indrelid IN (
                SELECT reltoastrelid FROM pg_class WHERE relnamespace = 'awe'::regnamespace
            )
        )
    )
"""

_VACUUMED: Final = ("rows", "blobs", "runs", "answers", "forgotten", "owner", "documents")


async def forget(
    connection: Connection, *, run_ids: Collection[RunId], removed: set[RunId]
) -> None:
    """Remove runs that have ended, those that nothing began with first.

    Args:
        connection: To do it with.
        run_ids: Which of them.
        removed: Where those that went are noted; who repeats this gives it again.
    """
    left: list[RunId] = [each for each in dict.fromkeys(run_ids) if each not in removed]
    while left:
        went: set[RunId] = set()
        for start in range(0, len(left), AT_ONCE):
            went |= await _records(connection, left[start : start + AT_ONCE])
        removed |= went
        # Forks of one part may have kept their origins in another.
        if not went:
            break
        left = [run_id for run_id in left if run_id not in went]
    await finish(connection)


async def _records(connection: Connection, run_ids: Sequence[RunId]) -> set[RunId]:
    """Remove the records of those that may go; their rows are not seen from then on."""
    await connection.execute(ALONE)
    try:
        asked = cast(
            "Sequence[tuple[int, str, str | None, bool]]",
            await connection.fetch(_ASKED, list(run_ids), list(ENDED)),
        )
        forks = Counter(
            dict(cast("Sequence[tuple[str, int]]", await connection.fetch(_FORKS, list(run_ids))))
        )
        numbers: dict[str, int] = {}
        may_go = {run_id: (no, origin) for no, run_id, origin, over in asked if over}
        left = list(may_go)
        while left:
            run_id = left.pop()
            if run_id in numbers or forks[run_id]:
                continue
            numbers[run_id], origin = may_go[run_id]
            if origin in may_go:
                forks[origin] -= 1
                left.append(origin)
        if numbers:
            await connection.execute(_REMOVE, list(numbers.values()))
        await connection.execute("COMMIT")
    except BaseException:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
        raise
    return {RunId(run_id) for run_id in numbers}


async def finish(connection: Connection) -> None:
    """Remove the rows of all runs that are gone, part by part, and what only they had."""
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM awe.forgotten)"):
        return
    while True:
        await connection.execute(ALONE)
        try:
            found = await connection.fetchrow(_ROWS, PART)
            count, digests = cast("tuple[int, list[str] | None]", found)
            if digests:
                await connection.execute(_BLOBS, digests)
            if not count:
                await connection.execute(_DONE)
            await connection.execute("COMMIT")
        except BaseException:
            if not connection.is_closed():
                await connection.execute("ROLLBACK")
            raise
        if not count:
            return


async def orphans(connection: Connection) -> list[Orphans]:
    """Look for what belongs to nothing."""
    found: list[Orphans] = []
    async with connection.transaction(isolation="repeatable_read"):
        for what, query in _ORPHANS:
            count, example = cast("tuple[int, str]", await connection.fetchrow(query))
            if count:
                found.append(Orphans(what, count, example))  # type: ignore[arg-type]  # as above
    return found


async def size(connection: Connection) -> int:
    """Give how many bytes the tables take, with their indexes and large values."""
    return cast("int", await connection.fetchval(_SIZE))


async def shrink(connection: Connection) -> None:
    """Give free pages at the ends of tables back; the others are used again."""
    await finish(connection)
    for table in _VACUUMED:
        await connection.execute(f"VACUUM (TRUNCATE) awe.{table}")
