"""The store that keeps everything in one SQLite file.

`store` is what users hold. `writer` is the thread that writes, `ledger` what it writes;
`readers` are the threads that read, `queries` what they ask. `schema` makes and opens the
file, and `failure` tells which errors of SQLite pass by themselves.
"""

from engine.stores.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
