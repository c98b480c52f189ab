"""Snapshots of runs that nobody drives, kept so that a long log is not folded for each look.

This module knows how a snapshot is written and which log it is of. It does not know where it
is kept (`cache`), nor what is in it.

Rule: a snapshot is kept under what the log is: run, graph, and its first and last rows, byte
for byte, which have the times of what happened and the seq of the last entry. A log that has
grown, was restored from a backup and went another way, or is that of another run of the same
name is another key. So what is found is never stale, and whatever is lost is folded again.
"""

from __future__ import annotations

import logging
from datetime import datetime  # noqa: TC003  # msgspec reads annotations at run time
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from engine.ask import Branch
from engine.entry import ErrorInfo  # noqa: TC001  # as above
from engine.ids import BEGINNING, Json, Seq
from engine.recovery import fold_log
from engine.results import Results
from engine.run import Status  # noqa: TC001  # as above
from engine.snapshot import Snapshot, Waiting
from engine.value import canonical

if TYPE_CHECKING:
    from engine.cache import Cache
    from engine.catalog import GraphVersion
    from engine.ids import RunId
    from engine.store import Store

log: Final = logging.getLogger(__name__)

LONG: Final = 256
"""Entries from which on a log is worth it: folding takes 5 us for each, and a snapshot from a
Redis of this machine 0.3 ms in all (`docs/operate/redis.md` has the figures)."""

KEPT: Final = 86_400.0
"""Seconds for which a snapshot is kept."""

_FORM: Final = 1
"""The form in which snapshots are kept; another one is another key."""


class _Branch(msgspec.Struct, frozen=True, array_like=True):
    node: str
    seq: int
    state: dict[str, Json]


class _Waiting(msgspec.Struct, frozen=True, array_like=True):
    node: str
    reason: str
    since: datetime
    until: datetime | None


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """A snapshot as it is kept: without what is in its key."""

    status: Status
    state: dict[str, Json]
    branches: tuple[_Branch, ...]
    conflicts: tuple[str, ...]
    waiting: tuple[_Waiting, ...]
    error: ErrorInfo | None
    node: str | None
    attempt: int | None


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Kept).decode


class SnapshotCache:
    """Gives snapshots of runs from their logs.

    Args:
        cache: Where those with long logs are kept.
        store: Where the logs are.
    """

    def __init__(self, cache: Cache, store: Store) -> None:
        self._results = Results(cache)
        self._store = store

    async def of(self, run_id: RunId, graph: GraphVersion) -> Snapshot:
        """Give a run as it is after the last entry of its log."""
        last = await self._store.last(run_id)
        if last is None or last + 1 < LONG:
            return Snapshot.of(await fold_log(self._store, graph.graph, run_id), graph)
        key = await self._key(run_id, graph, last)
        found = await self._results.get(key)
        if found is not None and (kept := _read(key, found)) is not None:
            return _seen(kept, run_id, graph, last)
        snapshot = Snapshot.of(await fold_log(self._store, graph.graph, run_id), graph)
        if snapshot.seq == last:  # or it went on meanwhile, and this is the key of what it was
            await self._results.set(key, _encode(_written(snapshot)), KEPT)
        return snapshot

    async def _key(self, run_id: RunId, graph: GraphVersion, last: Seq) -> str:
        first = await self._store.read(run_id, BEGINNING, limit=1)
        latest = await self._store.read(run_id, Seq(last - 1), limit=1)
        digest = sha256(canonical([_FORM, run_id, graph.graph.version, last]))
        for row in (*first, *latest):
            digest.update(sha256(row.data).digest())
        return f"@state/{digest.hexdigest()}"  # no tool is called like that


def _written(snapshot: Snapshot) -> _Kept:
    return _Kept(
        snapshot.status,
        snapshot.state,
        tuple(_Branch(each.node, each.seq, each.state) for each in snapshot.branches),
        snapshot.conflicts,
        tuple(_Waiting(w.node, w.reason, w.since, w.until) for w in snapshot.waiting),
        snapshot.error,
        snapshot.node,
        snapshot.attempt,
    )


def _seen(kept: _Kept, run_id: RunId, graph: GraphVersion, seq: Seq) -> Snapshot:
    return Snapshot(
        run_id=run_id,
        graph_id=graph.graph_id,
        version=graph.version,
        status=kept.status,
        seq=seq,
        state=kept.state,
        branches=tuple(Branch(each.node, Seq(each.seq), each.state) for each in kept.branches),
        conflicts=kept.conflicts,
        waiting=tuple(Waiting(w.node, w.reason, w.since, w.until) for w in kept.waiting),
        error=kept.error,
        node=kept.node,
        attempt=kept.attempt,
    )


def _read(key: str, found: bytes) -> _Kept | None:
    """Read a snapshot; None if it is none, as others may write to a cache, too."""
    try:
        return _decode(found)
    except msgspec.DecodeError as error:
        log.warning("the cache gave for '%s' what was never kept there: %s", key, error)
        return None
