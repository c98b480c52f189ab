"""The SQLite store finds runs by its indexes, however many there are."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import product
from typing import TYPE_CHECKING, get_args

import pytest

from engine.ids import RunId
from engine.store import RunFilter, Status
from engine.stores.sqlite import finding, forgetting, schema
from tests.stores.conformance import NOON, later, record

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence


@pytest.fixture
def tables() -> Generator[sqlite3.Cursor, None, None]:
    """Make the tables, in memory."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for statements in schema.VERSIONS:
            for statement in statements:
                connection.execute(statement)
        yield connection.cursor()


def plan(tables: sqlite3.Cursor, statement: str, values: Sequence[str | int]) -> list[str]:
    """Ask SQLite how it would go about a statement."""
    return [each[3] for each in tables.execute(f"EXPLAIN QUERY PLAN {statement}", values)]


def indexes_of(wanted: RunFilter) -> tuple[str, ...]:
    """Name the indexes that a list may be read from; any does where several fit."""
    if wanted.tags:
        return ("SEARCH tags USING PRIMARY KEY (key=? AND value=?",)
    fitting = tuple(
        f"SEARCH runs USING INDEX runs_by_{name}"
        for given, name in (
            (wanted.error, "error (error=?"),
            (wanted.graph, "graph (graph=? AND status=?"),
            (0 < len(wanted.status) < 5, "status (status=?"),
        )
        if given
    )
    if fitting:
        return fitting
    if wanted.since or wanted.until:
        return ("SEARCH runs USING INDEX runs_by_began (",)
    return (" runs USING INDEX runs_by_began",)


FILTERS = [
    RunFilter(status=status, graph=graph, tags=tags, error=error, since=since, until=until)
    for status, graph, tags, error, since, until in product(
        ((), ("failed",), ("running", "paused"), get_args(Status)),
        (None, "g"),
        ({}, {"team": "core"}, {"team": "core", "env": "live"}),
        (None, "NO_ROUTE"),
        (None, NOON),
        (None, later(60)),
    )
]


@pytest.mark.parametrize("before", [None, record(began=later(30))], ids=["first", "next"])
def test_every_list_is_read_from_the_index_that_fits_and_in_its_order(
    tables: sqlite3.Cursor, before: None
) -> None:
    for wanted in FILTERS:
        steps = plan(tables, *finding.listing(wanted, before, 100))

        assert any(each in step for each in indexes_of(wanted) for step in steps), (wanted, steps)
        reads = [step for step in steps if " runs" in step or " tags" in step]
        assert all(
            step.startswith("SEARCH") or "USING INDEX runs_by_began" in step for step in reads
        ), (wanted, steps)
        # What is sorted is what was read already: at most a page of each status.
        assert not any(
            "TEMP B-TREE" in step and not steps[place - 1].startswith("SCAN (subquery")
            for place, step in enumerate(steps)
        ), (wanted, steps)


@pytest.mark.parametrize("given", [{"graph": "g"}, {"status": ["failed"]}, {"error": "E"}, {}])
def test_the_next_page_is_found_in_the_index(tables: sqlite3.Cursor, given: dict[str, str]) -> None:
    for until in (None, later(60)):
        wanted = RunFilter(**given, until=until)  # type: ignore[arg-type]  # they are of the right types
        steps = plan(tables, *finding.listing(wanted, record(began=later(30)), 100))

        assert any("(began,run_id)<(?,?)" in step for step in steps), steps


def test_what_is_due_is_read_from_its_index(tables: sqlite3.Cursor) -> None:
    (step,) = plan(tables, finding._DUE, (0, "", 100))

    assert step.startswith("SEARCH runs USING INDEX runs_by_due")


def test_whether_a_run_has_forks_is_read_from_an_index(tables: sqlite3.Cursor) -> None:
    steps = plan(tables, forgetting._MAY_GO, (RunId("r"),))

    assert any("runs_by_origin (origin=?)" in step for step in steps)
    assert all(step.startswith(("SEARCH", "CORRELATED")) for step in steps)
