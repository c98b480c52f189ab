"""A store is looked through, and what is wrong in it is found."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace as changed

from engine import Engine, EngineError, Flaw, MemoryStore, Orphans, RunId, entry
from engine.ids import Seq
from engine.row import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine import AnyEntry


async def greet(name: str = "world") -> dict[str, str]:
    return {"greeting": f"Hello, {name}!"}


async def fails() -> None:
    message = "no luck"
    raise ValueError(message)


async def waits() -> None:
    await asyncio.Event().wait()


@pytest.fixture
async def store() -> MemoryStore:
    """Give a store with runs that completed, failed, were forked, and go on."""
    store = MemoryStore()
    async with Engine(store=store, tools=[greet, fails, waits]) as engine:
        graph = await engine.create({"name": "g", "edges": {"greet": "fails"}})
        for name in ("a", "b"):
            with pytest.raises(EngineError):
                await engine.run(graph, run_id=name, tags={"team": name})
        forked = await (await engine.find("a")).fork(at=1, run_id="f")
        with pytest.raises(EngineError):
            await forked.result()
        await engine.run({"name": "h", "nodes": ["greet"]}, run_id="c")
        await engine.start({"name": "w", "nodes": ["waits"]}, run_id="w")
    return store


async def audited(store: MemoryStore, *, repair: bool = False) -> list[Flaw]:
    engine = Engine(store=store, tools=[greet, fails, waits], recover=False)
    async with engine:
        audit = engine.audit(repair=repair)
        flaws = [flaw async for flaw in audit]
        assert audit.runs == len(await engine.runs())
    return flaws


def tamper(store: MemoryStore, run_id: str, change: Callable[[list[AnyEntry]], object]) -> None:
    """Change the log of a run behind the store's back."""
    rows = store._logs[RunId(run_id)]
    for place, row in enumerate(rows):
        entries: list[AnyEntry] = list(row.entries)
        change(entries)
        rows[place] = Row(tuple(entries))


def only(kinds: Sequence[Flaw], kind: str) -> Flaw:
    """See that there is one flaw, of that kind, and with a cure."""
    assert [each.kind for each in kinds] == [kind], kinds
    assert kinds[0].cure
    return kinds[0]


async def test_where_all_is_well_nothing_is_found(store: MemoryStore) -> None:
    assert await audited(store) == []


async def test_a_log_that_lacks_a_batch_is_broken(store: MemoryStore) -> None:
    del store._logs[RunId("b")][1]

    flaw = only(await audited(store), "fold")

    assert flaw.run_id == "b"
    assert "is broken: entry 6 comes after entry 2" in flaw.says


async def test_a_log_that_nothing_follows_from_is_broken(store: MemoryStore) -> None:
    def elsewhere(entries: list[AnyEntry]) -> None:
        for place, each in enumerate(entries):
            if isinstance(each, entry.NodeStarted):
                entries[place] = changed(each, messages=(Seq(99),))

    tamper(store, "c", elsewhere)

    assert only(await audited(store), "fold").run_id == "c"


async def test_nothing_comes_after_the_last_entry(store: MemoryStore) -> None:
    rows = store._logs[RunId("c")]
    last = rows[-1].last
    more = entry.MessageSent(
        seq=Seq(last + 1), batch=Seq(last + 1), at=rows[-1].entries[0].at, run_id=RunId("c"), to="x"
    )
    rows.append(Row((more,)))

    assert "comes after the last one" in only(await audited(store), "fold").says


async def test_a_fork_begins_where_its_record_says(store: MemoryStore) -> None:
    def of_another(entries: list[AnyEntry]) -> None:
        for place, each in enumerate(entries):
            if isinstance(each, entry.RunForked):
                entries[place] = changed(each, origin=RunId("b"))

    tamper(store, "f", of_another)

    assert "does not fork Origin(run_id='a', seq=2)" in only(await audited(store), "fold").says


