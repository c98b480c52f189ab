"""Forks: runs whose logs begin with that of another, their origin.

This module knows where a fork may begin, how its log is read across the border, and that its
name is its own. How origins and forks are forgotten is in `forgetting`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import LogMoved
from engine.ids import RunId, Seq
from engine.store import Origin
from tests.stores.conformance.news import News
from tests.stores.conformance.reading import words
from tests.stores.conformance.rows import FORK, RUN, record, row
from tests.stores.conformance.writing import fork, keep, keep_all

if TYPE_CHECKING:
    from engine.store import Store


class Forks:
    """A fork has the log of its origin up to a batch, and goes on alone."""

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
