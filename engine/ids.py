"""Names for identifiers, so that mixing two of them is a type error and not a 404.

This module knows no behaviour and imports nothing of the project.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NewType, TypeAlias

if TYPE_CHECKING:
    Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
    """A JSON value: what may be in a state, a patch or a document."""
else:
    Json = Any  # msgspec reads annotations at run time and knows no recursive alias

RunId = NewType("RunId", str)
"""Names a run; chosen by the client or made by the host."""

Seq = NewType("Seq", int)
"""The number of an entry in its run's log, from 0; also names the message that entry sent."""

ActivationId = NewType("ActivationId", int)
"""The seq of the first message that an activation consumed."""

BEGINNING: Final = Seq(-1)
"""The position before the first entry of a log."""
