"""An engine in the process of the command itself, and its errors as those of the command.

This module knows the engine, and which of its errors are the fault of what was given. It does
not know what is run.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from api.commands.failure import FAILED, WRONG, Failure
from api.commands.screen import counted
from engine import (
    Engine,
    EngineError,
    InvalidGraph,
    InvalidValue,
    MemoryStore,
    NotApplicable,
    NotFound,
    PostgresStore,
    RunExists,
    SQLiteStore,
    Store,
    installed_tool_kinds,
    installed_tools,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from api.commands.store import Place
    from engine import Cache, Durability, Problem

_GIVEN: Final = (InvalidGraph, InvalidValue, NotApplicable, NotFound, RunExists)
"""What is the fault of what was given."""


def engine_here(
    place: Place | None = None,
    *,
    durability: Durability = "sync",
    recover: bool = True,
    cache: Cache | None = None,
) -> Engine:
    """Make an engine with all that is installed, which is not entered yet.

    Args:
        place: Where its runs are kept; None: they are gone afterwards.
        durability: When they are kept.
        recover: Whether it drives on what others have begun there.
        cache: Where results of nodes are kept; None: in memory.

    Raises:
        EngineError: What is installed can't be loaded.
    """
    return Engine(
        tools=installed_tools(),
        tool_kinds=installed_tool_kinds(),
        store=store_at(place),
        durability=durability,
        recover=recover,
        cache=cache,
    )


def store_at(place: Place | None) -> Store:
    """Make a store, which is not opened yet: a file, a database, or memory of this process.

    Raises:
        EngineError: It is no path of a file, or no address of a database.
    """
    if place is None:
        return MemoryStore()
    return PostgresStore(place.url) if place.path is None else SQLiteStore(place.path)


@contextmanager
def told(graph: str = "the graph") -> Generator[None, None, None]:
    """Let errors of the engine end the command in a line.

    Args:
        graph: What a graph that is none is called.

    Raises:
        Failure: In place of an error of the engine.
    """
    try:
        yield
    except InvalidGraph as error:
        raise invalid(graph, error.problems) from error
    except EngineError as error:
        status = WRONG if isinstance(error, _GIVEN) else FAILED
        raise Failure(error.message, hint=error.hint, status=status) from error


def invalid(what: str, problems: Sequence[Problem]) -> Failure:
    """Say everything that is wrong with a graph."""
    return Failure(
        f"{what} has {counted(len(problems), 'problem')}",
        lines=(
            f"{each.path or '/'}: {each.message}" + (f" ({each.hint})" if each.hint else "")
            for each in problems
        ),
        status=WRONG,
    )
