"""The graphs whose processes are killed, their tools, and what becomes of them undisturbed.

This module knows what each node does: it waits for a moment, has an effect, waits again and
returns. So a kill finds runs before an effect, between an effect and its record, and after.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import zlib
from typing import TYPE_CHECKING, Final

from engine import Context, Graph, ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine import Json

MOMENT: Final = 0.1
"""Seconds that a tool waits at most, twice."""

ATTEMPTS: Final = 3


def chance(*what: object) -> float:
    """Give a number from 0 to 1 that follows from what it is for: the same in every replay."""
    return zlib.crc32(repr(what).encode()) / 2**32


class Effects:
    """Has effects that outlive the process: lines of a file, each written at once."""

    def __init__(self, path: Path, seed: int, life: int) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._chance = (seed, life)

    def moment(self, context: Context, which: str) -> float:
        """Say how long a tool waits."""
        what = (*self._chance, context.run_id, context.activation, context.attempt, which)
        return MOMENT * chance(*what)

    def have(self, context: Context) -> None:
        """Write down who had an effect."""
        line = json.dumps(
            [
                context.run_id,
                context.node,
                context.activation,
                context.attempt,
                context.idempotency_key,
            ]
        )
        os.write(self._file, f"{line}\n".encode())

    async def _act(self, context: Context) -> None:
        await asyncio.sleep(self.moment(context, "before"))
        self.have(context)
        await asyncio.sleep(self.moment(context, "after"))

    async def act(self, context: Context) -> dict[str, Json]:
        """Leave a mark."""
        await self._act(context)
        return {"trail": [context.node]}

    def block(self, context: Context) -> dict[str, Json]:
        """Leave a mark, from a thread."""
        time.sleep(self.moment(context, "before"))
        self.have(context)
        time.sleep(self.moment(context, "after"))
        return {"trail": [context.node]}

    async def count(self, n: int, context: Context) -> dict[str, Json]:
        """Count one more."""
        await self._act(context)
        return {"n": n + 1}

    async def insist(self, context: Context) -> dict[str, Json]:
        """Fail, but for the last attempt."""
        await self._act(context)
        if context.attempt < ATTEMPTS:
            raise ToolError("not yet", code="NOT_YET")
        return {"attempt": context.attempt}


GRAPHS: Final = {
    "chain": Graph.parse(
        {
            "name": "chain",
            "nodes": {f"n{i}": "block" if i in (2, 4) else "act" for i in range(6)},
            "edges": {f"n{i}": f"n{i + 1}" for i in range(5)},
            "state": {"reducers": {"trail": "extend"}},
        }
    ),
    "diamond": Graph.parse(
        {
            "name": "diamond",
            "nodes": dict.fromkeys(("split", "left", "right", "join"), "act"),
            "edges": {"split": ["left", "right"], "left": "join", "right": "join"},
            "state": {"reducers": {"trail": "extend"}},
        }
    ),
    "loop": Graph.parse(
        {
            "name": "loop",
            "nodes": {"count": "count", "check": "act"},
            "edges": {"count": "check", "check": [{"when": "n < 5", "to": "count"}, {"to": None}]},
            "entry": "count",
            "state": {"defaults": {"n": 0}, "reducers": {"trail": "extend"}},
        }
    ),
    "retry": Graph.parse(
        {
            "name": "retry",
            "nodes": {
                "insist": {
                    "tool": "insist",
                    "retry": {"max_attempts": ATTEMPTS, "delay": 0.02, "on": ["NOT_YET"]},
                },
                "after": "act",
            },
            "edges": {"insist": "after"},
            "state": {"reducers": {"trail": "extend"}},
        }
    ),
}

ENDS: Final[Mapping[str, Mapping[str, object]]] = {
    "chain": {"trail": [f"n{i}" for i in range(6)]},
    "diamond": {"trail": ["join", "left", "right", "split"]},
    "loop": {"n": 5, "trail": ["check"] * 5},
    "retry": {"attempt": ATTEMPTS, "trail": ["after"]},
}
"""The final states, their trails sorted: branches may meet in either order."""


def graph_of(run_id: str) -> str:
    """Say which graph a run is of: they take turns, by the number that its name ends with."""
    names = list(GRAPHS)
    return names[int(run_id.rpartition("-")[2]) % len(names)]
