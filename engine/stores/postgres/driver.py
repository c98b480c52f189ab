"""What is used of asyncpg, which is imported when a store is opened and not before.

This module knows the shape of its connections, so that everything else is checked against
that: asyncpg itself has no types.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

from engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

Record: TypeAlias = "Sequence[object]"
"""A row of an answer."""

Listener: TypeAlias = "Callable[[Connection, int, str, str], None]"
"""Is given the connection, the process that notified, the channel and what it said."""


class Connection(Protocol):
    """One connection; it does one thing at a time."""

    async def execute(self, query: str, *args: object) -> str:
        """Execute SQL; several statements only without arguments."""
        ...

    async def fetch(self, query: str, *args: object) -> Sequence[Record]:
        """Execute SQL, and give all rows."""
        ...

    async def fetchrow(self, query: str, *args: object) -> Record | None:
        """Execute SQL, and give the first row."""
        ...

    async def fetchval(self, query: str, *args: object) -> object:
        """Execute SQL, and give the first value of the first row."""
        ...

    def transaction(self, *, isolation: str | None = None) -> AbstractAsyncContextManager[object]:
        """Begin a transaction, and commit it at the end of the block."""
        ...

    async def add_listener(self, channel: str, callback: Listener) -> None:
        """Hear what is notified on a channel."""
        ...

    def add_termination_listener(self, callback: Callable[[Connection], None]) -> None:
        """Hear of the end of the connection."""
        ...

    def get_server_pid(self) -> int:
        """Give the process of the server that serves it."""
        ...

    def is_closed(self) -> bool:
        """Tell whether it has ended."""
        ...

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109  # as it is
        """End it in good order."""
        ...

    def terminate(self) -> None:
        """End it at once."""
        ...


class Pool(Protocol):
    """Several connections, made when they are needed."""

    def acquire(self, *, timeout: float | None = None) -> AbstractAsyncContextManager[Connection]:
        """Take one for a while, as soon as one is free."""
        ...

    async def close(self) -> None:
        """Wait until all are given back, and end them."""
        ...

    def terminate(self) -> None:
        """End them at once."""
        ...


class Driver(Protocol):
    """The module."""

    def connect(
        self, dsn: str, *, timeout: float, statement_cache_size: int
    ) -> Awaitable[Connection]:
        """Connect."""
        ...

    def create_pool(  # noqa: PLR0913  # as it is
        self,
        dsn: str,
        *,
        min_size: int,
        max_size: int,
        timeout: float,
        max_inactive_connection_lifetime: float,
        init: Callable[[Connection], Awaitable[None]],
        reset: Callable[[Connection], Awaitable[None]],
    ) -> Awaitable[Pool]:
        """Make a pool."""
        ...


def load() -> Driver:
    """Import asyncpg.

    Raises:
        EngineError: It is not installed.
    """
    try:
        return cast("Driver", import_module("asyncpg"))
    except ModuleNotFoundError as error:
        raise EngineError(
            "to keep runs in PostgreSQL, asyncpg is needed, which is not installed",
            code="STORE_NEEDS_ASYNCPG",
            hint="pip install 'agent-workflow-engine[postgres]'",
        ) from error
