"""Pictures of graphs: from a graph to SVG, here and now or beside the loop.

This module knows which steps lead to a picture, and keeps where things stand in the last of
them: a graph never changes, and a picture with the path of a run differs in colours alone. It
does not know how any of the steps is done.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from threading import Lock
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from engine.diagram.figure import figure
from engine.diagram.layout import ASK, answer, placement, question, too_large
from engine.diagram.sketch import sketch
from engine.diagram.svg import written
from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.diagram.figure import Figure
    from engine.diagram.layout import Placement
    from engine.diagram.run_path import RunPath
    from engine.graph import Graph

SMALL: Final = 64
"""Figures and lines up to which finding their places takes less than 15 ms."""

MOST_KEPT: Final = 20_000
"""Figures of which it is remembered where they stand, about 1 KB each; and the last graph."""

PATIENCE: Final = 30.0
"""Seconds that a picture may take, beside the loop."""

_kept: Final[dict[Graph, tuple[Figure, Placement]]] = {}
_keeping: Final = Lock()

_turns: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]] = WeakKeyDictionary()
"""One large picture at a time: each takes a core."""


def svg(graph: Graph, path: RunPath | None = None) -> str:
    """Draw a graph as SVG, with what a run of it did if that is given.

    Holds everything up while it works, for a graph that was not drawn before: some
    milliseconds for 20 nodes, seconds for 1,000. A program with a loop awaits `draw` instead.

    Raises:
        DiagramTooLarge: It would take minutes, as there are too many nodes or edges.
    """
    found = _kept.get(graph)
    if found is None:
        drawn = _figure(graph)
        found = _keep(graph, drawn, placement(answer(question(drawn.sizes, drawn.lines))))
    return _written(graph, path, found)


async def draw(graph: Graph, path: RunPath | None = None) -> str:
    """Draw as `svg` does, beside the loop: a large graph in a process of its own.

    Raises:
        DiagramTooLarge: It would take minutes.
    """
    found = _kept.get(graph)
    if found is None:
        drawn = await asyncio.to_thread(_figure, graph)
        if len(drawn.sizes) + len(drawn.lines) <= SMALL:
            return svg(graph, path)
        async with _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            found = _kept.get(graph) or _keep(graph, drawn, await _placed_beside(drawn))
    return await asyncio.to_thread(_written, graph, path, found)


def _figure(graph: Graph) -> Figure:
    return figure(sketch(graph))


def _written(graph: Graph, path: RunPath | None, found: tuple[Figure, Placement]) -> str:
    return written(*found, graph.name or "workflow", path)


def _keep(graph: Graph, drawn: Figure, placed: Placement) -> tuple[Figure, Placement]:
    """Remember where things stand, in place of what has been known for longest."""
    with _keeping:
        _kept[graph] = drawn, placed
        while len(_kept) > 1 and sum(len(each.sizes) for each, _ in _kept.values()) > MOST_KEPT:
            del _kept[next(iter(_kept))]
    return drawn, placed


async def _placed_beside(drawn: Figure) -> Placement:
    """Find the places in a process of its own; whoever is cancelled takes it with him."""
    # -P: a file of the user's that is named like one of ours is not imported.
    command = [sys.executable, "-P", "-c", ASK]
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: ASYNC220, S603  # 1 ms, and nothing of it is anybody's
    except OSError as error:
        raise EngineError(
            f"the process that is to draw a large graph can't be started: {error}",
            hint="`svg` draws here and now",
        ) from error
    try:
        return await asyncio.to_thread(_placed_by, process, drawn)
    finally:
        if process.poll() is None:
            process.kill()


def _placed_by(process: subprocess.Popen[bytes], drawn: Figure) -> Placement:
    """Let a process find the places, and wait for its end."""
    try:
        told, _ = process.communicate(question(drawn.sizes, drawn.lines), timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise too_large(f"after {PATIENCE:g} seconds it was not done") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    if process.returncode:
        raise EngineError(
            f"the process that was to draw a graph ended with the code {process.returncode}",
            hint="its standard error, which is that of this program, says why",
        )
    return placement(told)
