"""Whose runs they are: one engine drives those of a store, and who is fenced never writes again.

This module knows the advisory lock that the session of the writer holds, and the epoch in
`awe.owner`. It does not know who writes what.

A claim lives as long as that session: a process that dies lets go of it, and the server notices
a machine that died within half a minute. Each claim has the next epoch, and whoever claimed
writes only while the epoch is his (`ledger` sees to it in each commit). So who was away, however
long, and comes back after somebody else has claimed writes nothing more.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, cast

from engine.store import StoreInUse
from engine.stores.postgres.failure import Fenced, state_of
from engine.stores.postgres.migration import LOCK

if TYPE_CHECKING:
    from datetime import datetime

    from engine.stores.postgres.driver import Connection

HURRY: Final = 10.0
"""Seconds that a session that was ended gets to let go."""

GRACE: Final = 1.0
"""Seconds that a session gets to end whose process was killed just now: whoever is started in
its place begins sooner than the server notices."""

_PAUSE: Final = 0.02
"""Seconds between two looks at whether it has."""

_KEY: Final = "'awe.owner'::regclass::oid::bigint::bit(32)::int"
"""Tells the lock of these tables from that of others in the same database."""

_TRY: Final = f"SELECT pg_try_advisory_lock({LOCK}, {_KEY})"
_UNLOCK: Final = f"SELECT pg_advisory_unlock({LOCK}, {_KEY})"

_HOLDERS: Final = f"""
    SELECT pid FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND pid <> pg_backend_pid()
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND classid = {LOCK}::oid AND objid = 'awe.owner'::regclass::oid
"""  # noqa: S608  # a number of our own

_END: Final = "SELECT pg_terminate_backend($1::int)"

_RIGHTS: Final = "42501"


class Claim:
    """The claim of one store.

    Args:
        name: How the database is called in messages.

    Attributes:
        epoch: That of the claim; None: nothing was claimed.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._who = ""
        self.epoch: int | None = None

    async def make(self, connection: Connection, who: str, *, take_over: bool) -> None:
        """Claim, in the session of a connection.

        Raises:
            StoreInUse: Another has it.
            Exception: Whatever asyncpg says.
        """
        until = time.monotonic() + GRACE
        while not await connection.fetchval(_TRY):
            if take_over:
                await self._take_over(connection)
                break
            if time.monotonic() > until:
                raise await self._in_use(connection)
            await asyncio.sleep(_PAUSE)
        self.epoch = cast(
            "int",
            await connection.fetchval(
                "UPDATE awe.owner SET epoch = epoch + 1, who = $1::text, since = now(), "
                "backend = pg_backend_pid() RETURNING epoch",
                who,
            ),
        )
        self._who = who

    async def renew(self, connection: Connection) -> None:
        """Claim again in the session of a new connection, if it is still ours.

        Raises:
            Fenced: Somebody else has claimed meanwhile.
            Exception: Whatever asyncpg says.
        """
        until = time.monotonic() + HURRY
        while not await connection.fetchval(_TRY):
            backend = await self._still_ours(connection)
            for pid in await self._holders(connection):
                if pid == backend:  # our own last session, of which the server has not heard
                    await connection.fetchval(_END, pid)
            if time.monotonic() > until:
                raise TimeoutError("the last session of this store does not end")
            await asyncio.sleep(_PAUSE)
        try:
            await self._still_ours(connection)
        except Fenced:
            await connection.fetchval(_UNLOCK)
            raise
        await connection.execute("UPDATE awe.owner SET backend = pg_backend_pid()")

    async def let_go(self, connection: Connection) -> None:
        """Let others claim."""
        await connection.execute(
            "UPDATE awe.owner SET who = NULL WHERE epoch = $1::bigint", self.epoch
        )
        self.epoch = None
        await connection.fetchval(_UNLOCK)

    async def lost(self, connection: Connection) -> Fenced:
        """Say who has the store now."""
        who, since = await self._owner(connection)
        return Fenced(self._name, f"{who}, since {since}")

    async def _still_ours(self, connection: Connection) -> int | None:
        """Give the process of our last session.

        Raises:
            Fenced: The epoch is another one.
        """
        epoch, backend = cast(
            "tuple[int, int | None]",
            await connection.fetchrow("SELECT epoch, backend FROM awe.owner"),
        )
        if epoch != self.epoch:
            raise await self.lost(connection)
        return backend

    async def _take_over(self, connection: Connection) -> None:
        """End the session that has the lock, and take it.

        Raises:
            StoreInUse: It can't be ended.
        """
        until = time.monotonic() + HURRY
        while True:
            for pid in await self._holders(connection):
                try:
                    await connection.fetchval(_END, pid)
                except Exception as error:
                    if state_of(error) != _RIGHTS:
                        raise
                    raise await self._in_use(
                        connection, "its user is another one, whose sessions this one may not end"
                    ) from error
            if await connection.fetchval(_TRY):
                return
            if time.monotonic() > until:
                raise await self._in_use(connection, "its session does not end")
            await asyncio.sleep(_PAUSE)

    async def _holders(self, connection: Connection) -> list[int]:
        found = await connection.fetch(_HOLDERS)
        return [pid for (pid,) in cast("list[tuple[int]]", found)]

    async def _in_use(self, connection: Connection, but: str = "") -> StoreInUse:
        who, since = await self._owner(connection)
        refused = StoreInUse(
            self._name,
            who,
            hint=f"it has them since {since}; "
            + (but or "end that engine first; one that hangs can be fenced: take_over=True"),
        )
        refused.details["since"] = since
        return refused

    async def _owner(self, connection: Connection) -> tuple[str, str]:
        """Say who has claimed, and since when."""
        who, since = cast(
            "tuple[str | None, datetime | None]",
            await connection.fetchrow("SELECT who, since FROM awe.owner"),
        )
        if who is None or since is None:
            return "one that begins just now", "now"
        return who, f"{since:%Y-%m-%d %H:%M:%S} UTC"
