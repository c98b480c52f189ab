"""What is said of the server itself."""

from __future__ import annotations

import msgspec


class Health(msgspec.Struct, frozen=True):
    """The server answers."""

    status: str
    version: str
