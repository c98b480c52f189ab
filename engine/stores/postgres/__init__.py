"""The store that keeps everything in a PostgreSQL database.

`store` is what users hold. `writer` is the task that writes and the one connection it has,
`ledger` what it writes of which `plan`, and `claim` whose runs they are. `readers` are the
connections that read, `queries` what they ask; `documents` and `upkeep` write beside the logs,
and `changes` hears what other processes have written. `server` and `address` reach the
database, `driver` is what is used of asyncpg, `migration` makes the tables, and `failure` tells
which errors pass by themselves.
"""

from engine.stores.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
