"""Secrets: known to declarations by name only, and to the server by its environment.

This module knows where a secret is. It is looked up at every call and kept nowhere, so that it
is neither in a declaration, nor in a log, nor in a message.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from engine import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX: Final = "AWE_SECRET_"
"""Of the variables that declarations may name; nothing else of the environment is reached."""

SPACE: Final = "secret."
"""What a placeholder begins with that stands for a secret: `{secret.WEATHER}`."""

NAME: Final = re.compile(r"[A-Z][A-Z0-9_]*")

_SOUNDS_SECRET: Final = re.compile(
    r"authorization|cookie|secret|passw|token|credential|api[-_]?key", re.IGNORECASE
)

_LEAST: Final = 4
"""Characters of a secret that are worth hiding; shorter ones are in every text."""


def sounds_secret(name: str) -> bool:
    """Tell whether what has this name should not be written down."""
    return _SOUNDS_SECRET.search(name) is not None


def looked_up(names: Iterable[str], tool: str) -> dict[str, str]:
    """Give secrets by their names.

    Raises:
        ToolError: The server does not have one of them (`SECRET_MISSING`).
    """
    found: dict[str, str] = {}
    for name in names:
        value = os.environ.get(PREFIX + name, "")
        if not value:
            raise ToolError(
                f"tool '{tool}' needs the secret '{name}', which the server does not have",
                code="SECRET_MISSING",
                hint=f"start the server with {PREFIX}{name} in its environment",
                retryable=False,
            )
        found[name] = value
    return found


def hidden(text: str, secrets: Mapping[str, str]) -> str:
    """Give a text without the secrets that somebody may have put into it."""
    for value in secrets.values():
        if len(value) >= _LEAST:
            text = text.replace(value, "***")
    return text
