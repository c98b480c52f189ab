"""`awe restore`: make a store of a copy that `awe backup` made.

This module knows what is said of it. It does not know how it is done.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # typer reads annotations
from typing import Annotated

import typer

from api.commands import stoppable
from api.commands.backup import file_of
from api.commands.embedded import told
from api.commands.failure import WRONG, Failure
from api.commands.screen import output, styled
from api.commands.store import MEMORY, StoreOption, place_of
from engine import SQLiteStore


def command(
    backup: Annotated[Path, typer.Argument(metavar="BACKUP", help="The copy, which stays.")],
    *,
    store: StoreOption = MEMORY,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Put a store that is there aside, under another name."),
    ] = False,
) -> int:
    """Make a store of a copy that `awe backup` made.

    No process may have the store open that is replaced. The copy is looked through before
    anything is changed.
    """
    place = place_of(store)
    if place is None:
        raise Failure(
            "a store in memory is gone with its process",
            hint="name the file that is to be made: --store runs.db",
            status=WRONG,
        )
    path = file_of(place)
    with told():
        replaced = stoppable.run(SQLiteStore(path).restore(backup, replace=replace))
    output().print(styled(f"{path} is what {backup} was"))
    if replaced is not None:
        output().print(styled(f"what was there is now {replaced}", "dim"))
    return 0
