"""How long ago, and when: times as they are written at a prompt, such as `30d`.

This module knows the units. It does not know what is that old.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import typer

from api.commands.failure import WRONG, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

UNITS: Final[Mapping[str, timedelta]] = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}

_AGE: Final = re.compile(rf"(?P<number>[0-9]{{1,6}}) ?(?P<unit>[{''.join(UNITS)}])")


def when(option: str, given: str) -> str:
    """Read a time: how long ago it was, or itself, which is of here unless it has a zone.

    Returns:
        It, as the API reads it.

    Raises:
        Failure: It is none.
    """
    try:
        if _AGE.fullmatch(given.strip()):
            at = datetime.now(UTC) - age_of(given)  # noqa: TID251  # it is said at a prompt
        else:
            at = datetime.fromisoformat(given).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Failure(
            f"{option}: expected how long ago, or a time, got '{given}'",
            hint="as in 2h, 30d, 2026-11-22 or 2026-11-22T10:00",
            status=WRONG,
        ) from None
    return at.isoformat().replace("+00:00", "Z")


def age_of(given: str | timedelta) -> timedelta:
    """Read an age: a whole number and its unit.

    Raises:
        typer.BadParameter: It is none.
    """
    if isinstance(given, timedelta):
        return given
    found = _AGE.fullmatch(given.strip())
    if found is None:
        raise typer.BadParameter(
            f"expected a number and one of {', '.join(UNITS)}, as in 30d or 12h, got '{given}'"
        )
    return int(found["number"]) * UNITS[found["unit"]]
