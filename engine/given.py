"""What an engine is given by somebody who may have no type checker.

This module knows what was meant, and says it. It does not know what is done with it: what the
values of a state may be, the core checks at its door.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, cast

from engine.errors import InvalidValue, NotFound
from engine.host import DURABILITIES, Durability

if TYPE_CHECKING:
    from engine.ids import Json
    from engine.store import Store


def a_store(given: Store) -> Store:
    """See that a store was given, and not where one is to be.

    Raises:
        InvalidValue: It is a path.
    """
    if isinstance(given, str | PathLike):
        raise InvalidValue(
            f"a store was expected, got {given!r}",
            path="store",
            hint=f"for a file: Engine(store=SQLiteStore({str(given)!r}))",
        )
    return given


def mapping(given: object, what: str) -> dict[str, Json]:
    """See that a mapping was given, or nothing.

    Raises:
        InvalidValue: It is something else.
    """
    if given is None or isinstance(given, Mapping):
        return dict(cast("Mapping[str, Json]", given or {}))
    raise InvalidValue(
        f"a mapping was expected as {what}, got a {type(given).__name__}",
        path=what,
        hint=f'as in {what}={{"name": "Ada"}}',
    )


def no_graph(given: object) -> InvalidValue:
    """Say that something is nothing that can be run."""
    return InvalidValue(
        "expected what `create` gave, a graph, its document or its name, got a "
        f"{type(given).__name__}",
        path="graph",
        hint="as in engine.start({'nodes': ['greet']}, ...)",
    )


def no_run(run_id: str) -> NotFound:
    """Say that there is no run of a name."""
    return NotFound(
        f"there is no run '{run_id}'",
        code="RUN_NOT_FOUND",
        hint="it was never started here, or the process that kept it in memory has ended",
        details={"run_id": run_id},
    )


def durable(chosen: str) -> Durability:
    """See that there is such a durability.

    Raises:
        InvalidValue: There is none.
    """
    for known in DURABILITIES:
        if chosen == known:
            return known
    raise InvalidValue(
        f"there is no durability {chosen!r}",
        path="durability",
        hint=f"there are {', '.join(DURABILITIES)}",
    )
