"""The power is cut at any moment: what was told as kept is there, and what is there is whole.

`AWE_CUTS=10000` asks for so many cuts instead of those of `make test`, and `AWE_SEED=...` for
the chance of an earlier run, which prints its seed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

import msgspec
import pytest

from tests.system.other_sqlite import Recorder, recorded
from tests.system.power import Cut, Event, Sync, Told, cuts
from tests.system.traced import events, traced
from tests.system.workload import Expectation, WatchedStore, work

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CUTS: Final = int(os.environ.get("AWE_CUTS", "2000"))

SEED: Final = os.environ.get("AWE_SEED")

PARTS: Final = 4
"""Tests that share the cuts, so that they share the workers of pytest."""


def seed_of(part: int) -> int:
    """Give the chance of a test: that of an earlier run, or a new one."""
    return secrets.randbelow(10**6) * 100 + part if SEED is None else int(SEED)


async def happened(
    folder: Path, seed: int, *, synchronous: str = "FULL"
) -> tuple[list[Event], Expectation]:
    """Let a store write over a file system that is recorded."""
    path = folder / "recorded" / "runs.db"
    path.parent.mkdir()
    recorder = Recorder(f"power-{seed}-{synchronous}")

    def tell(what: str) -> None:
        recorder.events.append(Told(what))

    store = WatchedStore(path, tell, connect=recorded(recorder, synchronous=synchronous))
    await work(store, tell, seed)
    return recorder.events, Expectation(store.handed)


async def found(folder: Path, cut: Cut, expected: Expectation) -> list[str]:
    """Put on the disk what a cut left, and look at it."""
    place = folder / "cut"
    place.mkdir()
    for name, content in cut.files.items():
        (place / name).write_bytes(content)
    try:
        return await expected.compare(place / "runs.db", cut.told)
    finally:
        shutil.rmtree(place)


@pytest.mark.timeout(60 + CUTS // 20)
@pytest.mark.parametrize("part", range(PARTS))
async def test_whenever_the_power_is_cut_nothing_that_was_told_is_lost_and_nothing_is_torn(
    folder: Path, record_property: Callable[[str, object], None], part: int
) -> None:
    seed = seed_of(part)
    events, expected = await happened(folder, seed)
    problems: list[str] = []
    count = 0
    for cut in cuts(events, CUTS // PARTS, seed):
        count += 1
        problems += [
            f"cut at {cut.at}, {cut.kept} kept: {each}"
            for each in await found(folder, cut, expected)
        ]

    told = f"seed {seed}: {count} power cuts in {len(events)} events, {len(problems)} problems"
    print(told)
    record_property("crashes", told)
    assert not problems, "\n".join([told, *problems[:20]])
    assert count == CUTS // PARTS


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("synchronous", "finding"), [("NORMAL", "lost: "), ("OFF", "it is corrupt")]
)
async def test_the_cuts_find_a_store_that_does_not_sync_each_commit(
    folder: Path, synchronous: str, finding: str
) -> None:
    seed = seed_of(49)
    events, expected = await happened(folder, seed, synchronous=synchronous)
    problems: list[str] = []
    for cut in cuts(events, 150, seed):
        problems += await found(folder, cut, expected)

    met = [each for each in problems if each.startswith(finding)]
    assert len(met) > 10, f"seed {seed}: {problems[:20]}"


@pytest.mark.timeout(120 + CUTS // 20)
@pytest.mark.skipif(
    shutil.which("strace") is None, reason="there is no strace (apt-get install strace)"
)
async def test_the_writes_and_syncs_of_a_real_process_lose_nothing_wherever_they_are_cut(
    folder: Path, record_property: Callable[[str, object], None]
) -> None:
    seed = seed_of(48)
    place = folder / "traced"
    place.mkdir()
    path = place / "runs.db"
    try:
        traced(folder / "trace", "tests.system.workload", str(path), str(seed))
    except subprocess.CalledProcessError as error:
        if b"Operation not permitted" in error.stderr:
            pytest.skip("no process may be watched here (ptrace)")
        raise AssertionError(error.stderr.decode()) from error
    happened = list(events(folder / "trace", place))
    logs = msgspec.msgpack.decode(path.with_name("runs.db.handed").read_bytes())
    expected = Expectation(
        {run: [(last, data) for last, data in rows] for run, rows in logs.items()}
    )

    problems: list[str] = []
    count = 0
    for cut in cuts(happened, max(CUTS // 4, 300), seed, at="sync"):
        count += 1
        problems += [
            f"cut at {cut.at}, {cut.kept} kept: {each}"
            for each in await found(folder, cut, expected)
        ]

    syncs = sum(isinstance(each, Sync) for each in happened)
    told = (
        f"seed {seed}: {count} power cuts at the {syncs} syncs of a real process, "
        f"{len(problems)} problems"
    )
    print(told)
    record_property("crashes", told)
    assert not problems, "\n".join([told, *problems[:20]])
    assert count > syncs > 50
    last = [cut for cut in cuts(happened, 10**4, seed, at="sync") if cut.kept == "all"][-1]
    assert last.files["runs.db"] == path.read_bytes(), "the trace is not all that was written"
