"""Answers under a key: the first stays, and all get it, until it is forgotten.

This module knows keys, and when an answer was kept. No store knows what was asked.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.stores.conformance.rows import NOON, later

if TYPE_CHECKING:
    from engine.store import Store


class Answers:
    """There is one answer under a key."""

    async def test_the_first_answer_under_a_key_stays(self, store: Store) -> None:
        assert await store.answer("k") is None
        assert await store.remember("k", b"first", at=NOON) == b"first"
        assert await store.remember("k", b"second", at=NOON) == b"first"
        assert await store.remember("other", b"", at=NOON) == b""

        assert await store.answer("k") == b"first"
        assert await store.answer("other") == b""

    async def test_of_twenty_who_answer_at_once_all_get_the_same(self, store: Store) -> None:
        async with asyncio.TaskGroup() as tasks:
            asked = [
                tasks.create_task(store.remember("k", str(n).encode(), at=NOON)) for n in range(20)
            ]

        answers = {each.result() for each in asked}
        assert answers == {await store.answer("k")}

    async def test_answers_are_forgotten_by_when_they_were_kept(self, store: Store) -> None:
        for second, key in enumerate("abcd"):
            await store.remember(key, key.encode(), at=later(second))
        await store.remember("a", b"again", at=later(9))  # it was kept at noon all the same

        assert await store.forget_answers(later(2)) == 2
        assert await store.forget_answers(later(2)) == 0

        assert [await store.answer(key) for key in "abcd"] == [None, None, b"c", b"d"]
        assert await store.remember("a", b"new", at=later(10)) == b"new"
        assert await store.forget_answers(later(10)) == 2
        assert await store.answer("a") == b"new"

    async def test_thousands_of_answers_are_forgotten(self, store: Store) -> None:
        async with asyncio.TaskGroup() as tasks:
            for n in range(2_500):
                tasks.create_task(store.remember(f"{n}", b"x", at=NOON))

        assert await store.forget_answers(later(1)) == 2_500
        assert await store.answer("2499") is None
