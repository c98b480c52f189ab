"""`awe migrate`: bring the tables of a store up to date, before an engine of this version runs.

This module knows how it is told what was done. What the tables are, stores know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.commands import stoppable
from api.commands.embedded import store_at, told
from api.commands.failure import WRONG, Failure
from api.commands.screen import output, styled
from api.commands.store import MEMORY, StoreOption, kept_place_of
from engine import PostgresStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine import Store


def command(
    *,
    store: StoreOption = MEMORY,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Change nothing, and say what would be done."),
    ] = False,
) -> int:
    """Bring the tables of a store up to date.

    Whatever opens a store does so as well; this is for who may make tables where engines may
    not. Nothing that is kept is lost, but earlier versions can't open the store afterwards.
    """
    place = kept_place_of(store)
    if place.path is not None and dry_run:
        raise Failure(
            "what a file needs is only known when it is opened, which does it",
            hint="keep a copy of it, and leave --dry-run out",
            status=WRONG,
        )
    with told():
        done = stoppable.run(_migrated(store_at(place), dry_run=dry_run))
    screen = output()
    for name in done:
        would = "would be " if dry_run else ""
        screen.print(styled(f"{name} {would}executed"))
    if not done:
        screen.print(styled(f"{place} is up to date"))
    return 0


async def _migrated(store: Store, *, dry_run: bool) -> Sequence[str]:
    """Give the names of what was done, or would be."""
    if isinstance(store, PostgresStore):
        return await (store.pending() if dry_run else store.migrate())
    await store.open()  # which does it
    await store.close()
    return ()
