"""Where runs are kept, as a command line or the environment says it.

This module knows how a store is named. It does not know stores.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
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
        metavar="PATH|URL|memory",
        help="Where runs are kept: a file, made if it is not there; a database "
        "(postgresql://...); or the memory of the process.",
        show_default=True,
    ),
]
"""How a command is told where runs are kept."""

_SCHEME: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):(?P<rest>.*)", re.DOTALL)

_DATABASES: Final = frozenset({"postgresql", "postgres"})

_KINDS: Final = "there are PATH or sqlite:///PATH, postgresql://..., and memory"


@dataclass(frozen=True, slots=True)
class Place:
    """Where runs are kept that outlive the process; as a string, it has no password in it."""

    path: Path | None = None
    """The file, if it is one."""
    url: str = field(default="", repr=False)
    """The address of the database otherwise, with its password."""

    def __str__(self) -> str:
        """Name the file, or the database without its password."""
        if self.path is not None:
            return str(self.path)
        # An engine takes half a second to load; where a place is shown, there is one.
        from engine import PostgresStore  # noqa: PLC0415

        return PostgresStore(self.url).name

    @property
    def served(self) -> str:
        """What serves it."""
        return f"awe serve --store {shlex.quote(str(self))}"


def place_of(name: str) -> Place | None:
    """Give the place that a store is called by; None: runs are kept in memory.

    A path, `sqlite:///path`, `postgresql://...`, `memory` or `memory:`.

    Raises:
        Failure: There is no such kind of store.
    """
    if name.rstrip(":") == MEMORY:
        return None
    found = _SCHEME.fullmatch(name)
    if found is None:
        return Place(Path(name))
    if found["scheme"] == "sqlite" and found["rest"].startswith("///"):
        return Place(Path(found["rest"].removeprefix("///")))
    if found["scheme"] in _DATABASES:
        return Place(url=name)
    # The rest is not shown: it may hold a password.
    raise Failure(f"there is no store '{found['scheme']}:'", hint=_KINDS, status=WRONG)


def kept_place_of(name: str) -> Place:
    """Give the place of a store that is there, and outlives the process.

    Raises:
        Failure: It is in memory, or a file that is not there, or there is no such kind.
    """
    place = place_of(name)
    if place is None:
        raise Failure(
            "a store in memory is gone with its process",
            hint="name the file that keeps the runs: --store runs.db",
            status=WRONG,
        )
    if place.path is not None and not place.path.exists():
        raise Failure(f"there is no store '{place}'", hint="see --store", status=WRONG)
    return place
