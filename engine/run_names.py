"""The names of runs: which there may be, and one for a run that was given none.

This module knows no run.
"""

from __future__ import annotations

import re
import secrets
from typing import Final

from engine.errors import InvalidValue
from engine.ids import RunId

_RUN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def run_name(chosen: str | None) -> RunId:
    """Check the name that somebody chose for a run, or make one up.

    Raises:
        InvalidValue: It can't be the name of a run.
    """
    if chosen is None:
        return RunId(secrets.token_hex(10))
    if not isinstance(chosen, str) or not _RUN_ID.fullmatch(chosen):  # pyright: ignore[reportUnnecessaryIsInstance]  # not everybody has a type checker
        raise InvalidValue(
            f"{chosen!r:.140} can't be the name of a run",
            path="run_id",
            hint="1 to 128 of A-Z a-z 0-9 . _ : - and no other character, the first a letter "
            "or digit",
        )
    return RunId(chosen)
