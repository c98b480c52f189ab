"""How runs are found by what their records say.

This module knows filters, alone and together. The order of what is found is in `lists`.
"""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from engine.store import RunFilter
from tests.stores.conformance.many import Many
from tests.stores.conformance.reading import names
from tests.stores.conformance.rows import NOON, RUN, later, record, row
from tests.stores.conformance.writing import keep, run_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.store import Status, Store


class Finding(Many):
    """Runs are found by all that they can be found by, as they are now."""

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

        assert await names(store, RunFilter(status=status)) == found
        assert await names(store, RunFilter(status=set(status))) == found

    async def test_a_run_is_found_by_the_status_it_has_now(self, store: Store) -> None:
        await keep(store, row(0), record=record())
        await keep(store, row(1), record=record(status="paused"))
        await keep(store, row(2), record=record(status="completed"))

        assert list(await store.runs(RunFilter(status=["running", "paused"]))) == []
        assert [each.run_id for each in await store.runs(RunFilter(status=["completed"]))] == [RUN]

    async def test_filters_and_pages_go_together(self, store: Store) -> None:
        for n in range(20):
            status: Status = "completed" if n % 2 else "running"
            given = record(f"{n:02}", graph="even" if n % 4 == 0 else "odd", status=status)
            await keep(store, row(0), run_id=given.run_id, record=given)

        first = await store.runs(RunFilter(status=["running"], graph="odd"), limit=3)
        rest = await store.runs(RunFilter(status=["running"], graph="odd"), before=first[-1])

        assert [each.run_id for each in first] == ["18", "14", "10"]
        assert [each.run_id for each in rest] == ["06", "02"]

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            (RunFilter(), "fedcba"),
            (RunFilter(graph="one"), "fdca"),
            (RunFilter(graph="On"), ""),
            (RunFilter(error="NO_ROUTE"), "db"),
            (RunFilter(error="NO"), ""),
            (RunFilter(tags={"team": "core"}), "eba"),
            (RunFilter(tags={"team": "core", "env": "live"}), "e"),
            (RunFilter(tags={"env": "core"}), "d"),
            (RunFilter(tags={"team": "core", "env": "core"}), ""),
            (RunFilter(tags={"team": ""}), ""),
            (RunFilter(since=later(4)), "fe"),
            (RunFilter(since=later(3.5)), "fe"),
            (RunFilter(until=later(2)), "ba"),
            (RunFilter(until=later(2.5)), "cba"),
            (RunFilter(since=later(1), until=later(4)), "dcb"),
            (RunFilter(since=later(4), until=later(1)), ""),
            (RunFilter(status=["failed"], error="NO_ROUTE", graph="one"), "d"),
            (RunFilter(status=["failed", "paused"], since=later(2)), "fdc"),
            (RunFilter(graph="two", tags={"team": "core"}, until=later(4)), "b"),
            (RunFilter(status=["paused"], tags={"team": "ui"}, error="TOOL_MISSING"), "c"),
        ],
        ids=repr,
    )
    async def test_runs_are_found_by_all_that_they_can_be_found_by(
        self, many: Store, wanted: RunFilter, found: str
    ) -> None:
        assert await names(many, wanted) == found
        assert await names(many, wanted, limit=1) == found[:1]
        pages, before = "", None
        while page := await many.runs(wanted, before=before, limit=2):
            pages += "".join([each.run_id for each in page])
            before = page[-1]
        assert pages == found
        assert "".join(each.run_id for each in await many.runs() if wanted.matches(each)) == found

    async def test_a_run_is_found_by_the_tags_and_the_error_it_has_now(self, store: Store) -> None:
        await run_of(store, record("a", tags={"old": "1", "both": "1"}, error="OLD"))

        await keep(store, row(1), run_id="a", record=record("a", tags={"new": "1", "both": "2"}))

        assert await names(store, RunFilter(tags={"old": "1"})) == ""
        assert await names(store, RunFilter(tags={"both": "1"})) == ""
        assert await names(store, RunFilter(error="OLD")) == ""
        assert await names(store, RunFilter(tags={"new": "1", "both": "2"})) == "a"

    async def test_a_tag_may_be_anything_that_is_text(self, store: Store) -> None:
        tags = {"ü": '"', "'": "%_", "a.b": "", "": "x", "$": "🦆"}
        await run_of(store, record("a", tags=tags))
        await run_of(store, record("b"))

        for key, value in tags.items():
            assert await names(store, RunFilter(tags={key: value})) == "a"
        assert await names(store, RunFilter(tags=tags)) == "a"

    async def test_times_are_compared_to_the_microsecond_and_in_any_time_zone(
        self, store: Store
    ) -> None:
        await run_of(store, record("a"))
        there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))

        assert await names(store, RunFilter(since=there)) == "a"
        assert await names(store, RunFilter(until=there)) == ""
        assert await names(store, RunFilter(since=there + timedelta(microseconds=1))) == ""
        assert await names(store, RunFilter(until=there + timedelta(microseconds=1))) == "a"
