"""What every store promises, as tests: subclass, and give the fixture `store`."""

from __future__ import annotations

import pytest

from engine import BEGINNING, LogMoved, LogStore, RunId, Seq

RUN = RunId("r")


def row(first: int, count: int = 1, *, word: str = "x") -> bytes:
    """Write a batch of `count` entries from seq `first`, as stores see them: lines."""
    return b"\n".join(b'{"seq":%d,"word":"%s"}' % (first + n, word.encode()) for n in range(count))


class StoreConformance:
    """The promises of `engine.store.LogStore`."""

    async def test_what_was_appended_is_read_in_order(self, store: LogStore) -> None:
        store.append(RUN, row(0, 3), expected=BEGINNING)
        store.append(RUN, row(3), expected=Seq(2))

        assert list(await store.read(RUN)) == [row(0, 3), row(3)]

    async def test_a_run_that_is_not_there_has_no_rows_and_no_last_entry(
        self, store: LogStore
    ) -> None:
        assert list(await store.read(RUN)) == []
        assert await store.last(RUN) is None

    async def test_the_last_entry_is_counted_over_all_batches(self, store: LogStore) -> None:
        store.append(RUN, row(0, 3), expected=BEGINNING)
        store.append(RUN, row(3, 2), expected=Seq(2))

        assert await store.last(RUN) == 4

    @pytest.mark.parametrize(
        ("after", "first"), [(-1, 0), (0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 3), (99, 3)]
    )
    async def test_reading_begins_with_the_row_that_holds_the_next_entry(
        self, store: LogStore, after: int, first: int
    ) -> None:
        rows = [row(0, 3), row(3, 2), row(5)]
        store.append(RUN, rows[0], expected=BEGINNING)
        store.append(RUN, rows[1], expected=Seq(2))
        store.append(RUN, rows[2], expected=Seq(4))

        assert list(await store.read(RUN, Seq(after))) == rows[first:]

    async def test_no_more_rows_are_read_than_asked_for(self, store: LogStore) -> None:
        store.append(RUN, row(0), expected=BEGINNING)
        store.append(RUN, row(1), expected=Seq(0))

        assert list(await store.read(RUN, limit=1)) == [row(0)]

    @pytest.mark.parametrize("expected", [-1, 0, 2])
    async def test_who_does_not_know_the_end_of_the_log_keeps_nothing(
        self, store: LogStore, expected: int
    ) -> None:
        store.append(RUN, row(0), expected=BEGINNING)
        store.append(RUN, row(1), expected=Seq(0))

        with pytest.raises(LogMoved, match="ends at seq 1"):
            store.append(RUN, row(expected + 1, word="other"), expected=Seq(expected))
        assert list(await store.read(RUN)) == [row(0), row(1)]

    async def test_a_log_does_not_begin_in_the_middle(self, store: LogStore) -> None:
        with pytest.raises(LogMoved, match="ends at seq -1"):
            store.append(RUN, row(3), expected=Seq(2))
        assert await store.last(RUN) is None

    async def test_to_append_the_same_again_is_success_and_changes_nothing(
        self, store: LogStore
    ) -> None:
        store.append(RUN, row(0, 3), expected=BEGINNING)
        store.append(RUN, row(3), expected=Seq(2))

        store.append(RUN, row(0, 3), expected=BEGINNING)
        store.append(RUN, row(3), expected=Seq(2))

        assert list(await store.read(RUN)) == [row(0, 3), row(3)]

    async def test_a_part_of_a_batch_is_not_the_batch(self, store: LogStore) -> None:
        store.append(RUN, row(0, 3), expected=BEGINNING)

        with pytest.raises(LogMoved):
            store.append(RUN, row(0, 2), expected=BEGINNING)
        with pytest.raises(LogMoved):
            store.append(RUN, row(1, 2), expected=Seq(0))

    async def test_runs_do_not_see_each_other(self, store: LogStore) -> None:
        store.append(RUN, row(0), expected=BEGINNING)
        store.append(RunId("other"), row(0, word="y"), expected=BEGINNING)

        assert list(await store.read(RunId("other"))) == [row(0, word="y")]
