"""What a run has in memory is what is read again from any store, byte for byte.

Values come in by each of the doors there are: the state a run begins with, what a tool gives,
what a person sets. `AWE_VALUES=1000000` asks for more of them, `AWE_SEED=...` for those of an
earlier test, which printed its seed.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import asynccontextmanager
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import (
    Breakpoint,
    Context,
    Engine,
    InvalidValue,
    MemoryStore,
    RunFailed,
    SQLiteStore,
)
from engine.stores.postgres import PostgresStore
from engine.value import canonical
from tests.stores.values import DEPTH, KEYS, Values, as_kept

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from engine import Json, RunHandle, Store

COUNT: Final = int(os.environ.get("AWE_VALUES", "100000"))

SEED: Final = os.environ.get("AWE_SEED")

PER_RUN: Final = 500
"""Values in the state of one run."""

AT_ONCE: Final = 20

GRAPH: Final = {
    "name": "fidelity",
    "nodes": {"give": "give", "pass": "keep"},
    "edges": {"give": "pass"},
}

_Doors = tuple[dict[str, "Json"], dict[str, "Json"], dict[str, "Json"]]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Give each store there is."""
    if request.param == "memory":
        return MemoryStore()
    if request.param == "sqlite":
        return SQLiteStore(tmp_path / "runs.db")
    return PostgresStore(request.getfixturevalue("postgres_url"))


class Doors:
    """What comes in where, and a tool that gives it."""

    def __init__(self) -> None:
        self.given: dict[str, Mapping[str, Any]] = {}

    def give(self, context: Context) -> Mapping[str, Any]:
        """Give what a run is to have."""
        return self.given[context.run_id]

    def keep(self) -> None:
        """Give nothing."""

    async def live(self, engine: Engine, name: str, doors: _Doors) -> dict[str, Json]:
        """Let values in by all doors, and give the state of the run when it has ended."""
        state, self.given[name], patch = doors
        run = await engine.start(
            "fidelity", state, run_id=name, breakpoints=[Breakpoint(node="pass")]
        )
        await run.rest()
        await run.patch(patch)
        await run.resume()
        return await run.result()

    @asynccontextmanager
    async def engine(self, store: Store) -> AsyncIterator[Engine]:
        """Give an engine on a store."""
        async with Engine(store=store, tools=[self.give, self.keep]) as engine:
            await engine.create(GRAPH)
            yield engine


def divided(values: Sequence[tuple[str, Json]]) -> _Doors:
    """Have a third of the values come in by each door."""
    return dict(values[::3]), dict(values[1::3]), dict(values[2::3])


@cache
def drawn(seed: int) -> list[Json]:
    """Draw values of our own."""
    return list(islice(Values(seed), COUNT))


TEXT: Final = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
JSON: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@cache
def found() -> list[Json]:
    """Have Hypothesis find values, all of them before any is used: a run takes many at once."""
    values: list[Json] = []

    @settings(max_examples=100, suppress_health_check=list(HealthCheck))
    @given(st.lists(JSON, min_size=20, max_size=20))
    def take(some: list[Json]) -> None:
        values.extend(some)

    take()
    return values


def under_keys(values: list[Json]) -> dict[str, list[tuple[str, Json]]]:
    """Give states of runs, by name: values under keys of which many look like something else."""
    keys = [*KEYS, *(f"v{number}" for number in range(PER_RUN - len(KEYS)))]
    return {
        f"r{first}": list(zip(keys, values[first : first + PER_RUN], strict=False))
        for first in range(0, len(values), PER_RUN)
    }


async def at_once(names: Sequence[str], do: Callable[[str], Any]) -> None:
    """Do something for each of them, a few at a time."""
    waiting = iter(names)

    async def some() -> None:
        for name in waiting:
            await do(name)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(some())


