"""What time it is.

This module knows the one place where the time comes from; the core is given it with every
input. Durations are measured by the loop's monotonic time, never by this clock, which the
system may set back.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells hosts the time that they stamp on inputs."""

    def now(self) -> datetime:
        """Give the time, in UTC and to the microsecond."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Give the time, in UTC and to the microsecond."""
        return datetime.now(UTC)
