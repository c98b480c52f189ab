"""Where runs are kept, as a command line or the environment says it.

This module knows how a store is named. It does not know stores.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from api.commands.failure import WRONG, Failure

MEMORY: Final = "memory"

StoreOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--store",
        envvar="AWE_STORE",
        metavar="PATH|memory",
        help="Where runs are kept: a file, made if it is not there, or the memory of the process.",
        show_default=True,
    ),
]
"""How a command is told where runs are kept."""

_SCHEME: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):(?P<rest>.*)", re.DOTALL)

_KINDS: Final = "there are PATH or sqlite:///PATH, and memory"


def path_of(name: str) -> Path | None:
    """Give the file that a store is called by; None: runs are kept in memory.

    A path, `sqlite:///path`, `memory` or `memory:`.

    Raises:
        Failure: There is no such kind of store.
    """
    if name.rstrip(":") == MEMORY:
        return None
    found = _SCHEME.fullmatch(name)
    if found is None:
        return Path(name)
    if found["scheme"] == "sqlite" and found["rest"].startswith("///"):
        return Path(found["rest"].removeprefix("///"))
    # The rest is not shown: it may hold a password.
    raise Failure(f"there is no store '{found['scheme']}:'", hint=_KINDS, status=WRONG)
