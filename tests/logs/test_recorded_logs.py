"""Logs that were recorded by each release fold with the present code to what they were then.

A recording that fails here says that runs which users have on disk would be read as something
else. It is the code that has to be mended, never a recording.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

from engine import (
    BEGINNING,
    Context,
    Engine,
    Graph,
    GraphVersion,
    MemoryStore,
    Row,
    RunRecord,
    SQLiteStore,
)
from engine.entry import ENTRY_TYPES, RunForked, RunStarted, encode_batch
from engine.run import fold
from engine.value import canonical
from tests.logs.record import FOLDER, Recording, digest, recording, shown
from tests.logs.tools import TOOLS, note

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from engine import AnyEntry, Clock, Json, Store

RECORDED: Final = {
    f"{file.parent.name}/{file.stem}": file for file in sorted(FOLDER.glob("*/*.jsonl"))
}


class Recorded:
    """A run that was recorded, as it is read now."""

    def __init__(self, file: Path) -> None:
        self.kept = msgspec.json.decode(file.with_suffix(".json").read_bytes(), type=Recording)
        graph = Graph.parse(self.kept.graph)
        self.graph = GraphVersion(self.kept.end["graph_id"], self.kept.end["version"], graph)
        blobs = {name: msgspec.json.encode(value) for name, value in self.kept.blobs.items()}
        self.lines = file.read_bytes().removesuffix(b"\n").split(b"\n")
        ends = [int(seq) for seq in self.kept.after]
        starts = [0, *(end + 1 for end in ends[:-1])]
        self.rows = [
            Row.read(b"\n".join(self.lines[start : end + 1]), blobs)
            for start, end in zip(starts, ends, strict=True)
        ]
        self.entries: Sequence[AnyEntry] = [each for row in self.rows for each in row.entries]


@pytest.fixture(params=RECORDED)
def recorded(request: pytest.FixtureRequest) -> Recorded:
    """Give each run that was recorded."""
    return Recorded(RECORDED[request.param])


def test_it_ends_with_the_status_and_the_state_it_had_and_shows_what_it_showed(
    recorded: Recorded,
) -> None:
    end = recorded.kept.end
    seen = shown(recorded.graph, recorded.entries)

    assert (seen["status"], canonical(seen["state"])) == (end["status"], canonical(end["state"]))
    assert seen == end


def test_after_each_of_its_batches_it_shows_what_it_showed(recorded: Recorded) -> None:
    now = recording(recorded.graph, recorded.rows)

    assert now.after == recorded.kept.after
    assert {digest(each) for each in now.blobs.values()} == {
        digest(each) for each in recorded.kept.blobs.values()
    }


def test_its_entries_are_written_down_byte_for_byte_as_they_were(recorded: Recorded) -> None:
    for row in recorded.rows:
        again = Row(row.entries)
        assert again.data == row.data
        assert {**again.blobs}.items() <= {**row.blobs}.items()
    assert b"\n".join(row.data for row in recorded.rows) == b"\n".join(recorded.lines)
    small = [row for row in recorded.rows if not Row(row.entries).blobs]
    assert all(encode_batch(row.entries) == row.data for row in small)


def test_its_graph_has_the_version_that_its_log_names(recorded: Recorded) -> None:
    begun = recorded.entries[0]

    assert isinstance(begun, RunStarted)
    assert recorded.graph.graph.version == begun.version


def test_every_type_of_entry_has_been_recorded() -> None:
    recorded = {type(entry) for file in RECORDED.values() for entry in Recorded(file).entries}

    assert recorded == {*ENTRY_TYPES}


# -- runs that had not ended --------------------------------------------------------------


async def put(store: Store, recorded: Recorded) -> str:
    """Put a run into a store as it was left, and give its name."""
    run = fold(recorded.graph.graph, recorded.entries)
    forked = [each for each in recorded.entries if isinstance(each, RunForked)]
    assert not forked, "its origin would have to be put there, too"
    assert run.began is not None
    assert run.now is not None
    record = RunRecord(
        run_id=run.id,
        graph=run.graph.name,
        version=run.graph.version,
        status=recorded.kept.end["status"],
        began=run.began,
        changed=run.now,
        due=run.now if recorded.kept.end["status"] == "running" else None,
    )
    expected = BEGINNING
    for row in recorded.rows:
        store.append(run.id, row, expected=expected, kept=_is_kept, record=record)
        expected = row.last
    return run.id


def _is_kept(error: Exception | None) -> None:
    assert error is None


async def reopened(
    store: Store,
    recorded: Recorded,
    *,
    tools: Sequence[Callable[..., object]] = TOOLS,
    clock: Clock | None = None,
) -> tuple[Engine, str]:
    """Give an engine, to be entered, on a store that has a run as it was left."""
    await store.open()
    run_id = await put(store, recorded)
    await store.put("graph", recorded.graph.graph_id, _document(recorded))
    await store.close()
    return Engine(store=store, tools=tools, clock=clock), run_id


def _document(recorded: Recorded) -> bytes:
    kept: dict[str, Any] = {
        "hash": recorded.graph.graph.version,
        "document": recorded.graph.graph.document,
    }
    return msgspec.json.encode(kept)


def unfinished(name: str) -> list[str]:
    """List the recordings of a run that had not ended, one for each release."""
    return [each for each in RECORDED if each.endswith(f"/{name}")]


@pytest.mark.parametrize("which", unfinished("paused"))
async def test_a_run_that_waited_for_a_person_is_mended_by_one_now(
    which: str, tmp_path: Path
) -> None:
    recorded = Recorded(RECORDED[which])
    engine, run_id = await reopened(SQLiteStore(tmp_path / "runs.db"), recorded)
    async with engine:
        run = await engine.find(run_id)
        assert shown_now(await run.snapshot()) == recorded.kept.end
        await run.skip({"skipped": "now"})
        await run.resume()
        state = await run.result()

    assert state["skipped"] == "now"
    assert state["notes"] == [*recorded.kept.end["state"]["notes"], "e"]


@pytest.mark.parametrize("which", unfinished("backing_off"))
async def test_a_run_that_waited_for_a_time_goes_on_when_it_has_come(which: str) -> None:
    recorded = Recorded(RECORDED[which])
    engine, run_id = await reopened(
        MemoryStore(), recorded, tools=[note, insist], clock=TwoDaysLater(recorded)
    )
    async with engine:
        state = await (await engine.find(run_id)).result()

    (waiting,) = recorded.kept.end["waiting"]
    assert waiting["node"] == "insist"
    assert state["attempts"] == 2
    assert state["notes"] == ["split", "quick", "meet"]


class TwoDaysLater:
    """A clock that stands still, two days after the end of a recording."""

    def __init__(self, recorded: Recorded) -> None:
        self._now = recorded.entries[-1].at + timedelta(days=2)

    def now(self) -> datetime:
        """Give the time."""
        return self._now


async def insist(context: Context) -> dict[str, Json]:
    """Succeed at last."""
    return {"attempts": context.attempt}


def shown_now(snapshot: object) -> dict[str, Any]:
    """Give what is shown of a run, as JSON."""
    seen: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(snapshot))
    return seen
