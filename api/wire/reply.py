"""How an answer is written, and what every body of a request has in common.

This module knows no word of the API. A request is read strictly: a field that does not exist
is refused rather than overlooked.
"""

from __future__ import annotations

import msgspec
from starlette.responses import Response


class Reply(Response):
    """An answer in JSON."""

    media_type: str | None = "application/json"

    def render(self, content: object) -> bytes:
        """Write structs, dataclasses and plain values; times in UTC, with a Z."""
        return msgspec.json.encode(content)


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request."""
