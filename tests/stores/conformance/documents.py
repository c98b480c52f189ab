"""Documents: bytes of a kind under a name, numbered in the order in which they came.

This module knows kinds, names and numbers. No store knows what a document says.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.store import Document

if TYPE_CHECKING:
    from engine.store import Store


class Documents:
    """A document has one number for ever."""

    async def test_documents_are_numbered_in_the_order_in_which_they_were_put(
        self, store: Store
    ) -> None:
        assert await store.put("graph", "g", b"one") == 1
        assert await store.put("graph", "g", b"two") == 2
        assert await store.put("graph", "g", b"three") == 3

        assert list(await store.documents("graph")) == [
            Document("g", 1, b"one"),
            Document("g", 2, b"two"),
            Document("g", 3, b"three"),
        ]

    async def test_a_document_that_is_there_keeps_its_number(self, store: Store) -> None:
        await store.put("graph", "g", b"one")
        await store.put("graph", "g", b"two")

        assert await store.put("graph", "g", b"one") == 1
        assert len(await store.documents("graph")) == 2

    async def test_each_kind_and_each_name_has_numbers_of_its_own(self, store: Store) -> None:
        assert await store.put("graph", "b", b"x") == 1
        assert await store.put("graph", "a", b"x") == 1
        assert await store.put("tool", "a", b"x") == 1
        assert await store.put("tool", "a", b"") == 2

        assert [(each.name, each.number) for each in await store.documents("graph")] == [
            ("a", 1),
            ("b", 1),
        ]
        assert list(await store.documents("tool")) == [
            Document("a", 1, b"x"),
            Document("a", 2, b""),
        ]

    async def test_however_many_put_one_document_at_once_it_has_one_number(
        self, store: Store
    ) -> None:
        await store.put("graph", "g", b"first")
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(store.put("graph", "g", b"same")) for _ in range(20)]

        assert {each.result() for each in asked} == {2}
