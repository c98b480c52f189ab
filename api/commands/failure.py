"""How a command ends that can't do what it was asked: a line for people, and an exit status.

This module knows the exit statuses of `awe`. It does not know what can go wrong, nor how it is
shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

FAILED: Final = 1
"""It was tried and did not succeed: a run failed, a score is too low, nobody answers."""

WRONG: Final = 2
"""What was given can't be: no such option, no such file, no graph."""

INTERRUPTED: Final = 130
"""Ctrl-C, as shells count it: 128 and the number of SIGINT."""


class Failure(Exception):
    """A command can't go on.

    Attributes:
        message: What was expected and what came.
        hint: The next step, or nothing.
        lines: What there is to say besides, a line each.
        status: The exit status of the command.
    """

    def __init__(
        self, message: str, *, hint: str = "", lines: Iterable[str] = (), status: int = FAILED
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.lines = tuple(lines)
        self.status = status
