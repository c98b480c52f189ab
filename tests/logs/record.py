"""Record the logs of runs that do everything a log can say, to be folded by all later versions.

`python -m tests.logs.record 0.1.0` executes them with the present code and writes, into a folder
of that name beside this file, the log of each as it stands in a store (`NAME.jsonl`), and its
graph, its large values and what became of it (`NAME.json`). That is done once, at a release:
what was recorded never changes.

This module knows what is written down of a run. It does not know which runs those are (`scenes`).
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine import Engine, MemoryStore, Snapshot, installed_tool_kinds
from engine.run import fold
from engine.value import canonical
from tests.logs.scenes import SCENES
from tests.logs.tools import TOOLS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine import AnyEntry, GraphVersion, Json, Row

FOLDER: Final = Path(__file__).parent


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a run beside its log."""

    graph: dict[str, Any]
    end: dict[str, Any]
    """What is shown of the run after its last entry."""
    after: dict[str, str]
    """For the last entry of each batch: the SHA-256 of what was shown of the run after it."""
    blobs: dict[str, Any] = {}
    """Its large values, by their names."""


def shown(graph: GraphVersion, entries: Sequence[AnyEntry]) -> dict[str, Any]:
    """Give what is shown of a run with such a log, as JSON."""
    snapshot = Snapshot.of(fold(graph.graph, entries), graph)
    seen: dict[str, Any] = shortened(msgspec.json.decode(msgspec.json.encode(snapshot)))
    return seen


def shortened(value: Any) -> Any:
    """Give a value with a name in the place of each long text."""
    if isinstance(value, dict):
        return {key: shortened(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shortened(each) for each in value]
    return digest(value) if isinstance(value, str) and len(value) > 10_000 else value


def digest(value: Json) -> str:
    """Name a value."""
    return hashlib.sha256(canonical(value)).hexdigest()


def recording(graph: GraphVersion, rows: Sequence[Row]) -> Recording:
    """Say what becomes of a run, batch by batch."""
    batches = [row.entries for row in rows]
    logs = [[e for batch in batches[: n + 1] for e in batch] for n in range(len(batches))]
    seen = [shown(graph, log) for log in logs]
    blobs = {name: msgspec.json.decode(blob) for row in rows for name, blob in row.blobs.items()}
    return Recording(
        graph=graph.graph.document,
        end=seen[-1],
        after={str(log[-1].seq): digest(each) for log, each in zip(logs, seen, strict=True)},
        blobs=blobs,
    )


async def record(folder: Path) -> None:
    """Execute all runs, and write down what a store has of them."""
    store = MemoryStore()
    async with Engine(store=store, tools=TOOLS, tool_kinds=installed_tool_kinds()) as engine:
        for scene in SCENES:
            run = await scene(engine)
            rows = await store.read(run.id)
            name = scene.__name__
            (folder / f"{name}.jsonl").write_bytes(b"\n".join(row.data for row in rows) + b"\n")
            kept = msgspec.json.encode(recording(run.graph, rows))
            (folder / f"{name}.json").write_bytes(msgspec.json.format(kept) + b"\n")
            print(f"{name:<12} {rows[-1].last + 1:>4} entries")


def main() -> None:
    """Make the folder of a version, which is not there yet."""
    (version,) = sys.argv[1:]
    folder = FOLDER / version
    folder.mkdir()
    asyncio.run(record(folder))


if __name__ == "__main__":
    main()
