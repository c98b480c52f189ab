"""The store in memory keeps the promises of every store."""

from __future__ import annotations

import pytest

from engine import LogStore, MemoryStore
from tests.stores.conformance import StoreConformance


class TestMemoryStore(StoreConformance):
    """Nothing of its own: it promises no more."""

    @pytest.fixture
    def store(self) -> LogStore:
        """Make an empty store."""
        return MemoryStore()