@pytest.mark.timeout(60 + COUNT // 1000)
async def test_what_is_read_again_is_what_was_there_on_every_store(store: Store) -> None:
    seed = secrets.randbelow(10**6) if SEED is None else int(SEED)
    print(f"AWE_SEED={seed}")
    values = drawn(seed)

    await come_back(store, values)

    assert len(values) == COUNT


@pytest.mark.timeout(60)
async def test_so_it_is_with_whatever_values_hypothesis_finds(store: Store) -> None:
    values = found()

    await come_back(store, values)

    assert len(values) >= 2_000


async def come_back(store: Store, values: list[Json]) -> None:
    """See that values are the same in memory, and when they are read again."""
    wanted = under_keys(values)
    doors = Doors()
    live: dict[str, bytes] = {}
    wrong: list[str] = []

    async def lives(name: str) -> None:
        live[name] = canonical(await doors.live(engine, name, divided(wanted[name])))

    async def is_read(name: str) -> None:
        for row in await store.read((run := await engine.find(name)).id):
            assert row.data  # of a store in memory: from here on it is made of bytes, too
        state = await run.state()
        expected = {key: as_kept(value) for key, value in wanted[name]}
        if not canonical(state) == canonical(expected) == live[name]:
            wrong.extend(differing(name, state, expected))

    async with doors.engine(store) as engine:
        await at_once([*wanted], lives)
    async with doors.engine(store) as engine:
        await at_once([*wanted], is_read)

    assert not wrong, wrong[:10]


def differing(name: str, state: dict[str, Json], expected: dict[str, Json]) -> Iterator[str]:
    """Say which values are not what they were."""
    for key in {**state, **expected}:
        one, other = state.get(key), expected.get(key)
        if canonical(one) != canonical(other):
            yield f"{name} {key!r}: {other!r:.200} was read as {one!r:.200}"


# -- what can't be kept -------------------------------------------------------------------


def nested(depth: int) -> Json:
    """Give lists and objects inside each other."""
    value: Json = 1
    for level in range(depth):
        value = [value] if level % 2 else {"k": value}
    return value


REFUSED: Final[Mapping[str, object]] = {
    "no number": float("nan"),
    "infinity": float("inf"),
    "2^63": 2**63,
    "-2^63 - 1": -(2**63) - 1,
    "NUL": "a\0b",
    "NUL in a key": {"a\0b": 1},
    "half a pair": "\ud800",
    "half a pair in a key": {"\udfff": 1},
    "too deep": nested(DEPTH + 1),
    "too large": "x" * (16 * 1024 * 1024 + 1),
    "bytes": b"bytes",
    "a set": {1},
    "a key that is none": {1: 1},
    "an object": object(),
    "deep inside": [{"a": [1, {"b": float("-inf")}]}],
}


@pytest.mark.timeout(60)
async def test_what_can_not_be_kept_is_refused_at_each_door_and_leaves_nothing(
    store: Store,
) -> None:
    doors = Doors()
    codes: dict[str, set[str]] = {}
    async with doors.engine(store) as engine:
        doors.given["patched"] = {"good": 1}
        run = await engine.start(
            "fidelity", run_id="patched", breakpoints=[Breakpoint(node="pass")]
        )
        await run.rest()
        last = await run.last()
        for number, (what, value) in enumerate(REFUSED.items()):
            bad: Any = {"key": value}
            doors.given[f"tool-{number}"] = bad
            codes[what] = {
                await refused(engine.start("fidelity", bad, run_id="refused")),
                await refused(run.patch(bad)),
                await refused(run.fork(run_id="forked", patch=bad)),
                await failed(engine.run("fidelity", run_id=f"tool-{number}")),
            }
        unchanged = (await run.last(), await run.state(at=last))
        await run.resume()
        await run.result()
        there = {each.run_id for each in await engine.runs()}

    assert codes == {what: {"BAD_VALUE", "BAD_OUTPUT"} for what in REFUSED}
    assert unchanged == (last, {"good": 1})
    assert there == {"patched", *(f"tool-{number}" for number in range(len(REFUSED)))}


async def refused(asking: Awaitable[object]) -> str:
    """See that a value is refused, and give the code."""
    with pytest.raises(InvalidValue) as caught:
        await asking
    assert caught.value.path.startswith(("key", "patch")) or "larger" in caught.value.message
    return caught.value.code


async def failed(running: Awaitable[object]) -> str:
    """See that a run fails, and give the code."""
    with pytest.raises(RunFailed) as caught:
        await running
    return caught.value.report.error.code


@pytest.mark.timeout(60)
async def test_what_is_at_the_limit_is_kept(store: Store) -> None:
    values = [("deep", nested(DEPTH)), ("wide", list(range(100_000))), ("long", "é" * 1_000_000)]
    doors = Doors()
    async with doors.engine(store) as engine:
        live = await doors.live(engine, "r", divided(values))
    async with doors.engine(store) as engine:
        run: RunHandle = await engine.find("r")
        again = await run.state()

    assert canonical(live) == canonical(again) == canonical(dict(values))
