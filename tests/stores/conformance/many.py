"""A store with runs in it that differ in all that runs can be found by.

This module knows what a record may say. What is found or forgotten of it, others know.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.stores.conformance.rows import later, record
from tests.stores.conformance.writing import run_of

if TYPE_CHECKING:
    from engine.store import Store


class Many:
    """Gives the fixture `many`."""

    @pytest.fixture
    async def many(self, store: Store) -> Store:
        """Make runs that differ in all that they can be found by; a began first."""
        for second, given in enumerate(
            [
                record("a", graph="one", tags={"team": "core", "env": "test"}),
                record("b", graph="two", status="failed", error="NO_ROUTE", tags={"team": "core"}),
                record(
                    "c", graph="one", status="paused", error="TOOL_MISSING", tags={"team": "ui"}
                ),
                record("d", graph="one", status="failed", error="NO_ROUTE", tags={"env": "core"}),
                record("e", graph="two", status="completed", tags={"team": "core", "env": "live"}),
                record("f", graph="one", status="failed", error="TIMEOUT"),
            ]
        ):
            await run_of(store, replace(given, began=later(second)))
        return store
