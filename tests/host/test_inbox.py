"""An inbox is bounded, keeps order, and never lets the sender wait."""

from __future__ import annotations

import asyncio

from engine.inbox import Inbox, InboxStatistics


async def test_items_are_taken_in_the_order_in_which_they_were_put() -> None:
    inbox: Inbox[int] = Inbox(2)
    for item in range(5):
        inbox.put(item)

    assert [await inbox.take() for _ in range(5)] == [0, 1, 2, 3, 4]


async def test_what_does_not_fit_is_due_and_moves_up() -> None:
    inbox: Inbox[int] = Inbox(2)
    for item in range(5):
        inbox.put(item)
    assert inbox.statistics() == InboxStatistics(size=2, queued=2, due=3)

    await inbox.take()

    assert inbox.statistics() == InboxStatistics(size=2, queued=2, due=2)


async def test_what_comes_later_does_not_overtake_what_is_due() -> None:
    inbox: Inbox[int] = Inbox(1)
    inbox.put(0)
    inbox.put(1)
    await inbox.take()
    inbox.put(2)

    assert [await inbox.take(), await inbox.take()] == [1, 2]


async def test_taking_waits_for_an_item_and_loses_none_when_cancelled() -> None:
    inbox: Inbox[int] = Inbox(1)
    async with asyncio.TaskGroup() as group:
        given_up = group.create_task(inbox.take())
        await asyncio.sleep(0)
        given_up.cancel()
        taken = group.create_task(inbox.take())
        await asyncio.sleep(0)
        inbox.put(7)

    assert given_up.cancelled()
    assert taken.result() == 7
