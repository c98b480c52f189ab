"""The deadlines of all runs come in their order, each to its owner, behind one handle."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from engine.hosts.local.timers import Timers
from engine.hosts.local.turn import MOST, Turn

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class StandingClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Give the same time as ever."""
        return NOW


class Bell:
    """Timers, and what has come of them."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.come: list[str] = []
        self.turns: list[int] = []
        self.turn = 0
        self.timers: Timers[str] = Timers(
            loop=loop,
            clock=StandingClock(),
            turn=Turn(loop),
            stands=lambda owner, _: owner not in self.fallen,
            come=self._come,
        )
        self.fallen: set[str] = set()

    def set(self, owner: str, seconds: float) -> None:
        """Set a timer that far from now."""
        self.timers.set(owner, NOW + timedelta(seconds=seconds))

    async def until(self, count: int) -> None:
        """Wait until that many have come, and count the turns of the loop."""
        while len(self.come) < count:
            await asyncio.sleep(0)
            self.turn += 1

    def _come(self, owner: str, _: datetime) -> None:
        self.come.append(owner)
        self.turns.append(self.turn)


async def test_timers_come_in_the_order_of_their_deadlines() -> None:
    bell = Bell()
    for owner, seconds in [("c", 0.03), ("a", 0.01), ("d", 0.04), ("b", 0.02)]:
        bell.set(owner, seconds)
    await bell.until(4)

    assert bell.come == ["a", "b", "c", "d"]


async def test_what_is_due_already_comes_at_once_in_the_order_in_which_it_was_due() -> None:
    bell = Bell()
    bell.set("late", -1)
    bell.set("later", -2)
    await bell.until(2)

    assert bell.come == ["later", "late"]


async def test_more_timers_than_fit_into_a_turn_come_in_several() -> None:
    bell = Bell()
    for n in range(2 * MOST):
        bell.set(str(n), -10)
    await bell.until(2 * MOST)

    assert len(set(bell.turns)) > 1
    assert max(bell.turns.count(turn) for turn in set(bell.turns)) <= MOST


async def test_a_timer_can_be_set_by_what_another_one_causes() -> None:
    bell = Bell()
    came = bell._come

    def again(owner: str, due: datetime) -> None:
        came(owner, due)
        if len(bell.come) < 5:
            bell.set(owner + "!", 0.001)

    bell.timers._come = again
    bell.set("a", 0)
    await bell.until(5)

    assert bell.come == ["a", "a!", "a!!", "a!!!", "a!!!!"]


@pytest.mark.parametrize("seconds", [-1, 0.01])
async def test_after_closing_no_timer_comes(seconds: float) -> None:
    bell = Bell()
    bell.set("a", seconds)
    bell.timers.close()
    heard = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.05, heard.set_result, None)
    await heard

    assert bell.come == []
