"""Real servers for tests: PostgreSQL from a wheel, and Redis as the system has it.

A test asks for `postgres_url` or `redis_url`: a database of its own in a server that all tests
of one worker share. `postgres` and `redis_server` are that server, to be restarted or frozen by
a test; whoever comes next finds it running again. A server that is not installed skips the
test, and says how to get it (with `AWE_NEED_SERVERS=1`, as where changes are let in, it fails
it); one that is installed and does not start fails it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Final, NoReturn

import pytest

from tests.servers.postgresql import PASSWORD, Postgres
from tests.servers.redis import DATABASES, Redis
from tests.servers.server import ServerMissing, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PASSWORD", "Postgres", "Redis", "ServerMissing", "free_port"]


def _missing(error: ServerMissing) -> NoReturn:
    if os.environ.get("AWE_NEED_SERVERS"):
        pytest.fail(str(error))
    pytest.skip(str(error))


@pytest.fixture(scope="session")
def _postgres() -> Iterator[Postgres]:
    try:
        # What survives a crash of the server is the same; only that of the machine is not tested,
        # and a database is made in a tenth of the time.
        server = Postgres(fsync="off")
    except ServerMissing as error:
        _missing(error)
    yield server
    server.close()


@pytest.fixture
def postgres(_postgres: Postgres) -> Iterator[Postgres]:
    """A PostgreSQL that runs; a test may stop and start it."""
    _postgres.start()
    yield _postgres
    _postgres.start()


_numbers: Final = count(1)

_EMPTY: Final = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
    DROP SCHEMA IF EXISTS awe CASCADE;
    SELECT count(*) FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname NOT IN ('public', 'information_schema');
"""
"""Says 0 if there is nothing but what is in every new database."""


@pytest.fixture(scope="session")
def _databases() -> list[str]:
    """Those that are empty: to make one takes ten times as long as to empty one."""
    return []


@pytest.fixture
def postgres_url(postgres: Postgres, _databases: list[str]) -> Iterator[str]:
    """The address of a database that has nothing in it."""
    if not _databases:
        _databases.append(f"awe_{next(_numbers)}")
        postgres.ask(f"CREATE DATABASE {_databases[0]}")
    name = _databases.pop()
    yield postgres.url(name)
    postgres.start()
    if postgres.ask(_EMPTY, name).endswith("0"):
        _databases.append(name)


@pytest.fixture(scope="session")
def _redis() -> Iterator[Redis]:
    try:
        server = Redis()
    except ServerMissing as error:
        _missing(error)
    yield server
    server.close()


@pytest.fixture
def redis_server(_redis: Redis) -> Redis:
    """A Redis that runs; a test may kill, freeze and start it."""
    with suppress(ProcessLookupError):
        _redis.thaw()
    _redis.start()
    return _redis


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """The address of an empty numbered database."""
    number = next(_numbers) % DATABASES
    assert redis_server.ask(f"SELECT {number}", "FLUSHDB") == ["+OK", "+OK"]
    return redis_server.url(number)
