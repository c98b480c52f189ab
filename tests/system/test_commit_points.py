"""A process dies just before or just after each of its commits: nothing lost, nothing redone.

Runs of each fixture die at their first commit, at their second, and so on, until they come to
their end undisturbed; those that rest for longer than a process lives die in each of its lives.
Then runs of all fixtures at once die at commits that chance chooses, again and again, so that
recoveries are cut short, too, and groups of many runs.

`AWE_KILLS=5000` asks for so many of those, and `AWE_SEED=...` for the chance of an earlier test,
which printed its seed.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.system.fixtures import FIXTURES, chance
from tests.system.harness import Crashes
from tests.system.mortal import SIDES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.system.mortal import Side
    from tests.system.workers import Nursery

KILLS: Final = int(os.environ.get("AWE_KILLS", "80"))

GROUPS: Final = max(4, KILLS // 100)
"""Databases; each is a test of its own, so that they share the workers of pytest."""

SEED: Final = os.environ.get("AWE_SEED")

NAMES: Final = [name for name in FIXTURES if ":" not in name]

LATEST: Final = 40
"""The commit at which a process dies at the latest where chance chooses; few have more."""


def seed_of(group: int) -> int:
    """Give the chance of a group: that of an earlier test, or a new one."""
    return secrets.randbelow(10**6) * 100 + group if SEED is None else int(SEED)


async def died_everywhere(folder: Path, nursery: Nursery, name: str, side: Side) -> list[Crashes]:
    """Let a run of a fixture die at each commit of each life, each time from its start."""
    found: list[Crashes] = []
    for lives in range(len(FIXTURES)):
        number, died = 0, True
        while died:
            number += 1
            with tempfile.TemporaryDirectory(dir=folder) as place:
                crashes = Crashes(
                    Path(place),
                    *(0, "sync", nursery.bear, [name]),
                    at_once=1,
                    most=1,
                    moment=0,
                    meddled=0,
                )
                if lives:
                    await crashes.live(fresh=1)
                for _ in range(lives - 1):
                    await crashes.live()
                if lives and not crashes.unfinished:
                    return found
                died = await crashes.die(number, side)
                await crashes.finish()
                crashes.check()
            found.append(crashes)
    raise AssertionError(f"a run of {name} rests without end")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", NAMES)
async def test_a_process_that_dies_at_any_commit_of_a_run_leaves_it_to_end_as_undisturbed(
    folder: Path,
    nursery: Nursery,
    record_property: Callable[[str, object], None],
    name: str,
    side: Side,
) -> None:
    found = await died_everywhere(folder, nursery, name, side)

    total = found[0].figures
    for each in found[1:]:
        total.add(each.figures)
    record_property("crashes", f"{name:<8} died {side:<6} each commit: {total}")
    lives = sum(not each.figures.kills for each in found)  # each ends with one that did not die
    assert total.kills == len(found) - lives >= 6
    assert total.half_full > 0 or name not in ("nested", "rounds")
    assert total.resting > 0 or name not in ("retry", "parked")
    assert lives == (3 if name == "parked" else 1)
    assert (total.paused > 0) == (name == "paused")


@pytest.mark.timeout(120 + 2 * KILLS)
@pytest.mark.parametrize("group", range(GROUPS))
async def test_processes_that_die_at_one_commit_after_the_other_lose_nothing_and_redo_nothing(
    folder: Path, nursery: Nursery, record_property: Callable[[str, object], None], group: int
) -> None:
    kills = KILLS // GROUPS + (group < KILLS % GROUPS)
    seed = seed_of(group)
    crashes = Crashes(folder, seed, hire=nursery.bear, at_once=2 * len(NAMES), moment=0)
    while crashes.figures.kills < kills:
        lives = crashes.lives
        number = 1 + int(LATEST * chance(seed, lives, "number") ** 2)  # recovery is at the start
        await crashes.die(number, SIDES[chance(seed, lives, "side") < 0.5])
    await crashes.finish()

    print(crashes.told())
    record_property("crashes", crashes.told())
    crashes.check()
    assert crashes.figures.recorded > 0


async def test_the_harness_notices_a_store_that_acknowledges_before_the_commit(
    folder: Path, nursery: Nursery
) -> None:
    crashes = Crashes(
        folder, 1, hire=nursery.bear, names=["chain"], at_once=1, moment=0, hasty=True
    )
    await crashes.die(3, "before")  # the tables, the graph, the start

    assert crashes.figures.kills == 1
    assert crashes.figures.lost > 0
