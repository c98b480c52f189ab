"""Whatever a tool does ends in its named error, and the run can be mended.

With `on_exhausted: pause` the run goes on in place as soon as the tool behaves; otherwise a
retry makes a new run that completes, and what had completed before is not done again.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from engine import Engine, Json, RunFailed, SQLiteStore, Tool
from tests.host import heavy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Unknown:
    """Nothing that JSON has."""


def mutates(given: list[int]) -> None:
    """Change what it was given, and fail."""
    given.clear()
    raise ValueError


def raises() -> None:
    """Fail as programs do."""
    raise KeyError("gone")


def exits() -> None:
    """End the program."""
    sys.exit(1)


async def cancels_itself() -> None:
    """Make up a cancellation."""
    raise asyncio.CancelledError


async def never_returns() -> None:
    """Wait for what never comes."""
    await asyncio.get_running_loop().create_future()


def blocks() -> None:
    """Hold its thread for longer than it may."""
    time.sleep(0.5)


async def holds_the_loop() -> None:
    """Hold the loop itself for longer than it may."""
    time.sleep(0.2)  # noqa: ASYNC251  # what is tested


def bare() -> int:
    """Return a value, and no mapping."""
    return 7


HOSTILE: Final[list[tuple[Callable[..., object] | Tool[..., object], str, float | None]]] = [
    (mutates, "TOOL_FAILED", None),
    (raises, "TOOL_FAILED", None),
    (exits, "TOOL_FAILED", None),
    (cancels_itself, "TOOL_FAILED", None),
    (never_returns, "TIMEOUT", 0.05),
    (blocks, "TIMEOUT", 0.05),
    (holds_the_loop, "TIMEOUT", 0.05),
    (heavy.spin_in_c, "TIMEOUT", 1.0),
    (bare, "BAD_RESULT", None),
    (lambda: {"x": float("nan")}, "BAD_OUTPUT", None),
    (lambda: {"x": {1, 2}}, "BAD_OUTPUT", None),
    (lambda: {"x": 2**70}, "BAD_OUTPUT", None),
    (lambda: {"x": "y" * 10_000_000}, "BAD_OUTPUT", None),
    (lambda: {"x": Unknown()}, "BAD_OUTPUT", None),
]
"""Each with its error, and with the time it is allowed."""

IDS: Final = [
    *(getattr(tool, "__name__", getattr(tool, "name", "")) for tool, _, _ in HOSTILE[:9]),
    "NaN",
    "a set",
    "2^70",
    "10 MB",
    "an unknown type",
]


@dataclass
class Turn:
    """A tool that misbehaves once, and behaves from then on."""

    calls: int = 0
    before: int = 0

    def first(self) -> dict[str, Json]:
        """Do what is not to be done again."""
        self.before += 1
        return {"given": [1, 2, 3]}


def behaves() -> dict[str, Json]:
    """Do as it should."""
    return {"done": True}


def document(timeout: float | None, policy: str) -> dict[str, Json]:
    """Write the graph: a node before, and the one with the tool."""
    node: dict[str, Json] = {"tool": "hostile", "on_exhausted": policy}
    if timeout is not None:
        node["timeout"] = timeout
    return {"nodes": {"first": "first", "hostile": node}, "edges": {"first": "hostile"}}


def named(tool: Callable[..., object] | Tool[..., object]) -> Tool[..., object]:
    """Give a tool the name that the graph knows."""
    if isinstance(tool, Tool):
        return Tool(tool.function, name="hostile", execution="process")
    return Tool(tool, name="hostile")


@pytest.mark.parametrize("policy", ["pause", "fail"])
@pytest.mark.parametrize(("tool", "code", "allowed"), HOSTILE, ids=IDS)
async def test_a_hostile_tool_ends_in_its_error_and_the_run_can_be_mended(
    tool: Callable[..., object] | Tool[..., object],
    code: str,
    allowed: float | None,
    policy: str,
    tmp_path: Path,
) -> None:
    turn, store = Turn(), SQLiteStore(tmp_path / "runs.db")
    async with Engine(tools=[Tool(turn.first, name="first"), named(tool)], store=store) as engine:
        run = await engine.start(await engine.create(document(allowed, policy)), run_id="r")
        await run.rest()
        snapshot = await run.snapshot()
        assert snapshot.status == ("paused" if policy == "pause" else "failed")
        assert snapshot.error is not None
        assert (snapshot.error.code, snapshot.node) == (code, "hostile")
        assert snapshot.state == {"given": [1, 2, 3]}

    good = Tool(behaves, name="hostile")
    async with Engine(tools=[Tool(turn.first, name="first"), good], store=store) as engine:
        run = await engine.find("r")
        if policy == "pause":
            await run.resume()
        else:
            with pytest.raises(RunFailed) as failed:
                await run.result()
            assert failed.value.code == code
            run = await run.retry()
        assert await run.result() == {"given": [1, 2, 3], "done": True}

    assert turn.before == 1
