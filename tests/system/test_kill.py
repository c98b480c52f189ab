"""Kill -9 at any moment: nothing acknowledged is lost, nothing recorded is done again.

`AWE_KILLS=5000` asks for a tenth of so many kills instead of the few of `make test`, and
`AWE_SEED=...` for the chance of an earlier run, which prints its seed. Where processes die at
each of their commits, and most often, is `test_commit_points`.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

import pytest

from engine import SQLiteStore
from tests.system.fixtures import PLAIN
from tests.system.harness import Crashes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.system.workers import Nursery

KILLS: Final = max(15, int(os.environ.get("AWE_KILLS", "0")) // 10)

SEED: Final = os.environ.get("AWE_SEED")

GROUPS: Final = max(3, KILLS // 25)
"""Databases; each is an own test, so that they share the workers of pytest."""

MOMENT: Final = 0.02
"""Seconds that a tool waits at most, twice, in a process that is there within milliseconds."""


def seed_of(group: int) -> int:
    """Give the chance of a group: that of an earlier run, or a new one."""
    return secrets.randbelow(10**6) * 100 + group if SEED is None else int(SEED)


async def crash(
    crashes: Crashes, kills: int, record_property: Callable[[str, object], None]
) -> None:
    """Kill so many workers, let the last one finish, and see that nothing went wrong."""
    for _ in range(kills):
        await crashes.kill()
    await crashes.finish()

    print(crashes.told())
    record_property("crashes", crashes.told())
    crashes.check()


@pytest.mark.timeout(60 + 5 * KILLS)
@pytest.mark.parametrize("group", range(GROUPS))
async def test_a_killed_process_loses_nothing_that_was_acknowledged_and_redoes_nothing_recorded(
    tmp_path: Path, nursery: Nursery, record_property: Callable[[str, object], None], group: int
) -> None:
    crashes = Crashes(tmp_path, seed_of(group), hire=nursery.bear, moment=MOMENT, early=0.05)
    kills = KILLS // GROUPS + (group < KILLS % GROUPS)

    await crash(crashes, kills, record_property)

    assert crashes.figures.kills == kills
    assert crashes.figures.recorded > 0


@pytest.mark.timeout(90)
async def test_so_does_one_that_imports_everything_itself(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    await crash(Crashes(tmp_path, seed_of(48), at_once=30), 2, record_property)


@pytest.mark.timeout(90)
async def test_the_harness_notices_a_store_that_forgets(tmp_path: Path, nursery: Nursery) -> None:
    crashes = Crashes(tmp_path, seed_of(49), hire=nursery.bear, names=PLAIN, moment=MOMENT)
    while not crashes.figures.recorded:
        await crashes.kill()
    with closing(sqlite3.connect(tmp_path / "runs.db", isolation_level=None)) as forgetful:
        forgetful.execute(
            "DELETE FROM rows WHERE CAST(data AS TEXT) LIKE '%node.completed%'"
            " AND last = (SELECT max(last) FROM rows AS r WHERE r.run = rows.run)"
        )
    await crashes.finish()

    assert crashes.figures.lost > 0
    assert crashes.figures.redone > 0


@pytest.mark.timeout(90)
async def test_with_durability_async_a_killed_process_loses_the_last_entries_only_and_redoes_them(
    tmp_path: Path, nursery: Nursery, record_property: Callable[[str, object], None]
) -> None:
    # That every log is the beginning of what happened, without a gap, is what each look at
    # it checks; nothing that a reader has seen is among what is lost.
    crashes = Crashes(tmp_path, seed_of(50), "async", nursery.bear, PLAIN, moment=MOMENT)
    await crash(crashes, 4, record_property)


@pytest.mark.timeout(90)
async def test_with_durability_exit_a_killed_process_keeps_starts_and_ends_and_nothing_between(
    tmp_path: Path, nursery: Nursery, record_property: Callable[[str, object], None]
) -> None:
    # A command would have what is held back for the end written before it.
    crashes = Crashes(tmp_path, seed_of(51), "exit", nursery.bear, PLAIN, moment=MOMENT, meddled=0)
    await crashes.kill()

    store = SQLiteStore(tmp_path / "runs.db")
    await store.open()
    rows = {run_id: len(await store.read(run_id)) for run_id in crashes.unfinished}
    await store.close()
    # A run that has just ended may be caught while its batches are written, all but its last.
    assert sum(count > 1 for count in rows.values()) <= 1, rows

    await crash(crashes, 1, record_property)
