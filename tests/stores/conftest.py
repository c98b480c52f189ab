"""A store in a file of its own, for all who test it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
async def store(path: Path) -> AsyncGenerator[SQLiteStore, None]:
    store = SQLiteStore(path)
    await store.open()
    yield store
    await store.close()
