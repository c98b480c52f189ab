"""The runs whose processes are killed: their graphs, their tools, their ends undisturbed.

This module knows what each node does: it waits for a moment, has an effect, waits again and
returns. So a kill finds runs before an effect, between an effect and its record, and after.
It does not know who is killed, nor when.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from engine import Breakpoint, Context, Graph, ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from engine import Json, Status

MOMENT: Final = 0.1
"""Seconds that a tool waits at most, twice, where nobody says otherwise."""

AGE: Final = 1_000.0
"""Seconds that pass from one life of a process to the next: longer than any back-off here."""

ATTEMPTS: Final = 3

LARGE: Final = 7_000 * "0123456789"
"""More than stands in an entry."""

EFFECTS: Final = "AWE_TEST_EFFECTS"
"""Tells a server in its environment what `Effects` are given, as a list in JSON."""


def chance(*what: object) -> float:
    """Give a number from 0 to 1 that follows from what it is for: the same in every replay."""
    return zlib.crc32(repr(what).encode()) / 2**32


class Effects:
    """Has effects that outlive the process: lines of a file, each written at once.

    Args:
        path: The file.
        seed: What chance follows from, with the life of the process.
        life: Which one it is.
        moment: Seconds that a tool waits at most, twice.
    """

    def __init__(self, path: Path, seed: int, life: int, moment: float = MOMENT) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._chance = (seed, life)
        self._most = moment

    @property
    def tools(self) -> Sequence[Callable[..., object]]:
        """All of them."""
        return (
            *(self.act, self.block, self.count, self.insist),
            *(self.late, self.linger, self.need, self.hang, self.fail, self.swell),
        )

    def moment(self, context: Context, which: str) -> float:
        """Say how long a tool waits."""
        what = (*self._chance, context.run_id, context.activation, context.attempt, which)
        return self._most * chance(*what)

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

    async def late(self, context: Context) -> dict[str, Json]:
        """Leave a mark, when whoever began at the same time and waits for nothing is done."""
        await asyncio.sleep(3 * self._most + 0.005)
        return await self.act(context)

    async def linger(self, context: Context) -> dict[str, Json]:
        """Leave a mark, and never return."""
        await self._act(context)
        await asyncio.sleep(3600)
        return {"trail": ["too late"]}

    async def need(self, context: Context, *, ok: bool) -> dict[str, Json]:
        """Fail, unless somebody has said that all is well."""
        await self._act(context)
        if not ok:
            raise ToolError("all is not well", code="NOT_OK")
        return {"trail": [context.node]}

    async def hang(self, context: Context, *, ok: bool) -> dict[str, Json]:
        """Never return, unless somebody has said that all is well."""
        return await (self.act if ok else self.linger)(context)

    async def fail(self, context: Context) -> dict[str, Json]:
        """Fail."""
        await self._act(context)
        raise ToolError("it never works", code="BROKEN")

    async def swell(self, context: Context) -> dict[str, Json]:
        """Give a value that is kept beside the log."""
        return {**await self.act(context), "large": LARGE}


@dataclass(frozen=True, kw_only=True)
class Fixture:
    """A graph, how runs of it are begun, and how they end.

    Attributes:
        graph: The graph.
        state: The final state, its trail sorted: branches may meet in either order.
        status: With which a run ends.
        error: The code of the error it ends with.
        breakpoints: Where it pauses; somebody resumes it.
        rests: Whether it rests on its way, and leaves memory: then nobody reads its log.
        patch: What is put right in a run that failed, when it is forked; then `state` and
            `status` are those of the fork.
    """

    graph: Graph
    state: Mapping[str, object]
    status: Status = "completed"
    error: str | None = None
    breakpoints: tuple[Breakpoint, ...] = ()
    rests: bool = False
    patch: Mapping[str, Json] = field(default_factory=dict)


def _graph(name: str, document: dict[str, object], **state: object) -> Graph:
    defaults = {"reducers": {"trail": "extend"}, **state}
    return Graph.parse({"name": name, "state": defaults, **document})


def _acts(*names: str) -> dict[str, object]:
    return dict.fromkeys(names, "act")


_BROKEN: Final = _graph(
    "broken",
    {
        "nodes": {**_acts("a", "c"), "b": "need", "side": "hang"},
        "edges": {"a": ["b", "side"], "b": "c"},
        "entry": "a",
    },
    defaults={"ok": False},
)

FIXTURES: Final[Mapping[str, Fixture]] = {
    "chain": Fixture(
        graph=_graph(
            "chain",
            {
                "nodes": {f"n{i}": "block" if i in (2, 4) else "act" for i in range(6)},
                "edges": {f"n{i}": f"n{i + 1}" for i in range(5)},
            },
        ),
        state={"trail": [f"n{i}" for i in range(6)]},
    ),
    "diamond": Fixture(
        graph=_graph(
            "diamond",
            {
                "nodes": _acts("split", "left", "right", "join"),
                "edges": {"split": ["left", "right"], "left": "join", "right": "join"},
            },
        ),
        state={"trail": ["join", "left", "right", "split"]},
    ),
    "loop": Fixture(
        graph=_graph(
            "loop",
            {
                "nodes": {"count": "count", "check": "act"},
                "edges": {
                    "count": "check",
                    "check": [{"when": "n < 5", "to": "count"}, {"to": None}],
                },
                "entry": "count",
            },
            defaults={"n": 0},
        ),
        state={"n": 5, "trail": ["check"] * 5},
    ),
    "retry": Fixture(
        graph=_graph(
            "retry",
            {
                "nodes": {
                    "insist": {
                        "tool": "insist",
                        "retry": {"max_attempts": ATTEMPTS, "delay": 0.02, "on": ["NOT_YET"]},
                    },
                    "after": "act",
                },
                "edges": {"insist": "after"},
            },
        ),
        state={"attempt": ATTEMPTS, "trail": ["after"]},
    ),
    # Two diamonds in one, with branches that take long: wherever it is cut in the middle, a join
    # is half full while a branch that it waits for is running.
    "nested": Fixture(
        graph=_graph(
            "nested",
            {
                "nodes": {
                    **_acts("split", "l", "ll", "lr", "lj", "r", "r3", "join"),
                    "lr2": "late",
                    "r2": "late",
                },
                "edges": {
                    "split": ["l", "r"],
                    "l": ["ll", "lr"],
                    "ll": "lj",
                    "lr": "lr2",
                    "lr2": "lj",
                    "lj": "join",
                    "r": "r2",
                    "r2": "r3",
                    "r3": "join",
                },
            },
        ),
        state={"trail": ["join", "l", "lj", "ll", "lr", "lr2", "r", "r2", "r3", "split"]},
    ),
    "first": Fixture(
        graph=_graph(
            "first",
            {
                "nodes": {
                    **_acts("split", "quick", "after"),
                    "slow": "linger",
                    "slower": "linger",
                    "join": {"tool": "act", "join": {"count": 1, "rest": "cancel"}},
                },
                "edges": {
                    "split": ["quick", "slow", "slower"],
                    **dict.fromkeys(("quick", "slow", "slower"), "join"),
                    "join": "after",
                },
            },
        ),
        state={"trail": ["after", "join", "quick", "split"]},
    ),
    "rounds": Fixture(
        graph=_graph(
            "rounds",
            {
                "nodes": {"count": "count", "b2": "late", **_acts("a", "b", "check")},
                "edges": {
                    "count": ["a", "b"],
                    "a": "check",
                    "b": "b2",
                    "b2": "check",
                    "check": [{"when": "n < 3", "to": "count"}, {"to": None}],
                },
                "entry": "count",
            },
            defaults={"n": 0},
        ),
        state={"n": 3, "trail": ["a"] * 3 + ["b"] * 3 + ["b2"] * 3 + ["check"] * 3},
    ),
    "parked": Fixture(
        graph=_graph(
            "parked",
            {
                "nodes": {
                    **_acts("before", "after"),
                    "insist": {
                        "tool": "insist",
                        "retry": {"max_attempts": ATTEMPTS, "delay": AGE / 10, "factor": 1},
                    },
                },
                "edges": {"before": "insist", "insist": "after"},
            },
        ),
        state={"attempt": ATTEMPTS, "trail": ["after", "before"]},
        rests=True,
    ),
    "paused": Fixture(
        graph=_graph(
            "paused", {"nodes": _acts("a", "b", "c"), "edges": {"a": "b", "b": "c"}, "entry": "a"}
        ),
        state={"trail": ["a", "b", "c"]},
        breakpoints=(Breakpoint(node="b"), Breakpoint(node="b", where="after")),
        rests=True,
    ),
    "broken": Fixture(
        graph=_BROKEN,
        state={"ok": False, "trail": ["a"]},
        status="failed",
        error="NOT_OK",
    ),
    "broken:mended": Fixture(
        graph=_BROKEN,
        state={"ok": True, "trail": ["a", "b", "c", "side"]},
        patch={"ok": True},
    ),
    # The same value twice, which is kept once.
    "large": Fixture(
        graph=_graph(
            "large",
            {
                "nodes": {"a": "swell", "b": "swell", "c": "act"},
                "edges": {"a": "b", "b": "c"},
            },
        ),
        state={"large": LARGE, "trail": ["a", "b", "c"]},
    ),
    "drained": Fixture(
        graph=_graph(
            "drained",
            {
                "nodes": {
                    **_acts("split", "after"),
                    "bad": "fail",
                    "one": "late",
                    "other": "late",
                },
                "edges": {"split": ["bad", "one", "other"], "one": "after"},
                "on_failure": "drain",
            },
        ),
        state={"trail": ["one", "other", "split"]},
        status="failed",
        error="BROKEN",
    ),
}

GRAPHS: Final = {fixture.graph.name: fixture.graph for fixture in FIXTURES.values()}

PLAIN: Final = ("chain", "diamond", "loop", "retry")
"""Those that nobody has to do anything about, and that never rest."""


def names_of(seed: int, number: int, fixture: str) -> list[str]:
    """Name a run of a fixture, and the forks that are made of it."""
    kinds = [each for each in FIXTURES if each.partition(":")[0] == fixture]
    return [f"{seed}-{number}-{kind}" for kind in kinds]


def fixture_of(run_id: str) -> Fixture:
    """Say what a run is of, by its name."""
    return FIXTURES[run_id.rpartition("-")[2]]


def origin_of(run_id: str) -> str:
    """Give the run that a run was forked from, by its name, or itself."""
    return run_id.partition(":")[0]
