"""The store in an SQLite file keeps the promises of every store, and of those that last."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from engine.stores.sqlite import SQLiteStore
from tests.stores.conformance import (
    PersistentStoreConformance,
)

if TYPE_CHECKING:
    from pathlib import Path

    from engine.store import Store
    from tests.stores.conformance import Overwrite


class TestSQLiteStore(PersistentStoreConformance):
    """On a file of its own."""

    @pytest.fixture
    def another(self, path: Path) -> Store:
        """Make a second store over the same file."""
        return SQLiteStore(path)

    @pytest.fixture
    def overwrite(self, path: Path) -> Overwrite:
        """Change a row as any program may that writes SQLite files."""

        async def change(run_id: str, last: int, data: bytes) -> None:
            with closing(sqlite3.connect(path)) as foreign, foreign:
                changed = foreign.execute(
                    "UPDATE rows SET data = ? WHERE last = ? "
                    "AND run = (SELECT no FROM runs WHERE run_id = ?)",
                    (data, last, run_id),
                )
            assert changed.rowcount == 1

        return change
