"""How these tests call a tool, and what they give it and get back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, TypedDict

import msgspec

from engine import Context, ErrorInfo, Tool
from engine.call import Binding, Outcome
from engine.graph import Node
from engine.hosts.local.workers import LocalWorkers

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine import Json


def nobody() -> Context:
    """Stand for the context of calls that take none."""
    raise AssertionError


async def outcome(
    function: Callable[..., object],
    state: dict[str, Json],
    node: Node | None = None,
) -> Outcome:
    """Call a function as the node `n` would."""
    made = function if isinstance(function, Tool) else Tool(function, name="t")
    workers = LocalWorkers(threads=1)
    try:
        return await Binding(made, node or Node("n", "t"), workers=workers).call(state, nobody)
    finally:
        await workers.close()


async def error_of(
    function: Callable[..., object], state: dict[str, Json], node: Node | None = None
) -> ErrorInfo:
    """Call a function that fails."""
    error = (await outcome(function, state, node)).error
    assert error is not None
    return error


@dataclass
class Finding:
    """What was found, and when."""

    line: int
    seen: datetime = datetime(2026, 1, 2, tzinfo=UTC)


class Point(msgspec.Struct):
    """A point."""

    x: int


class Review(TypedDict):
    """A review."""

    score: float


@dataclass
class Page:
    """A page, which may have no title."""

    url: str
    title: str = ""


class Pair(NamedTuple):
    """Two numbers."""

    one: int
    two: int


class Model:
    """What models of pydantic do, as far as a result is concerned."""

    def model_dump(self, *, mode: str) -> dict[str, str]:
        """Give what it is made of."""
        return {"mode": mode}


class Shy:
    """Something that can't be shown."""

    def __repr__(self) -> str:
        """Fail."""
        raise RuntimeError


@dataclass
class Holder:
    """Something with a part that JSON does not have."""

    part: object


FINDING = {"line": 1, "seen": "2026-01-02T00:00:00Z"}
