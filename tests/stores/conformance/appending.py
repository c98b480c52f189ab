"""Who may append to a log: who knows where it ends, and who repeats himself.

This module knows one writer who waits for each batch. What is handed over in one go is in
`order`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import EngineError, LogMoved
from engine.ids import Seq
from tests.stores.conformance.news import News
from tests.stores.conformance.reading import words
from tests.stores.conformance.rows import RUN, record, row
from tests.stores.conformance.writing import keep, keep_all

if TYPE_CHECKING:
    from engine.store import Store


class Appending:
    """Nothing is kept that was decided on another log."""

    @pytest.mark.parametrize("expected", [-1, 0, 2])
    async def test_who_does_not_know_the_end_of_the_log_keeps_nothing(
        self, store: Store, expected: int
    ) -> None:
        await keep_all(store, [row(0), row(1)])

        with pytest.raises(LogMoved, match="ends at seq 1") as refused:
            await keep(store, row(expected + 1, word="other"), record=record(status="failed"))
        assert refused.value.details == {"run_id": RUN, "expected": expected, "found": 1}
        assert list(await store.read(RUN)) == [row(0), row(1)]
        assert await store.record(RUN) == record()

    async def test_a_log_does_not_begin_in_the_middle(self, store: Store) -> None:
        with pytest.raises(LogMoved, match="ends at seq -1"):
            await keep(store, row(3), record=record())
        assert await store.last(RUN) is None
        assert await store.record(RUN) is None
        assert list(await store.runs()) == []

    async def test_a_log_does_not_begin_without_a_record(self, store: Store) -> None:
        with pytest.raises(EngineError, match="without a record"):
            await keep(store, row(0))
        assert await store.last(RUN) is None

    async def test_to_append_the_same_again_is_success_and_changes_nothing(
        self, store: Store
    ) -> None:
        await keep_all(store, [row(0, 3), row(3), row(4)])

        await keep(store, row(0, 3), record=record())
        await keep(store, row(3))
        await keep(store, row(4))

        assert list(await store.read(RUN)) == [row(0, 3), row(3), row(4)]

    async def test_who_repeats_himself_does_not_bring_an_old_record_back(
        self, store: Store
    ) -> None:
        await keep(store, row(0), record=record())
        await keep(store, row(1), record=record(status="completed"))

        await keep(store, row(0), record=record())

        assert await store.record(RUN) == record(status="completed")

    async def test_who_repeats_himself_may_go_on_where_he_stopped(self, store: Store) -> None:
        await keep_all(store, [row(0), row(1)])

        news = News()
        for each in (row(0), row(1), row(2), row(3)):
            expected = Seq(each.first - 1)
            if store.append(RUN, each, expected=expected, kept=news.of("it"), record=None):
                news.at_once()
        assert all(error is None for _, error in await news.all())

        assert list(await store.read(RUN)) == [row(0), row(1), row(2), row(3)]

    async def test_a_part_of_a_batch_is_not_the_batch(self, store: Store) -> None:
        await keep_all(store, [row(0, 3)])

        with pytest.raises(LogMoved):
            await keep(store, row(0, 2))
        with pytest.raises(LogMoved):
            await keep(store, row(1, 2))
        with pytest.raises(LogMoved):
            await keep(store, row(2))

    async def test_a_batch_with_the_same_numbers_and_other_words_is_another(
        self, store: Store
    ) -> None:
        await keep_all(store, [row(0), row(1)])

        with pytest.raises(LogMoved):
            await keep(store, row(1, word="y"))
        assert await words(store) == "xx"

    async def test_of_two_that_begin_one_run_one_is_refused(self, store: Store) -> None:
        await keep(store, row(0, word="a"), record=record(tags={"by": "a"}))

        with pytest.raises(LogMoved):
            await keep(store, row(0, word="b"), record=record(tags={"by": "b"}))
        assert await words(store) == "a"
        assert await store.record(RUN) == record(tags={"by": "a"})
