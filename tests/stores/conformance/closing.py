"""What closing a store does: it waits for what was handed over, and may be opened again.

This module knows one store that is opened and closed. Another over the same data is in
`processes`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine.ids import Seq
from engine.store import StoreClosed
from tests.stores.conformance.news import News
from tests.stores.conformance.reading import words
from tests.stores.conformance.rows import FORK, NOON, RUN, record, row
from tests.stores.conformance.writing import fork, keep, keep_all

if TYPE_CHECKING:
    from engine.store import Store


class Closing:
    """Nothing is lost by closing."""

    async def test_nothing_is_the_matter_with_a_store_that_works(self, store: Store) -> None:
        await keep(store, row(0), record=record())

        assert store.trouble is None

    async def test_a_store_that_was_closed_and_opened_again_has_everything(
        self, store: Store
    ) -> None:
        await keep_all(store, [row(0, 2), row(2)])
        await fork(store, FORK, RUN, 1, row(2, word="y"))
        await store.put("tool", "t", b"x")
        await store.remember("k", b"a", at=NOON)

        await store.close()
        await store.open()

        assert await words(store) == "xxx"
        assert await words(store, FORK) == "xxy"
        assert [each.run_id for each in await store.runs()] == [RUN, FORK]
        assert await store.put("tool", "t", b"x") == 1
        assert await store.remember("k", b"b", at=NOON) == b"a"
        await keep(store, row(3))
        await keep(store, row(3, word="z"), run_id=FORK)
        assert await words(store) == "xxxx"
        assert await words(store, FORK) == "xxyz"

    async def test_what_was_handed_over_before_the_store_was_closed_is_kept(
        self, store: Store
    ) -> None:
        news = News()
        for n in range(40):
            given = None if n else record()
            if store.append(RUN, row(n), expected=Seq(n - 1), kept=news.of(str(n)), record=given):
                news.at_once()

        await store.close()

        assert all(error is None for _, error in await asyncio.wait_for(news.all(), 1))
        await store.open()
        assert await store.last(RUN) == 39

    async def test_closing_twice_is_closing_once(self, store: Store) -> None:
        await store.close()
        await store.close()


class Closed:
    """A store that is closed says so, whatever it is asked."""

    async def test_a_store_that_is_closed_refuses(self, store: Store) -> None:
        await keep(store, row(0), record=record())
        await store.close()

        with pytest.raises(StoreClosed) as refused:
            store.append(RUN, row(1), expected=Seq(0), kept=News().of("it"))
        assert refused.value.hint
        with pytest.raises(StoreClosed):
            store.rest(record(), at=Seq(0), kept=News().of("it"))
        for asked in (
            store.read(RUN),
            store.last(RUN),
            store.record(RUN),
            store.runs(),
            store.put("graph", "g", b""),
            store.documents("graph"),
            store.remember("k", b"", at=NOON),
            store.answer("k"),
            store.blob("0" * 64),
            store.due(),
            store.forget([RUN]),
            store.forget_answers(NOON),
            store.orphans(),
            store.size(),
            store.shrink(),
            store.claim("somebody"),
        ):
            with pytest.raises(StoreClosed, match="not open"):
                await asked
