"""PostgreSQL crashes again and again: nothing kept is lost or done again, and no run stands still.

The server is stopped as a crash would stop it (`pg_ctl -m immediate`) every 0.2-0.8 s, while
engines drive runs, while they are killed, and while the next one recovers.

`AWE_PG_SECONDS=600` asks for so many seconds instead of the few of `make test`, and
`AWE_SEED=...` for the chance of an earlier run, which prints its seed.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from tests.system.fixtures import chance
from tests.system.harness import Crashes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.servers import Postgres
    from tests.system.workers import Nursery

SECONDS: Final = float(os.environ.get("AWE_PG_SECONDS", "15"))

SEED: Final = os.environ.get("AWE_SEED")

SOONEST: Final = 0.2
LATEST: Final = 0.8
"""Seconds that the server lives between two crashes."""

EXPECTED: Final = "postgresql://"
"""What workers log meanwhile: that the database can't be written, and that it can be again."""


class Restarts:
    """Has a server crash again and again, in a thread of its own.

    Attributes:
        count: How often it did.
        error: What went wrong with that, if anything did.
    """

    def __init__(self, postgres: Postgres, seed: int) -> None:
        self._postgres = postgres
        self._seed = seed
        self._enough = threading.Event()
        self.count = 0
        self.error: Exception | None = None

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Go on until the end of the block; the server is up after it."""
        thread = threading.Thread(target=self._work)
        thread.start()
        try:
            yield
        finally:
            self._enough.set()
            thread.join()
        assert self.error is None, self.error

    def _work(self) -> None:
        try:
            while not self._enough.wait(
                SOONEST + (LATEST - SOONEST) * chance(self._seed, self.count, "restart")
            ):
                self._postgres.restart("immediate")
                self.count += 1
        except Exception as error:  # noqa: BLE001  # the test tells
            self.error = error


def crashes_on(url: str, folder: Path, nursery: Nursery, seed: int) -> Crashes:
    """Give workers whose runs are kept in a database."""
    return Crashes(
        folder,
        seed,
        hire=nursery.bear,
        moment=0.02,
        at_once=40,
        postgres=url,
        expected=EXPECTED,
    )


@pytest.mark.timeout(240 + 2 * SECONDS)
async def test_a_server_that_crashes_all_the_time_loses_nothing_and_leaves_no_run_standing(
    folder: Path,
    nursery: Nursery,
    postgres: Postgres,
    postgres_url: str,
    record_property: Callable[[str, object], None],
) -> None:
    seed = secrets.randbelow(10**6) if SEED is None else int(SEED)
    crashes = crashes_on(postgres_url, folder, nursery, seed)
    restarts = Restarts(postgres, seed)
    until = time.monotonic() + SECONDS

    with restarts.going_on():
        while time.monotonic() < until:
            await crashes.live(fresh=40)
            for _ in range(2):  # killed, and so the next one recovers while the server crashes
                await crashes.kill()
    await crashes.finish()

    told = f"PostgreSQL crashed {restarts.count} times: {crashes.told()}"
    print(told)
    record_property("crashes", told)
    crashes.check()
    assert restarts.count >= SECONDS / 3
    assert crashes.figures.recorded > 0


@pytest.mark.timeout(90)
async def test_the_harness_notices_a_store_that_promises_too_much(
    folder: Path, nursery: Nursery, postgres: Postgres, postgres_url: str
) -> None:
    crashes = crashes_on(postgres_url, folder, nursery, seed=7)
    crashes.hasty = True

    with Restarts(postgres, 7).going_on():
        while not crashes.figures.lost and crashes.figures.kills < 20:
            await crashes.kill()

    assert crashes.figures.lost > 0
