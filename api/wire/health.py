"""What is said of the server itself."""

from __future__ import annotations

from typing import Literal

import msgspec


class Health(msgspec.Struct, frozen=True):
    """The server answers, and can do its work if it says so."""

    status: Literal["ok", "ready"]
    version: str
