"""The port that a server is to have.

This module knows who may hold it. It does not know how that is found out (`port`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.commands import port as ports
from api.commands.failure import Failure
from api.commands.finding import Finding
from api.commands.server_client import ServerClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.commands.finding import Asked

_HOST: Final = "127.0.0.1"

_PATIENCE: Final = 2.0
"""Seconds that whoever holds it gets to say who he is."""


def examine(asked: Asked) -> Iterator[Finding]:
    """Look whether it is free, or an awe server has it already."""
    number = asked.port
    if ports.is_free(_HOST, number):
        yield Finding("ok", f"{number} is free")
        return
    holder = ports.holder_of(number) or "another program"
    try:
        with ServerClient(f"http://{_HOST}:{number}", patience=_PATIENCE) as client:
            version = client.get("/healthz")["version"]
    except (Failure, KeyError):
        other = ports.next_free(_HOST, number) or "..."
        cure = f"choose another: make run PORT={other}, or awe serve --port {other}"
        yield Finding("wrong", f"{number} is taken by {holder}", cure)
    else:
        yield Finding("ok", f"{number} has an awe server already, version {version}: {holder}")
