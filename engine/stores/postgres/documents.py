"""Documents and answers, as they are written.

This module knows how of several who write one thing at once each hears the same. It does not
know what is asked again, nor when.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from engine.stores.postgres.failure import SERIALIZATION, UNIQUE, state_of
from engine.stores.postgres.statement import GATE

if TYPE_CHECKING:
    from datetime import datetime

    from engine.store import Kind
    from engine.stores.postgres.claim import Claim
    from engine.stores.postgres.driver import Connection

_PUT: Final = """
    WITH {gate}, added AS (
        INSERT INTO awe.documents (kind, name, number, digest, data)
        SELECT $2::text, $3::text, 1 + coalesce(
            (SELECT max(number) FROM awe.documents WHERE kind = $2 AND name = $3), 0
        ), sha256($4::bytea), $4
        FROM gate
        WHERE NOT EXISTS (
            SELECT FROM awe.documents WHERE kind = $2 AND name = $3 AND digest = sha256($4)
        )
        RETURNING number
    )
    SELECT (SELECT count(*) FROM gate), coalesce((SELECT number FROM added), (
        SELECT number FROM awe.documents WHERE kind = $2 AND name = $3 AND digest = sha256($4)
    ))
""".replace("{gate}", GATE)

_REMEMBER: Final = """
    WITH {gate}, added AS (
        INSERT INTO awe.answers (key, answer, at)
        SELECT $2::text, $3::bytea, $4::timestamptz FROM gate
        ON CONFLICT DO NOTHING
        RETURNING answer
    )
    SELECT (SELECT count(*) FROM gate),
        coalesce((SELECT answer FROM added), (SELECT answer FROM awe.answers WHERE key = $2))
""".replace("{gate}", GATE)

_FORGET: Final = """
    WITH old AS (
        DELETE FROM awe.answers WHERE key IN (
            SELECT key FROM awe.answers WHERE at < $1::timestamptz LIMIT 1000
            FOR UPDATE SKIP LOCKED
        )
        RETURNING 1
    )
    SELECT count(*) FROM old
"""


async def put(connection: Connection, claim: Claim, *, kind: Kind, name: str, data: bytes) -> int:
    """Write a document, unless it is there; give its number."""
    return cast("int", await _written(connection, claim, _PUT, kind, name, data))


async def remember(
    connection: Connection, claim: Claim, *, key: str, answer: bytes, at: datetime
) -> bytes:
    """Write an answer, unless there is one; give the one that is there."""
    return cast("bytes", await _written(connection, claim, _REMEMBER, key, answer, at))


async def _written(connection: Connection, claim: Claim, statement: str, *values: object) -> object:
    """Write until somebody has written, be it we or another one.

    Raises:
        Fenced: The claim is not ours any more.
    """
    while True:
        try:
            found = await connection.fetchrow(statement, claim.epoch, *values)
        except Exception as error:
            if state_of(error) not in (UNIQUE, SERIALIZATION):
                raise
            continue  # somebody else was quicker
        gate, written = cast("tuple[int, object]", found)
        if not gate:
            raise await claim.lost(connection)
        if written is not None:
            return written


async def forget_answers(connection: Connection, *, before: datetime) -> int:
    """Remove answers, a thousand at a time; give how many there were."""
    count = 0
    while removed := cast("int", await connection.fetchval(_FORGET, before)):
        count += removed
    return count
