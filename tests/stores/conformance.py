"""What every store promises, as tests.

A store passes them if a subclass that gives the fixture `store`, an open and empty one, passes
all that it inherits:

    class TestMyStore(StoreConformance):
        @pytest.fixture
        async def store(self) -> AsyncGenerator[Store]:
            store = MyStore(...)
            await store.open()
            yield store
            await store.close()

`PersistentStoreConformance` is for stores that outlive the process. It needs two fixtures more:
`another`, a second store over the same data, not yet open, as another process would have it,
and `overwrite`, which puts other bytes in the place of a row behind the store's back.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from engine.entry import MessageSent, NodeCompleted, RunStarted
from engine.errors import EngineError, LogMoved
from engine.ids import BEGINNING, ActivationId, RunId, Seq
from engine.row import Row
from engine.store import Document, Origin, RunRecord, StoreClosed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from typing import TypeAlias

    from engine.ids import Json
    from engine.store import Status, Store

    Overwrite: TypeAlias = Callable[[str, int, bytes], Awaitable[None]]
    """Puts other bytes in the place of the row of a run that ends at a seq."""

RUN = RunId("r")
FORK = RunId("fork")
NOON = datetime(2026, 11, 22, 12, 0, 0, 123_456, tzinfo=UTC)


def row(first: int, count: int = 1, *, word: str = "x", run_id: str = RUN) -> Row:
    """Make a batch of `count` entries from seq `first`; `word` tells it from others."""
    last = Seq(first + count - 1)
    return Row(
        tuple(
            MessageSent(seq=Seq(seq), batch=last, at=NOON, run_id=RunId(run_id), to=word)
            for seq in range(first, last + 1)
        )
    )


def completed(seq: int, patch: dict[str, Json]) -> Row:
    """Make a batch of one node's completion."""
    return Row(
        (
            NodeCompleted(
                seq=Seq(seq),
                batch=Seq(seq),
                at=NOON,
                run_id=RUN,
                node="n",
                activation=ActivationId(0),
                attempt=1,
                patch=patch,
            ),
        )
    )


def record(  # noqa: PLR0913  # a record has that many parts
    run_id: str = RUN,
    *,
    graph: str = "g",
    status: Status = "running",
    began: datetime = NOON,
    origin: Origin | None = None,
    tags: Mapping[str, str] | None = None,
) -> RunRecord:
    """Make the record of a run."""
    return RunRecord(
        run_id=RunId(run_id),
        graph=graph,
        version="v1",
        status=status,
        began=began,
        changed=began,
        origin=origin,
        tags=tags or {},
    )


