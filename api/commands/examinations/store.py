"""The store: that it opens, that every log in it can be read, and that all else agrees with it.

This module knows how it is told what is wrong. What must be so, the engine knows (`Audit`). It
drives no run on, and changes nothing but what is to be repaired.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Final

from api.commands import stoppable
from api.commands.embedded import engine_here, store_at
from api.commands.finding import Finding
from api.commands.screen import counted
from engine import EngineError, PostgresStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.commands.finding import Asked, Verdict
    from api.commands.store import Place
    from engine import Flaw

_MOST: Final = 20
"""Things that are told one by one."""

_UNREAD: Final = frozenset({"log", "fold", "graph"})
"""What keeps a log from being read."""


def examine(asked: Asked) -> Iterator[Finding]:
    """Open it, and look through all of it."""
    place = asked.store
    if place is None:
        yield Finding("ok", "in memory, where no run is left to look at (--store PATH: in a file)")
        return
    path = place.path
    if path is None or path.exists():
        yield from stoppable.run(_read(place, repair=asked.repair))
    elif path.parent.is_dir() and os.access(path.parent, os.W_OK):
        yield Finding("ok", f"there is no {path} yet; {place.served} makes it")
    else:
        yield Finding(
            "wrong", f"'{path}' can't be made in {path.parent}", "name a folder that may be written"
        )


async def _read(place: Place, *, repair: bool) -> list[Finding]:
    """Look through a store."""
    told: list[Finding] = []
    flaws = mended = 0
    unread: set[str] = set()
    try:
        if missing := await _missing(place):
            return [Finding("note", f"{place} has no tables yet, or old ones", missing)]
        async with engine_here(place, recover=False) as engine:
            audit = engine.audit(repair=repair)
            async for flaw in audit:
                flaws += 1
                mended += flaw.repaired
                if flaw.run_id is not None and flaw.kind in _UNREAD:
                    unread.add(flaw.run_id)
                if flaws <= _MOST:
                    told.append(_told(flaw))
    except EngineError as error:
        return [Finding("wrong", error.message, error.hint)]
    if flaws > _MOST:
        verdict: Verdict = "note" if mended == flaws else "wrong"
        told.append(Finding(verdict, f"and {counted(flaws - _MOST, 'thing')} more like these"))
    read = audit.runs - len(unread)
    if read or not unread:
        others = "the logs of the others can be read" if unread else "every log can be read"
        told.append(Finding("ok", f"{place}: {counted(read, 'run')}; {others}"))
    return told


async def _missing(place: Place) -> str:
    """Say how the tables of a database are made, if they are not there; who looks makes none."""
    store = store_at(place)
    if isinstance(store, PostgresStore) and await store.pending():
        return f"awe migrate --store {shlex.quote(str(place))}"
    return ""


def _told(flaw: Flaw) -> Finding:
    """Tell of a flaw: what was mended is only worth knowing."""
    return Finding("note" if flaw.repaired else "wrong", flaw.says, flaw.cure)
