"""The store: that it opens, and that every log in it can be read.

This module knows how runs are gone through. It changes none of them, and drives none on.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final

from api.commands.embedded import engine_here
from api.commands.finding import Finding
from api.commands.screen import counted
from engine import EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from api.commands.finding import Asked
    from engine import Engine, RunRecord

_MOST: Final = 20
"""Runs of which it is told what is the matter with them."""


def examine(asked: Asked) -> Iterator[Finding]:
    """Open it, and fold the log of each run."""
    path = asked.store
    if path is None:
        yield Finding("ok", "in memory, where no run is left to look at (--store PATH: in a file)")
    elif path.exists():
        yield from asyncio.run(_read(path))
    elif path.parent.is_dir() and os.access(path.parent, os.W_OK):
        yield Finding("ok", f"there is no {path} yet; awe serve --store {path} makes it")
    else:
        yield Finding(
            "wrong", f"'{path}' can't be made in {path.parent}", "name a folder that may be written"
        )


async def _read(path: Path) -> list[Finding]:
    """Read every log of a store."""
    odd: list[Finding] = []
    count = 0
    try:
        async with engine_here(path, recover=False) as engine:
            async for record in _records(engine):
                count += 1
                if (finding := await _examined(engine, record)) is not None:
                    odd.append(finding)
    except EngineError as error:
        return [Finding("wrong", error.message, error.hint)]
    found = odd[:_MOST]
    if len(odd) > _MOST:
        found.append(Finding("wrong", f"and {counted(len(odd) - _MOST, 'run')} more like these"))
    unread = sum(each.verdict == "wrong" for each in odd)
    if count > unread or not unread:
        read = "the logs of the others can be read" if unread else "every log can be read"
        found.append(Finding("ok", f"{path}: {counted(count - unread, 'run')}; {read}"))
    return found


async def _records(engine: Engine) -> AsyncIterator[RunRecord]:
    """Go through all runs, the latest first."""
    before: RunRecord | None = None
    while page := await engine.runs(before=before):
        for record in page:
            yield record
        before = page[-1]


async def _examined(engine: Engine, record: RunRecord) -> Finding | None:
    """Fold the log of a run; say why that can't be done, or what is odd about it."""
    told = f"run '{record.run_id}' of graph '{record.graph}'"
    try:
        snapshot = await (await engine.find(record.run_id)).snapshot()
    except EngineError as error:
        return Finding("wrong", f"{told} can't be read: {error.message}", error.hint)
    except Exception as error:  # noqa: BLE001  # a log can be broken in any way
        why = f"{type(error).__name__}: {error}"
        cure = "take the file from a backup; the other runs in it are not touched by this"
        return Finding("wrong", f"the log of {told} is broken: {why}", cure)
    if snapshot.status != record.status:
        return Finding(
            "note", f"{told} is {snapshot.status} by its log, and listed as {record.status}"
        )
    return None
