"""A server removes runs that ended long ago, again and again."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from api.pruning import prune_regularly
from engine import Engine, MemoryStore, Retention, RunFilter, StoreUnavailable

from .conftest import until

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from engine import RunRecord


class Troubled(MemoryStore):
    """A store that can't be read at first."""

    troubles = 2

    async def runs(
        self,
        wanted: RunFilter = RunFilter(),  # noqa: B008  # it is frozen
        *,
        before: RunRecord | None = None,
        limit: int = 100,
    ) -> Sequence[RunRecord]:
        """Fail, until the trouble is over."""
        if self.troubles:
            self.troubles -= 1
            raise StoreUnavailable("the disk is away")
        return await super().runs(wanted, before=before, limit=limit)


async def greet(name: str = "world") -> dict[str, str]:
    return {"greeting": f"Hello, {name}!"}


async def test_it_is_done_again_and_again_whatever_trouble_there_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "api.pruning")
    store = Troubled()
    async with Engine(store=store, tools=[greet]) as engine, asyncio.TaskGroup() as tasks:
        pruning = tasks.create_task(prune_regularly(engine, Retention(keep=1), 0.001))
        await until(lambda: not store.troubles)
        for n in range(4):
            await engine.run({"name": "g", "nodes": ["greet"]}, run_id=f"{n}")
        await until(lambda: len(store._records) == 1)
        assert [each.run_id for each in await engine.runs()] == ["3"]
        await until(lambda: len(caplog.records) > 2)  # what was removed is said a little later
        pruning.cancel()

    said = [(each.levelname, each.getMessage()) for each in caplog.records]
    trouble = "runs that ended long ago can't be removed for now: the disk is away"
    assert said[:2] == [("WARNING", trouble)] * 2
    assert all("ended long ago were removed" in words for _, words in said[2:])
    assert len(said) > 2