class News:
    """Collects what a store says about batches, in the order in which it says it."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, EngineError | None]] = []
        self._waiting = 0
        self._all = asyncio.Event()
        self._all.set()

    def of(self, name: str) -> Callable[[EngineError | None], None]:
        """Give a callback that is told about one batch."""
        self._waiting += 1
        self._all.clear()

        def kept(error: EngineError | None) -> None:
            self.heard.append((name, error))
            self.at_once()

        return kept

    def at_once(self) -> None:
        """Note that a batch is not waited for any more."""
        self._waiting -= 1
        if not self._waiting:
            self._all.set()

    async def all(self) -> list[tuple[str, EngineError | None]]:
        """Wait until everything has been told."""
        await self._all.wait()
        return self.heard


async def keep(
    store: Store,
    given: Row,
    *,
    run_id: str = RUN,
    expected: int | None = None,
    record: RunRecord | None = None,
) -> None:
    """Append a batch after what comes before it, and wait until it is kept, or raise."""
    news = News()
    if not store.append(
        RunId(run_id),
        given,
        expected=Seq(given.first - 1 if expected is None else expected),
        kept=news.of("it"),
        record=record,
    ):
        ((_, error),) = await news.all()
        if error is not None:
            raise error


async def keep_all(
    store: Store, rows: Sequence[Row], *, run_id: str = RUN, given: RunRecord | None = None
) -> None:
    """Make the log of a run of these rows."""
    for index, each in enumerate(rows):
        first = given or record(run_id)
        await keep(store, each, run_id=run_id, record=None if index else first)


async def fork(store: Store, run_id: str, of: str, at: int, *rows: Row) -> None:
    """Make a run whose log begins with that of another up to `at`, and goes on with `rows`."""
    given = record(run_id, origin=Origin(RunId(of), Seq(at)))
    await keep_all(store, rows, run_id=run_id, given=given)


async def words(store: Store, run_id: str = RUN, after: int = -1, limit: int | None = None) -> str:
    """Read a log, and give the words in it."""
    rows = await store.read(RunId(run_id), Seq(after), limit=limit)
    sent = [entry for each in rows for entry in each.entries]
    return "".join(entry.to for entry in sent if isinstance(entry, MessageSent))


class StoreConformance:
    """The promises of `engine.store.Store`."""

    # -- logs -----------------------------------------------------------------------------

    async def test_what_was_appended_is_read_in_order(self, store: Store) -> None:
        await keep_all(store, [row(0, 3), row(3), row(4, 2)])

        assert list(await store.read(RUN)) == [row(0, 3), row(3), row(4, 2)]

    async def test_rows_are_read_as_the_entries_that_were_given(self, store: Store) -> None:
        started = RunStarted(
            seq=Seq(0),
            batch=Seq(1),
            at=NOON,
            run_id=RUN,
            graph="g",
            version="v1",
            state={"n": 1, "list": [1.5, None, True, {"deep": "ü"}]},
        )
        sent = MessageSent(seq=Seq(1), batch=Seq(1), at=NOON, run_id=RUN, to="n")
        await keep(store, Row((started, sent)), record=record())

        (read,) = await store.read(RUN)

        assert read.entries == (started, sent)
        assert (read.first, read.last) == (0, 1)

    async def test_a_run_that_is_not_there_has_no_rows_no_last_entry_and_no_record(
        self, store: Store
    ) -> None:
        assert list(await store.read(RUN)) == []
        assert await store.last(RUN) is None
        assert await store.record(RUN) is None

    async def test_the_last_entry_is_counted_over_all_batches(self, store: Store) -> None:
        await keep_all(store, [row(0, 3), row(3, 2)])

        assert await store.last(RUN) == 4

    @pytest.mark.parametrize(
        ("after", "first"), [(-1, 0), (0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 3), (99, 3)]
    )
    async def test_reading_begins_with_the_row_that_holds_the_next_entry(
        self, store: Store, after: int, first: int
    ) -> None:
        rows = [row(0, 3), row(3, 2), row(5)]
        await keep_all(store, rows)

        assert list(await store.read(RUN, Seq(after))) == rows[first:]

    @pytest.mark.parametrize("limit", [0, 1, 2, 3, 99])
    async def test_no_more_rows_are_read_than_asked_for(self, store: Store, limit: int) -> None:
        rows = [row(0), row(1), row(2)]
        await keep_all(store, rows)

        assert list(await store.read(RUN, limit=limit)) == rows[:limit]

    async def test_a_long_log_is_read_in_order_page_by_page(self, store: Store) -> None:
        rows = [row(n) for n in range(300)]
        news = News()
        for each in rows:
            given = record() if each.first == 0 else None
            expected = Seq(each.first - 1)
            if store.append(RUN, each, expected=expected, kept=news.of("it"), record=given):
                news.at_once()
        await news.all()

        read: list[Row] = []
        while page := await store.read(RUN, read[-1].last if read else BEGINNING, limit=64):
            read += page

        assert read == rows

    async def test_runs_do_not_see_each_other(self, store: Store) -> None:
        await keep_all(store, [row(0, 2)])
        await keep_all(store, [row(0, word="y"), row(1, word="z")], run_id="other")

        assert await words(store) == "xx"
        assert await words(store, "other") == "yz"
        assert await store.last(RUN) == await store.last(RunId("other")) == 1

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

    # -- order ----------------------------------------------------------------------------

    async def test_the_batches_of_a_run_are_told_in_their_order(self, store: Store) -> None:
        news = News()
        at_once = 0
        for n in range(50):
            for run_id in ("a", "b", "c"):
                at_once += store.append(
                    RunId(run_id),
                    row(n, run_id=run_id),
                    expected=Seq(n - 1),
                    kept=news.of(run_id),
                    record=None if n else record(run_id),
                )
        for _ in range(at_once):
            news.at_once()

        heard = await news.all()

        assert all(error is None for _, error in heard)
        assert len(heard) + at_once == 150
        for run_id in ("a", "b", "c"):
            rows = list(await store.read(RunId(run_id)))
            assert rows == [row(n, run_id=run_id) for n in range(50)]

    async def test_what_follows_a_refused_batch_is_refused_even_where_it_would_fit(
        self, store: Store
    ) -> None:
        await keep_all(store, [row(0), row(1)])
        news = News()
        # Handed over in one go by somebody who knows the first row only: the log does end at
        # seq 1, but not with what the second batch was decided on.
        with suppress(LogMoved):
            for n in (1, 2, 3):
                store.append(RUN, row(n, word="late"), expected=Seq(n - 1), kept=news.of(str(n)))
            assert [type(error) for _, error in await news.all()] == 3 * [LogMoved]

        assert await words(store) == "xx"
        await keep(store, row(2))  # who has read the log again may go on
        assert await words(store) == "xxx"

    async def test_a_refused_batch_stops_no_other_run(self, store: Store) -> None:
        await keep_all(store, [row(0)])
        news = News()
        runs = ["a", "b", RUN, "c", "d"]
        for run_id in runs:
            try:
                if store.append(
                    RunId(run_id),
                    row(0, run_id=run_id, word="new"),
                    expected=BEGINNING,
                    kept=news.of(run_id),
                    record=record(run_id),
                ):
                    news.at_once()
            except LogMoved:
                news.at_once()
        await news.all()

        assert [await words(store, run_id) for run_id in runs] == ["new", "new", "x", "new", "new"]

    # -- values ---------------------------------------------------------------------------

    @pytest.mark.parametrize(
        "patch",
        [
            {},
            {"": ""},
            {"umlaut": "äöü ß", "beyond": "𝄞 🦆", "right to left": "שלום"},
            {"control": "\x01\x1e\x1f\u2028\u2029", "lines": "a\nb\r\n", "quote": '"\\'},
            {"int": 2**63 - 1, "least": -(2**63), "float": 1e308, "tiny": 5e-324, "zero": -0.0},
            {"deep": [[[[[[[[[[{"x": []}]]]]]]]]]]},
        ],
        ids=["empty", "empty words", "unicode", "control characters", "numbers", "depth"],
    )
    async def test_a_patch_is_read_as_it_was_written(
        self, store: Store, patch: dict[str, Json]
    ) -> None:
        given = completed(0, patch)
        await keep(store, given, record=record())

        (read,) = await store.read(RUN)

        assert read == completed(0, patch)
        assert read.entries == completed(0, patch).entries

    async def test_a_row_of_five_megabytes_is_kept_whole(self, store: Store) -> None:
        large = "0123456789" * 500_000
        await keep(store, completed(0, {"large": large}), record=record())
        await keep(store, completed(1, {"small": 1}))

        rows = await store.read(RUN)

        assert list(rows) == [completed(0, {"large": large}), completed(1, {"small": 1})]

    async def test_a_batch_may_have_thousands_of_entries(self, store: Store) -> None:
        await keep_all(store, [row(0, 5_000), row(5_000)])

        (read, _) = await store.read(RUN)

        assert (read.first, read.last, len(read.entries)) == (0, 4_999, 5_000)
        assert [each.first for each in await store.read(RUN, Seq(4_999))] == [5_000]

    async def test_names_are_kept_as_they_are(self, store: Store) -> None:
        for name in ("a", "A", "á", "a b", "a'b", "a%", "🦆"):
            given = record(name, graph=name, tags={name: name})
            await keep_all(store, [row(0, run_id=name)], run_id=name, given=given)

        for name in ("a", "A", "á", "a b", "a'b", "a%", "🦆"):
            assert await store.last(RunId(name)) == 0
            assert await store.record(RunId(name)) == record(name, graph=name, tags={name: name})
            assert [each.run_id for each in await store.runs(graph=name)] == [name]

    # -- records --------------------------------------------------------------------------

    async def test_the_record_of_a_run_is_kept_with_its_first_batch(self, store: Store) -> None:
        given = RunRecord(
            run_id=RUN,
            graph="review",
            version="0123abc",
            status="paused",
            began=NOON,
            changed=NOON + timedelta(microseconds=1),
            error="TOOL_MISSING",
            tags={"team": "core", "empty": "", "ü": '"'},
            tenant="other",
        )
        await keep(store, row(0), record=given)

        assert await store.record(RUN) == given
        assert list(await store.runs()) == [given]

    async def test_a_record_changes_with_the_batch_that_changes_it(self, store: Store) -> None:
        await keep(store, row(0), record=record())
        later = NOON + timedelta(days=400, microseconds=7)
        changed = replace(record(), status="failed", changed=later, error="NO_ROUTE")

        await keep(store, row(1), record=changed)

        assert await store.record(RUN) == changed
        assert list(await store.runs()) == [changed]

    async def test_when_and_from_where_a_run_began_does_not_change(self, store: Store) -> None:
        await keep_all(store, [row(0)])
        await fork(store, FORK, RUN, 0, row(1))
        later = NOON + timedelta(hours=1)

        await keep(store, row(2), run_id=FORK, record=record(FORK, began=later, status="completed"))

        found = await store.record(FORK)
        assert found is not None
        assert (found.began, found.origin) == (NOON, Origin(RUN, Seq(0)))
        assert (found.changed, found.status) == (later, "completed")
        assert [each.run_id for each in await store.runs()] == [RUN, FORK]

    async def test_a_batch_without_a_record_leaves_it_as_it_is(self, store: Store) -> None:
        await keep(store, row(0), record=record(status="paused"))
        await keep(store, row(1))

        assert await store.record(RUN) == record(status="paused")

    async def test_a_run_that_begins_and_ends_at_once_has_its_last_record(
        self, store: Store
    ) -> None:
        news = News()
        for n, status in enumerate(("running", "paused", "running", "completed")):
            given = record(status=status)  # type: ignore[arg-type]  # they are some
            if store.append(RUN, row(n), expected=Seq(n - 1), kept=news.of("it"), record=given):
                news.at_once()
        assert all(error is None for _, error in await news.all())

        assert await store.record(RUN) == record(status="completed")
        assert await words(store) == "xxxx"

    async def test_runs_are_listed_the_latest_first(self, store: Store) -> None:
        for name, minute in (("b", 2), ("c", 3), ("a", 1)):
            began = NOON + timedelta(minutes=minute)
            await keep(store, row(0), run_id=name, record=record(name, began=began))

        assert [each.run_id for each in await store.runs()] == ["c", "b", "a"]

    async def test_runs_that_began_at_one_time_are_listed_by_name(self, store: Store) -> None:
        for name in ("b", "c", "a", "é", "B", "🦆"):
            await keep(store, row(0), run_id=name, record=record(name))

        assert [each.run_id for each in await store.runs()] == ["🦆", "é", "c", "b", "a", "B"]

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
    async def test_the_list_goes_on_where_a_page_ended_however_many_began_at_once(
        self, store: Store, size: int
    ) -> None:
        names = [f"{n:02}" for n in range(12)]
        for n, name in enumerate(names):  # three at a time
            began = NOON + timedelta(seconds=n // 3)
            await keep(store, row(0), run_id=name, record=record(name, began=began))

        listed: list[RunRecord] = []
        while page := await store.runs(before=listed[-1] if listed else None, limit=size):
            listed += page
            assert len(page) <= size

        assert [each.run_id for each in listed] == names[::-1]

    async def test_the_list_goes_on_after_a_run_that_has_changed_since(self, store: Store) -> None:
        for name in ("a", "b", "c"):
            await keep(store, row(0), run_id=name, record=record(name))
        (last,) = await store.runs(status=["running"], limit=1)
        await keep(store, row(1), run_id="c", record=record("c", status="completed"))

        rest = await store.runs(status=["running"], before=last)

        assert [each.run_id for each in rest] == ["b", "a"]

    @pytest.mark.parametrize(
        ("status", "found"),
        [
            ((), "edcba"),
            (("running",), "ea"),
            (("paused",), "b"),
            (("running", "paused"), "eba"),
            (("completed",), "c"),
            (("failed", "running"), "eda"),
            (("cancelled",), ""),
            (("running", "paused", "completed", "failed", "cancelled"), "edcba"),
        ],
    )
    async def test_runs_are_found_by_their_status(
        self, store: Store, status: Sequence[Status], found: str
    ) -> None:
        of: dict[str, Status] = {
            "a": "running",
            "b": "paused",
            "c": "completed",
            "d": "failed",
            "e": "running",
        }
        for name, each in of.items():
            await keep(store, row(0), run_id=name, record=record(name, status=each))

        assert "".join(each.run_id for each in await store.runs(status=status)) == found
        assert "".join(each.run_id for each in await store.runs(status=set(status))) == found

    async def test_a_run_is_found_by_the_status_it_has_now(self, store: Store) -> None:
        await keep(store, row(0), record=record())
        await keep(store, row(1), record=record(status="paused"))
        await keep(store, row(2), record=record(status="completed"))

        assert list(await store.runs(status=["running", "paused"])) == []
        assert [each.run_id for each in await store.runs(status=["completed"])] == [RUN]

    async def test_filters_and_pages_go_together(self, store: Store) -> None:
        for n in range(20):
            status: Status = "completed" if n % 2 else "running"
            given = record(f"{n:02}", graph="even" if n % 4 == 0 else "odd", status=status)
            await keep(store, row(0), run_id=given.run_id, record=given)

        first = await store.runs(status=["running"], graph="odd", limit=3)
        rest = await store.runs(status=["running"], graph="odd", before=first[-1])

        assert [each.run_id for each in first] == ["18", "14", "10"]
        assert [each.run_id for each in rest] == ["06", "02"]

    async def test_no_more_runs_are_listed_than_asked_for(self, store: Store) -> None:
        await keep(store, row(0), record=record())

        assert list(await store.runs(limit=0)) == []

    # -- forks ----------------------------------------------------------------------------

    async def test_the_log_of_a_fork_begins_with_that_of_its_origin(self, store: Store) -> None:
        await keep_all(store, [row(0, 2, word="a"), row(2, word="b"), row(3, word="c")])

        await fork(store, FORK, RUN, 2, row(3, word="d"), row(4, word="e"))

        assert await words(store, FORK) == "aabde"
        assert await words(store) == "aabc"
        assert await store.last(FORK) == 4

    async def test_the_record_of_a_fork_says_what_it_comes_from(self, store: Store) -> None:
        await keep_all(store, [row(0)])

        await fork(store, FORK, RUN, 0, row(1))
        await keep(store, row(2), run_id=FORK, record=record(FORK, origin=Origin(RUN, Seq(0))))

        found = await store.record(FORK)
        assert found is not None
        assert found.origin == Origin(RUN, Seq(0))

    async def test_what_the_origin_does_later_is_not_in_the_fork(self, store: Store) -> None:
        await keep_all(store, [row(0, word="a")])
        await fork(store, FORK, RUN, 0, row(1, word="f"))

        await keep(store, row(1, word="b"))
        await keep(store, row(2, word="c"))
        await keep(store, row(2, word="g"), run_id=FORK)

        assert await words(store) == "abc"
        assert await words(store, FORK) == "afg"

    @pytest.mark.parametrize("after", range(-1, 8))
    @pytest.mark.parametrize("limit", [None, 1, 2, 3])
    async def test_a_fork_is_read_across_the_border_like_any_log(
        self, store: Store, after: int, limit: int | None
    ) -> None:
        await keep_all(store, [row(0, 2), row(2), row(3, 2), row(5)])
        await fork(store, FORK, RUN, 2, row(3, 3, word="y"), row(6, word="z"))
        whole = [row(0, 2), row(2), row(3, 3, word="y"), row(6, word="z")]

        read = await store.read(FORK, Seq(after), limit=limit)

        assert list(read) == [each for each in whole if each.last > after][:limit]

    @pytest.mark.parametrize(
        ("of", "at", "expected"),
        [
            (RUN, 0, "ag"),
            (RUN, 2, "abcg"),
            (FORK, 0, "ag"),
            (FORK, 1, "abg"),
            (FORK, 2, "abdg"),
            (FORK, 3, "abdeg"),
        ],
    )
    async def test_a_fork_may_be_forked_at_any_batch_of_its_whole_log(
        self, store: Store, of: str, at: int, expected: str
    ) -> None:
        await keep_all(store, [row(0, word="a"), row(1, word="b"), row(2, word="c")])
        await fork(store, FORK, RUN, 1, row(2, word="d"), row(3, word="e"))

        await fork(store, "third", of, at, row(at + 1, word="g"))

        assert await words(store, "third") == expected
        assert await words(store, "third", after=at) == "g"
        assert await store.last(RunId("third")) == at + 1

    async def test_forks_of_forks_are_read_through_all_of_them(self, store: Store) -> None:
        await keep_all(store, [row(0, word="a"), row(1, word="b")])
        for n in range(1, 30):
            of = RUN if n == 1 else f"f{n - 1}"
            await fork(store, f"f{n}", of, n, row(n + 1, word=chr(ord("b") + n % 20)))

        rows = await store.read(RunId("f29"))

        assert [each.first for each in rows] == list(range(31))
        assert [each.first for each in await store.read(RunId("f29"), Seq(14), limit=3)] == [
            15,
            16,
            17,
        ]

    @pytest.mark.parametrize("at", [-1, 0, 1, 3, 5, 99])
    async def test_a_fork_begins_only_where_a_batch_of_its_origin_ends(
        self, store: Store, at: int
    ) -> None:
        await keep_all(store, [row(0, 3), row(3, 2)])

        with pytest.raises(LogMoved, match="no batch that ends there"):
            await fork(store, FORK, RUN, at, row(at + 1))
        assert await store.last(FORK) is None
        assert await store.record(FORK) is None
        assert [each.run_id for each in await store.runs()] == [RUN]

    async def test_a_fork_of_a_run_that_is_not_there_is_refused(self, store: Store) -> None:
        with pytest.raises(LogMoved, match="no batch that ends there"):
            await fork(store, FORK, RUN, 0, row(1))
        assert await store.last(FORK) is None

    async def test_a_fork_does_not_begin_before_or_after_its_origin(self, store: Store) -> None:
        await keep_all(store, [row(0), row(1), row(2)])
        given = record(FORK, origin=Origin(RUN, Seq(1)))

        for first in (0, 1, 3):
            with pytest.raises(LogMoved, match="ends at seq 1"):
                await keep(store, row(first), run_id=FORK, record=given)
        assert await store.last(FORK) is None

    async def test_a_fork_may_begin_in_the_same_breath_as_its_origin(self, store: Store) -> None:
        news = News()
        logs = [
            (RUN, row(0, word="a"), record()),
            (RUN, row(1, word="b"), None),
            (FORK, row(1, word="c"), record(FORK, origin=Origin(RUN, Seq(0)))),
        ]
        for run_id, each, given in logs:
            expected = Seq(each.first - 1)
            if store.append(run_id, each, expected=expected, kept=news.of("it"), record=given):
                news.at_once()
        assert all(error is None for _, error in await news.all())

        assert await words(store, FORK) == "ac"

    async def test_to_append_to_a_fork_what_is_there_already_is_success(self, store: Store) -> None:
        await keep_all(store, [row(0), row(1)])
        await fork(store, FORK, RUN, 1, row(2, word="y"))

        await keep(store, row(2, word="y"), run_id=FORK)
        await keep(store, row(1), run_id=FORK)  # from its origin

        with pytest.raises(LogMoved, match="ends at seq 2"):
            await keep(store, row(1, word="y"), run_id=FORK)
        assert await words(store, FORK) == "xxy"

    @pytest.mark.parametrize("at", [0, 1, 2])
    async def test_a_fork_does_not_go_on_with_a_run_that_has_its_name(
        self, store: Store, at: int
    ) -> None:
        await keep_all(store, [row(n) for n in range(3)])
        await keep_all(store, [row(0, word="a"), row(1, word="b")], run_id=FORK)

        with pytest.raises(LogMoved, match="there is a run 'fork' already") as refused:
            await fork(store, FORK, RUN, at, row(at + 1, word="y"))

        assert refused.value.details == {"run_id": FORK, "origin": RUN, "seq": at}
        assert "another name" in refused.value.hint
        assert await words(store, FORK) == "ab"
        assert await store.last(FORK) == 1
        assert await store.record(FORK) == record(FORK)

    @pytest.mark.parametrize(
        ("of", "at"), [("other", 1), ("other", 2), (RUN, 0), (RUN, 2), (FORK, 2)]
    )
    async def test_a_fork_does_not_go_on_with_a_fork_of_another_origin(
        self, store: Store, of: str, at: int
    ) -> None:
        await keep_all(store, [row(n) for n in range(3)])
        await keep_all(store, [row(n) for n in range(3)], run_id="other")
        await fork(store, FORK, RUN, 1, row(2, word="y"))

        with pytest.raises(LogMoved, match="there is a run 'fork' already"):
            await fork(store, FORK, of, at, row(at + 1, word="y"))

        assert await words(store, FORK) == "xxy"
        assert await store.record(FORK) == record(FORK, origin=Origin(RUN, Seq(1)))

    async def test_a_fork_is_not_a_run_that_has_the_same_words_but_begins_elsewhere(
        self, store: Store
    ) -> None:
        await keep_all(store, [row(n) for n in range(3)])
        await keep_all(store, [row(n) for n in range(3)], run_id="plain")

        with pytest.raises(LogMoved, match="there is a run 'plain' already"):
            await fork(store, "plain", RUN, 1, row(2))

        assert await store.record(RunId("plain")) == record("plain")

    async def test_of_two_that_begin_one_fork_one_is_refused(self, store: Store) -> None:
        await keep_all(store, [row(0), row(1)])
        await fork(store, FORK, RUN, 1, row(2, word="a"))

        with pytest.raises(LogMoved, match="there is a run 'fork' already"):
            await fork(store, FORK, RUN, 1, row(2, word="b"))
        with pytest.raises(LogMoved, match="there is a run 'fork' already"):
            await fork(store, FORK, RUN, 1, row(2, 2, word="a"))
        assert await words(store, FORK) == "xxa"

    async def test_to_begin_a_fork_again_with_the_same_batch_is_success_and_changes_nothing(
        self, store: Store
    ) -> None:
        await keep_all(store, [row(0), row(1)])
        await fork(store, FORK, RUN, 1, row(2, word="y"))

        await fork(store, FORK, RUN, 1, row(2, word="y"))
        assert await words(store, FORK) == "xxy"

        over = record(FORK, origin=Origin(RUN, Seq(1)), status="completed")
        await keep(store, row(3, word="z"), run_id=FORK, record=over)
        await fork(store, FORK, RUN, 1, row(2, word="y"))
        assert await words(store, FORK) == "xxyz"
        assert await store.record(FORK) == over

    async def test_the_record_of_a_fork_changes_with_any_later_batch(self, store: Store) -> None:
        await keep_all(store, [row(0), row(1)])
        news = News()
        for n, status in enumerate(("running", "paused", "running", "failed"), 2):
            given = record(FORK, origin=Origin(RUN, Seq(1)), status=status)  # type: ignore[arg-type]  # they are some
            if store.append(FORK, row(n), expected=Seq(n - 1), kept=news.of("it"), record=given):
                news.at_once()
        assert [error for _, error in await news.all() if error] == []

        for n, status in enumerate(("running", "completed"), 6):
            given = record(FORK, origin=Origin(RUN, Seq(1)), status=status)  # type: ignore[arg-type]  # as above
            await keep(store, row(n), run_id=FORK, record=given)
            assert await store.record(FORK) == given

        assert await words(store, FORK) == "x" * 8

    async def test_a_fork_that_is_refused_its_name_stops_no_other_run(self, store: Store) -> None:
        await keep_all(store, [row(0)])
        await keep_all(store, [row(0, word="a")], run_id="taken")
        news = News()
        for run_id in ("one", "taken", "two"):
            given = record(run_id, origin=Origin(RUN, Seq(0)))
            try:
                if store.append(
                    RunId(run_id),
                    row(1, word="y"),
                    expected=Seq(0),
                    kept=news.of(run_id),
                    record=given,
                ):
                    news.at_once()
            except LogMoved as error:
                news.of(run_id)(error)
                news.at_once()
        refused = [(name, type(error)) for name, error in await news.all() if error]

        assert refused == [("taken", LogMoved)]
        assert [await words(store, each) for each in ("one", "taken", "two")] == ["xy", "a", "xy"]

    # -- documents and answers ------------------------------------------------------------

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

    async def test_the_first_answer_under_a_key_stays(self, store: Store) -> None:
        assert await store.answer("k") is None
        assert await store.remember("k", b"first") == b"first"
        assert await store.remember("k", b"second") == b"first"
        assert await store.remember("other", b"") == b""

        assert await store.answer("k") == b"first"
        assert await store.answer("other") == b""

    async def test_of_twenty_who_answer_at_once_all_get_the_same(self, store: Store) -> None:
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(store.remember("k", str(n).encode())) for n in range(20)]

        answers = {each.result() for each in asked}
        assert answers == {await store.answer("k")}

    # -- open and close -------------------------------------------------------------------

    async def test_nothing_is_the_matter_with_a_store_that_works(self, store: Store) -> None:
        await keep(store, row(0), record=record())

        assert store.trouble is None

    async def test_a_store_that_was_closed_and_opened_again_has_everything(
        self, store: Store
    ) -> None:
        await keep_all(store, [row(0, 2), row(2)])
        await fork(store, FORK, RUN, 1, row(2, word="y"))
        await store.put("tool", "t", b"x")
        await store.remember("k", b"a")

        await store.close()
        await store.open()

        assert await words(store) == "xxx"
        assert await words(store, FORK) == "xxy"
        assert [each.run_id for each in await store.runs()] == [RUN, FORK]
        assert await store.put("tool", "t", b"x") == 1
        assert await store.remember("k", b"b") == b"a"
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


class PersistentStoreConformance(StoreConformance):
    """What stores promise that outlive their process, and are shared by several."""

    async def test_a_store_that_is_closed_refuses(self, store: Store) -> None:
        await keep(store, row(0), record=record())
        await store.close()

        with pytest.raises(StoreClosed) as refused:
            store.append(RUN, row(1), expected=Seq(0), kept=News().of("it"))
        assert refused.value.hint
        for asked in (
            store.read(RUN),
            store.last(RUN),
            store.record(RUN),
            store.runs(),
            store.put("graph", "g", b""),
            store.documents("graph"),
            store.remember("k", b""),
            store.answer("k"),
        ):
            with pytest.raises(StoreClosed, match="not open"):
                await asked

    async def test_another_process_finds_everything(self, store: Store, another: Store) -> None:
        await keep_all(store, [row(0, 2), row(2)])
        await fork(store, FORK, RUN, 1, row(2, word="y"))
        await store.put("graph", "g", b"x")
        await store.remember("k", b"a")
        listed = list(await store.runs())

        await another.open()
        try:
            assert await words(another) == "xxx"
            assert await words(another, FORK) == "xxy"
            assert list(await another.runs()) == listed
            assert list(await another.documents("graph")) == [Document("g", 1, b"x")]
            assert await another.answer("k") == b"a"
        finally:
            await another.close()

    @pytest.mark.parametrize(
        "data",
        [
            row(2, 3).data[:-20],
            row(2, 3).data.rpartition(b"\n")[0],
            row(2, 3).data.partition(b"\n")[2],
            b"",
            b"notes",
            b"{}",
            row(2, 2).data,
        ],
        ids=["a line", "the end", "the beginning", "all", "its words", "its fields", "its number"],
    )
    async def test_a_row_that_has_lost_some_of_what_it_was_can_not_be_read(
        self, store: Store, overwrite: Overwrite, data: bytes
    ) -> None:
        await keep_all(store, [row(0, 2), row(2, 3), row(5)])

        await overwrite(RUN, 4, data)

        with pytest.raises((EngineError, ValueError)):  # noqa: PT012  # whoever looks first
            for each in await store.read(RUN):
                assert each.entries

    async def test_of_two_processes_that_write_one_log_the_late_one_is_refused(
        self, store: Store, another: Store
    ) -> None:
        await another.open()
        try:
            await keep_all(store, [row(0, word="a")])
            await keep(another, row(1, word="b"))
            with pytest.raises(LogMoved, match="ends at seq 1, not at 0"):
                await keep(store, row(1, word="late"), record=record(status="failed"))
            with pytest.raises(LogMoved):
                await keep(store, row(2, word="late"), expected=0)

            await keep(store, row(2, word="c"))  # it has read the log again
            with pytest.raises(LogMoved):
                await keep(another, row(2, word="late"))

            assert await words(store) == await words(another) == "abc"
            assert await store.record(RUN) == record()
        finally:
            await another.close()

    async def test_a_fork_does_not_take_the_name_of_a_run_of_another_process(
        self, store: Store, another: Store
    ) -> None:
        await another.open()
        await keep_all(store, [row(0), row(1)])
        await keep_all(another, [row(0, word="a"), row(1, word="b")], run_id=FORK)

        with pytest.raises(LogMoved, match="there is a run 'fork' already"):
            await fork(store, FORK, RUN, 1, row(2, word="y"))

        assert await words(store, FORK) == await words(another, FORK) == "ab"
        await another.close()

    async def test_two_processes_that_race_for_a_log_never_both_win(
        self, store: Store, another: Store
    ) -> None:
        await another.open()
        wins: list[str] = []

        async def write(which: Store, name: str) -> None:
            for n in range(60):
                try:
                    await keep(which, row(n, word=name), record=None if n else record())
                except LogMoved:
                    continue
                wins.append(name)

        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(write(store, "a"))
                tasks.create_task(write(another, "b"))

            assert len(wins) == 60
            assert sorted(await words(store)) == sorted(wins)
        finally:
            await another.close()

    async def test_processes_that_answer_at_once_all_give_the_same(
        self, store: Store, another: Store
    ) -> None:
        await another.open()
        try:
            for n in range(10):
                async with asyncio.TaskGroup() as tasks:
                    one = tasks.create_task(store.remember(f"{n}", b"a"))
                    two = tasks.create_task(another.remember(f"{n}", b"b"))
                assert one.result() == two.result()
                async with asyncio.TaskGroup() as tasks:
                    first = tasks.create_task(store.put("tool", "t", b"a%d" % n))
                    second = tasks.create_task(another.put("tool", "t", b"b%d" % n))
                assert {first.result(), second.result()} == {2 * n + 1, 2 * n + 2}
        finally:
            await another.close()
