"""Who drives the runs of a store: one at a time, until he closes it.

This module knows claims. To read and write needs none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.store import StoreInUse
from tests.stores.conformance.reading import words
from tests.stores.conformance.rows import record, row
from tests.stores.conformance.writing import keep

if TYPE_CHECKING:
    from engine.store import Store


class Claims:
    """Who has closed a store drives no more."""

    async def test_who_claims_a_store_has_it_until_it_is_closed(self, store: Store) -> None:
        await store.claim("one")
        await keep(store, row(0), record=record())
        await store.close()
        await store.open()
        await store.claim("another")

        assert await words(store) == "x"


class SharedClaims:
    """One process drives, and another is told which."""

    async def test_what_one_process_has_claimed_no_other_gets_until_it_is_closed(
        self, store: Store, another: Store
    ) -> None:
        await store.claim("the first")
        await another.open()
        try:
            with pytest.raises(StoreInUse, match="the first") as refused:
                await another.claim("the second")
            assert refused.value.details["by"] == "the first"
            assert refused.value.hint
            await keep(another, row(0), record=record())  # all else goes on
            assert await words(store) == "x"

            await store.close()
            await another.claim("the second")

            await store.open()
            with pytest.raises(StoreInUse, match="the second"):
                await store.claim("the first")
        finally:
            await another.close()
