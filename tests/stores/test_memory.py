"""The store in memory keeps the promises of every store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine import Engine
from engine.ids import BEGINNING
from engine.store import StoreInUse
from engine.stores.memory import MemoryStore
from tests.stores.conformance import RUN, News, StoreConformance, record, row

if TYPE_CHECKING:
    from engine.store import Store


class TestMemoryStore(StoreConformance):
    """It loses everything with its process, so it promises no more."""

    @pytest.fixture
    def store(self) -> Store:
        """Make an empty store."""
        return MemoryStore()


def test_what_is_kept_in_memory_is_kept_at_once_and_as_it_is() -> None:
    store = MemoryStore()
    given = row(0)

    assert store.append(RUN, given, expected=BEGINNING, kept=News().of("it"), record=record())
    assert given._data is None  # nobody has asked for its bytes yet


async def test_a_store_in_memory_needs_no_opening_and_loses_nothing_when_it_is_closed() -> None:
    store = MemoryStore()
    store.append(RUN, row(0), expected=BEGINNING, kept=News().of("it"), record=record())

    await store.close()

    assert await store.last(RUN) == 0


async def test_two_engines_do_not_drive_the_runs_of_one_store() -> None:
    store = MemoryStore()
    async with Engine(store=store):
        with pytest.raises(StoreInUse) as refused:
            await store.claim("another")
    assert refused.value.code == "STORE_IN_USE"
    assert refused.value.hint


async def test_who_was_refused_a_store_leaves_it_to_the_one_who_has_it() -> None:
    store = MemoryStore()
    await store.open()
    await store.claim("one")

    await store.open()
    with pytest.raises(StoreInUse, match="one"):
        await store.claim("two")
    await store.close()
    with pytest.raises(StoreInUse, match="one"):
        await store.claim("two")

    await store.claim("two", take_over=True)
    with pytest.raises(StoreInUse, match="two"):
        await store.claim("three")
    await store.close()
    await store.claim("three")
