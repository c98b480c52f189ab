"""The server that a store is kept on, and how its connections are set up.

This module knows what a connection must be told before anything is written or read. It does
not know what that is.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar, cast

from engine.errors import EngineError
from engine.stores.postgres import driver
from engine.stores.postgres.failure import failed, passing, unavailable
from engine.stores.refusal import FAILED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.stores.postgres.address import Address
    from engine.stores.postgres.driver import Connection, Pool

Answer = TypeVar("Answer")

OLDEST: Final = 14
"""The first PostgreSQL that knows all we say."""

CONNECT: Final = 5.0
"""Seconds that a connection gets to be made."""

PATIENCE: Final = 5.0
"""Seconds that a server gets to come up when a store is opened."""

FIRST_PAUSE: Final = 0.02
LONGEST_PAUSE: Final = 1.0
"""Seconds between two attempts while there is trouble; each pause is twice the last."""

IDLE: Final = 60.0
"""Seconds after which a connection that nobody reads with is closed."""

_SESSION: Final = """
    SET statement_timeout = 0;
    SET lock_timeout = 0;
    SET idle_in_transaction_session_timeout = 0;
    SET idle_session_timeout = 0;
    SET jit = off;
    SET tcp_keepalives_idle = 10;
    SET tcp_keepalives_interval = 5;
    SET tcp_keepalives_count = 3;
"""
"""Whatever is set for the database or its user: nobody is cut off by a timer, and a machine that
died is noticed within half a minute."""

_WRITES: Final = """
    SET application_name = 'awe writer';
    SET plan_cache_mode = force_generic_plan;
    SET default_transaction_isolation = 'repeatable read';
    SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
        WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false);
"""
"""A commit returns when it is on the disk (`on`), whatever the server's own setting is. How to
write does not depend on what is written, so it is planned once."""

_READS: Final = """
    SET application_name = 'awe reader';
    SET plan_cache_mode = auto;
    SET default_transaction_isolation = 'read committed';
    SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
        WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false);
"""
"""They write, too: documents, answers, and what is forgotten. How to find something depends on
what it is: a tag that no run has is not looked for in the list of all runs."""


class Server:
    """A database on a server.

    Args:
        address: Where it is.

    Attributes:
        name: How it is named in messages.

    Raises:
        EngineError: asyncpg is not installed.
    """

    def __init__(self, address: Address) -> None:
        self._driver = driver.load()
        self._address = address
        self.name: str = address.shown

    async def connect(self, *, writes: bool = False) -> Connection:
        """Make a connection.

        Raises:
            Exception: Whatever asyncpg says; `failure` knows what it means.
        """
        connection = await self._connected()
        try:
            await connection.execute(_SESSION + (_WRITES if writes else _READS))
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _connected(self) -> Connection:
        try:
            return await self._driver.connect(
                self._address.url, timeout=CONNECT, statement_cache_size=100
            )
        except ValueError as error:  # what it says may have a part of the password in it
            raise EngineError(
                f"the address of the database {self.name} can't be read, or has an option that "
                "does not exist",
                code=FAILED,
                hint="as in postgresql://user:password@host:5432/database",
                details={"database": self.name, "error": type(error).__name__},
            ) from None

    async def first(
        self, what: Callable[[Connection], Awaitable[Answer]], doing: str = "be made ready"
    ) -> Answer:
        """See that the server can be used, and ask the first question of it.

        Args:
            what: May be asked several times, each time as a whole, while the server comes up.
            doing: What it is for, in messages.

        Raises:
            StoreUnavailable: There was no answer for 5 s.
            EngineError: The server refuses, or is too old, or whatever `what` raises.
        """
        until = time.monotonic() + PATIENCE
        pause = FIRST_PAUSE
        while True:
            begun = "be opened"
            try:
                connection = await self.connect()
                try:
                    await self._see_that_it_is_new_enough(connection)
                    begun = doing
                    return await what(connection)
                finally:
                    await ended(connection)
            except EngineError:
                raise
            except Exception as error:
                trouble = passing(error)
                if trouble is None:
                    raise failed(self.name, error, begun) from error
                if time.monotonic() + pause > until:
                    raise unavailable(self.name, trouble, begun) from error
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _see_that_it_is_new_enough(self, connection: Connection) -> None:
        version = cast(
            "int",
            await connection.fetchval("SELECT current_setting('server_version_num')::int / 10000"),
        )
        if version < OLDEST:
            raise EngineError(
                f"the server of {self.name} is PostgreSQL {version}, but {OLDEST} or later is "
                "needed",
                code=FAILED,
                hint="use a newer server",
            )

    async def pool(self, most: int) -> Pool:
        """Make a pool of connections for questions, none of which is made yet."""

        async def init(connection: Connection) -> None:
            await connection.execute(_SESSION + _READS)

        async def reset(_: Connection) -> None:
            """Leave a connection as it is: none of ours has anything to undo."""

        return await self._driver.create_pool(
            self._address.url,
            min_size=0,
            max_size=most,
            timeout=CONNECT,
            max_inactive_connection_lifetime=IDLE,
            init=init,
            reset=reset,
        )


async def ended(connection: Connection) -> None:
    """End a connection, in good order if that is possible at once."""
    with suppress(Exception):
        await connection.close(timeout=1.0)
    if not connection.is_closed():
        connection.terminate()
