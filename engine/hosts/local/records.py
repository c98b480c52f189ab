"""The record of a run that is driven here: what lists show without reading its log.

This module knows which facts of a run are in its record. It does not know who keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from engine.ask import deadline, ended
from engine.store import RunRecord

if TYPE_CHECKING:
    from datetime import datetime

    from engine.hosts.local.driven import Driven
    from engine.store import Status


def record_of(driven: Driven) -> RunRecord:
    """Describe a run as it is after its last batch."""
    run = driven.run
    assert run.began is not None  # noqa: S101  # it has started, so that there is a batch
    assert run.now is not None  # noqa: S101  # as above
    return RunRecord(
        run_id=run.id,
        graph=run.graph.name,
        version=run.graph.version,
        status=cast("Status", run.status),
        began=run.began,
        changed=driven.changed or run.now,
        error=None if run.error is None else run.error.code,
        origin=driven.origin,
        tags=run.tags,
        due=_due(driven),
    )


def _due(driven: Driven) -> datetime | None:
    """Say from when on somebody has to drive a run that is left as it is now."""
    run = driven.run
    if ended(run):
        return None
    if driven.is_quiet:
        return deadline(run)
    return run.now
