"""What the nodes of the recorded runs do.

This module knows what tools can give and how they can fail. It does not know in which runs.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Literal

from engine import Command, Context, Overwrite, ToolError

if TYPE_CHECKING:
    from engine import Json

LARGE: Final = "0123456789abcdef" * 4_200
"""More than stands in an entry."""


async def note(context: Context) -> dict[str, Json]:
    """Write the name of the node."""
    return {"notes": context.node}


async def begin() -> dict[str, Json]:
    """Write one of each kind of value, and what reducers take."""
    return {
        "values": [None, True, -1, 2**63 - 1, 0.1, 1e300, "é😀\u2028", {"": [], "type": "seq"}],
        "notes": "begin",
        "list": [1, 2],
        "total": 1,
        "settings": {"a": 1},
        "set": ["x"],
        "low": 5,
        "high": 5,
        "one": "first",
    }


async def more(context: Context) -> dict[str, Json]:
    """Write once more what reducers take."""
    return {
        "notes": context.node,
        "list": [3],
        "total": 0.5,
        "settings": {context.node: 2},
        "set": ["x", context.node],
        "low": 3,
        "high": 7,
        "one": "second",
    }


async def start_again(n: int = 0) -> dict[str, Json]:
    """Set what is otherwise added to."""
    return {"notes": Overwrite(["anew"]), "n": n + 1}  # type: ignore[dict-item]


async def choose(n: int) -> Command[Literal["start_again", "note"]]:
    """Say itself where to go on."""
    return Command(update={"chosen": n}, goto="start_again" if n < 2 else "note")


async def fail() -> None:
    """Fail."""
    raise ToolError("it never works", code="BROKEN", hint="do without")


async def insist(context: Context) -> dict[str, Json]:
    """Fail at first."""
    if context.attempt < 3:
        raise ToolError("not yet", code="NOT_YET") from OSError("the line is busy")
    return {"attempts": context.attempt}


async def need(*, ok: bool = False) -> dict[str, Json]:
    """Fail, unless somebody has said that all is well."""
    if not ok:
        raise ToolError("all is not well", code="NOT_OK", retryable=False)
    return {"was": "well"}


async def linger() -> None:
    """Never return."""
    await asyncio.Event().wait()


async def later(context: Context) -> dict[str, Json]:
    """Return when others have."""
    await asyncio.sleep(0.05)
    return {"notes": context.node}


async def swell(context: Context) -> dict[str, Json]:
    """Give a large value."""
    return {"by": context.node, "large": LARGE}


TOOLS: Final = (
    *(note, begin, more, start_again, choose, fail, insist, need, linger, later, swell),
)