async def test_messages_that_do_not_add_up_are_found(store: MemoryStore) -> None:
    def miscount(entries: list[AnyEntry]) -> None:
        for place, each in enumerate(entries):
            if isinstance(each, entry.RunCompleted):
                entries[place] = changed(each, messages=changed(each.messages, sent=7))

    tamper(store, "c", miscount)

    flaw = only(await audited(store), "messages")
    assert "counts Counts(sent=7" in flaw.says
    assert await audited(store, repair=True) == [flaw]  # a log is never mended


async def test_a_graph_that_is_not_here_is_named(store: MemoryStore) -> None:
    store._documents = {
        name: document for name, document in store._documents.items() if name[1] != "h"
    }

    flaw = only(await audited(store), "graph")

    assert "run 'c' of graph 'h' can't be read: graph 'h' is not here" in flaw.says


@pytest.mark.parametrize(
    ("run_id", "wrong", "says"),
    [
        ("b", {"status": "running"}, "is 'failed' by its log, and 'running' by its record"),
        ("b", {"error": "OTHER"}, "is 'TOOL_FAILED' by its log, and 'OTHER' by its record (error)"),
        ("b", {"error": None}, "(error)"),
        ("c", {"tags": {"x": "y"}}, "is {} by its log, and {'x': 'y'} by its record (tags)"),
        ("c", {"due": timedelta(days=1)}, "has ended, and is to go on at"),
        ("w", {"due": None}, "and is to go on never"),
        ("w", {"due": timedelta(days=1)}, "and is to go on at"),
        ("f", {"status": "completed", "error": None}, "; is"),
    ],
)
async def test_a_record_that_does_not_say_what_the_log_does_is_found_and_made_again(
    store: MemoryStore, run_id: str, wrong: dict[str, object], says: str
) -> None:
    sound = store._records[RunId(run_id)]
    due = wrong.get("due")
    if isinstance(due, timedelta):
        wrong = {**wrong, "due": sound.changed + due}
    store._change(sound, replace(sound, **wrong))  # type: ignore[arg-type]  # some of its fields

    flaw = only(await audited(store), "record")
    assert says in flaw.says
    assert "--repair" in flaw.cure
    assert store._records[RunId(run_id)] != sound

    mended = only(await audited(store, repair=True), "record")
    assert mended.repaired
    assert await audited(store) == []
    again = store._records[RunId(run_id)]
    assert replace(again, due=None, changed=sound.changed) == replace(sound, due=None)
    assert store._listed == sorted(store._listed, key=store._place)


async def test_a_run_that_goes_on_meanwhile_is_no_flaw() -> None:
    store = MemoryStore()

    async def step(n: int = 0) -> dict[str, int]:
        await asyncio.sleep(0)
        return {"n": n + 1}

    loop = {
        "name": "loop",
        "entry": "step",
        "edges": {"step": [{"when": "n < 90", "to": "step"}, {"to": None}]},
        "state": {"defaults": {"n": 0}},
    }
    async with Engine(store=store, tools=[step]) as engine:
        runs = [await engine.start(loop, run_id=f"{n}") for n in range(3)]
        looked = 0
        while any(run_.status == "running" for run_ in await engine.runs()):
            assert [flaw async for flaw in engine.audit(repair=True)] == []
            looked += 1
        for run in runs:
            assert (await run.result())["n"] == 90
    assert looked > 1


async def test_what_belongs_to_nothing_is_told(store: MemoryStore) -> None:
    async def orphans() -> Sequence[Orphans]:
        return [Orphans("rows", 2, "7"), Orphans("forks", 1, "f"), Orphans("tags", 3, "team")]

    store.orphans = orphans  # type: ignore[method-assign]  # a store in memory never has any

    flaws = await audited(store)

    assert [each.kind for each in flaws] == ["orphans"] * 3
    assert flaws[0].says == "logs of runs that are not there: 2, such as '7'"
