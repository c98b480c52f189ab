"""`awe backup`: copy a store while it is in use.

This module knows what is said of a copy. It does not know how one is made.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # typer reads annotations
from typing import TYPE_CHECKING, Annotated, Final

import typer

from api.commands import stoppable
from api.commands.embedded import told
from api.commands.failure import WRONG, Failure
from api.commands.screen import output, styled
from api.commands.store import MEMORY, StoreOption, kept_place_of
from engine import SQLiteStore

if TYPE_CHECKING:
    from api.commands.store import Place

_DATABASE: Final = "PostgreSQL has its own: pg_dump copies a database, pg_restore brings it back"


def command(
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="The file to make; there is none yet.")
    ],
    *,
    store: StoreOption = MEMORY,
) -> int:
    """Copy all that is kept in a file now into one other, whoever has it open.

    The copy is whole and looked through before it gets its name; `awe restore` brings it back.
    """
    path = file_of(kept_place_of(store))
    with told():
        size = stoppable.run(SQLiteStore(path).backup(target))
    output().print(styled(f"{path} is copied to {target}: {size:,} bytes"))
    return 0


def file_of(place: Place) -> Path:
    """Give the file of a store.

    Raises:
        Failure: It is in no file.
    """
    if place.path is None:
        raise Failure(f"the store {place} is no file", hint=_DATABASE, status=WRONG)
    return place.path
