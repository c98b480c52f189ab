"""Kill -9 whole servers, asked over HTTP: what was answered is so, what was cut short goes on.

`AWE_SERVER_KILLS=300` asks for so many kills instead of the few of `make test`, and
`AWE_SEED=...` for the chance of an earlier test, which printed its seed.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Final

import pytest

from engine import SQLiteStore
from tests.system.fixtures import FIXTURES
from tests.system.harness import Crashes
from tests.system.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.system.worker import Orders

KILLS: Final = int(os.environ.get("AWE_SERVER_KILLS", "30"))

GROUPS: Final = max(3, KILLS // 20)
"""Databases; each is a test of its own, so that they share the workers of pytest."""

SEED: Final = os.environ.get("AWE_SEED")

NAMES: Final = [name for name in FIXTURES if ":" not in name and name != "parked"]
"""A server's clock can't be put forward."""


@pytest.mark.timeout(120 + 10 * KILLS)
@pytest.mark.parametrize("group", range(GROUPS))
async def test_a_killed_server_keeps_what_it_answered_and_showed_and_goes_on_within_5_s(
    folder: Path, record_property: Callable[[str, object], None], group: int
) -> None:
    seed = secrets.randbelow(10**6) * 100 + group if SEED is None else int(SEED)
    services: list[Service] = []

    def hire(orders: Orders) -> Service:
        services.append(Service(orders))
        return services[-1]

    crashes = Crashes(
        folder,
        *(seed, "sync", hire, NAMES),
        at_once=2 * len(NAMES),
        moment=0.05,
        early=1.5,
        age=0,
        meddled=0,
    )
    kills = KILLS // GROUPS + (group < KILLS % GROUPS)
    for _ in range(kills):
        await crashes.kill()
    await crashes.finish()
    store = SQLiteStore(folder / "runs.db")
    await store.open()
    there = {each.name for each in await store.documents("graph")}
    await store.close()

    print(crashes.told())
    record_property("crashes", f"servers: {crashes.told()}")
    crashes.check()
    assert crashes.figures.kills == kills
    assert there >= set().union(*(each.created for each in services)) >= set(NAMES)
    assert crashes.figures.resumed > 0
