"""What a store says about the batches that it was given, and when it has said all.

This module knows the callback that goes with a batch. It does not know what is in the batch.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.errors import EngineError


class News:
    """Collects what a store says about batches, in the order in which it says it."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, EngineError | None]] = []
        self._waiting = 0
        self._all = asyncio.Event()
        self._all.set()

    def of(self, name: str) -> Callable[[EngineError | None], None]:
        """Give a callback that is told about one batch."""
        self._waiting += 1
        self._all.clear()

        def kept(error: EngineError | None) -> None:
            self.heard.append((name, error))
            self.at_once()

        return kept

    def at_once(self) -> None:
        """Note that a batch is not waited for any more."""
        self._waiting -= 1
        if not self._waiting:
            self._all.set()

    async def all(self) -> list[tuple[str, EngineError | None]]:
        """Wait until everything has been told."""
        await self._all.wait()
        return self.heard
