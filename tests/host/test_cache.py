"""Results that are kept: which calls are alike, for how long, and what a cache may do wrong."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

import pytest

from engine import Cache, Command, Context, Engine, Graph, MemoryCache, Overwrite, Tool, ToolError
from engine import results as module
from engine.caches import memory
from engine.call import Binding, Outcome
from engine.condition import Expression
from engine.graph import Node
from engine.graph.parts import CachePolicy
from engine.hosts.local.workers import LocalWorkers
from engine.results import Results
from tests.host import heavy
from tests.host.calling import nobody

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from engine import Json

BY_ARGUMENTS = CachePolicy()


class Clock:
    """A time that goes on when it is told to."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.seconds


@pytest.fixture
async def workers() -> AsyncIterator[LocalWorkers]:
    """Give threads and processes."""
    made = LocalWorkers(threads=1, processes=1)
    yield made
    await made.close()


class Counted:
    """A function that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self, a: int, b: int = 1) -> dict[str, object]:
        """Add, and count."""
        self.calls += 1
        return {"sum": a + b, "call": self.calls}


def bound(
    function: Callable[..., object],
    cache: Cache | None,
    *,
    name: str = "n",
    policy: CachePolicy | None = BY_ARGUMENTS,
    workers: LocalWorkers | None = None,
    **node: object,
) -> Callable[..., Coroutine[None, None, Outcome]]:
    """Give a call of a function from a node that keeps its results."""
    made = function if isinstance(function, Tool) else Tool(function, name="t")
    binding = Binding(
        made,
        Node(name, "t", cache=policy, **node),  # type: ignore[arg-type]  # its fields
        workers=workers,  # type: ignore[arg-type]  # only some calls need them
        cache=None if cache is None else Results(cache),
    )
    return lambda **state: binding.call(state, nobody)


# -- which calls are alike ----------------------------------------------------------------


async def test_a_call_with_the_same_arguments_is_not_made_again() -> None:
    function, cache = Counted(), MemoryCache()
    call = bound(function, cache)

    first = await call(a=1, unseen=1)
    again = await call(a=1, unseen=2)
    other = await call(a=2)
    assert first == Outcome({"sum": 2, "call": 1})
    assert again == Outcome({"sum": 2, "call": 1}, cached=True)
    assert (other.patch, other.cached) == ({"sum": 3, "call": 2}, False)
    assert (await call(a=1, b=1)).cached is False  # said so, it is another call than by default


async def test_without_a_cache_or_a_policy_each_call_is_made() -> None:
    for cache, policy in ((None, BY_ARGUMENTS), (MemoryCache(), None)):
        function = Counted()
        call = bound(function, cache, policy=policy)
        await call(a=1)
        await call(a=1)
        assert function.calls == 2


async def test_numbers_that_json_tells_apart_are_not_alike() -> None:
    async def t(a: object) -> dict[str, object]:
        return {"type": type(a).__name__}

    call = bound(t, MemoryCache())
    assert (await call(a=1)).patch == {"type": "int"}
    assert (await call(a=1.0)).patch == {"type": "float"}
    assert (await call(a=True)).patch == {"type": "bool"}
    assert (await call(a=1.0)).cached


async def test_the_order_of_keys_makes_no_difference() -> None:
    async def t(a: dict[str, int]) -> dict[str, object]:
        return {"a": a}

    call = bound(t, MemoryCache())
    await call(a={"x": 1, "y": 2})
    assert (await call(a={"y": 2, "x": 1})).cached


async def test_a_tool_that_takes_the_state_is_called_again_when_any_of_it_changed() -> None:
    async def t(state: dict[str, object]) -> dict[str, object]:
        return {"keys": sorted(state)}

    call = bound(t, MemoryCache())
    await call(a=1)
    assert (await call(a=1)).cached
    assert not (await call(a=1, b=1)).cached


async def test_the_context_of_a_call_makes_no_difference(workers: LocalWorkers) -> None:
    def t(a: int, ctx: Context) -> dict[str, object]:
        return {"a": [a, ctx.attempt]}

    def context(attempt: int) -> Context:
        return Context(
            run_id="r", node="n", activation=0, attempt=attempt, idempotency_key="r:0",
            deadline=None, cancelled=lambda: False, say=lambda _: None,
        )  # type: ignore[arg-type]  # as the host makes them  # fmt: skip

    node = Node("n", "t", cache=BY_ARGUMENTS)
    binding = Binding(Tool(t), node, workers=workers, cache=Results(MemoryCache()))
    assert (await binding.call({"a": 1}, lambda: context(1))).patch == {"a": [1, 1]}
    assert (await binding.call({"a": 1}, lambda: context(2))).patch == {"a": [1, 1]}


async def test_a_key_of_ones_own_says_what_is_alike() -> None:
    function, cache = Counted(), MemoryCache()
    policy = CachePolicy(key=Expression.compile("a % 10"))
    call = bound(function, cache, policy=policy)

    assert (await call(a=1)).patch == {"sum": 2, "call": 1}
    assert (await call(a=11)).patch == {"sum": 2, "call": 1}
    assert (await call(a=12)).patch == {"sum": 13, "call": 2}


async def test_a_key_that_can_not_be_worked_out_is_an_error_of_the_node() -> None:
    call = bound(Counted(), MemoryCache(), policy=CachePolicy(key=Expression.compile("c + 1")))
    error = (await call(a=1)).error

    assert error is not None
    assert error.code == "CONDITION_MISSING_KEY"


async def test_nodes_share_results_only_where_they_would_get_the_same() -> None:
    function, cache = Counted(), MemoryCache()
    await bound(function, cache)(a=1)

    by_key = CachePolicy(key=Expression.compile("a"))
    others: list[dict[str, object]] = [
        {"output": "all"},
        {"outputs": {"x": "sum"}},
        {"args": {"b": 1}},
        {"inputs": {"a": Expression.compile("a")}},
        {"policy": by_key},
    ]
    for other in others:
        assert not (await bound(function, cache, **other)(a=1)).cached  # type: ignore[arg-type]  # as above
    assert (await bound(function, cache, name="elsewhere")(a=1)).cached
    assert not (await bound(function, cache, name="elsewhere", policy=by_key)(a=1)).cached
    assert not (await bound(Tool(function, name="other"), cache)(a=1)).cached


# -- what is kept -------------------------------------------------------------------------


async def test_all_of_a_result_is_kept() -> None:
    async def t() -> Command:
        return Command(update={"words": Overwrite(["a"]), "n": 1.0}, goto=["x", "y"])

    call = bound(t, MemoryCache())
    first, again = await call(), await call()
    assert again == Outcome(
        {"words": ["a"], "n": 1.0}, overwrites=("words",), goto=("x", "y"), cached=True
    )
    assert (first.patch, first.overwrites, first.goto) == (again.patch, ("words",), ("x", "y"))
    assert again.patch is not None
    again.patch.clear()
    assert (await call()).patch == first.patch


async def test_only_what_succeeds_is_kept() -> None:
    calls: list[int] = []

    async def t(a: int) -> dict[str, object]:
        calls.append(a)
        if len(calls) == 1:
            raise ToolError("not yet")
        return {"a": 1 if len(calls) > 2 else object()}

    call = bound(t, MemoryCache())
    assert (await call(a=1)).error is not None
    assert (await call(a=1)).patch is not None  # the door will refuse it
    assert (await call(a=1)).patch == {"a": 1}
    assert (await call(a=1)).cached
    assert len(calls) == 3


async def test_arguments_that_a_tool_does_not_take_are_an_error_each_time() -> None:
    call = bound(Counted(), MemoryCache())
    for _ in range(2):
        error = (await call(a="x")).error
        assert error is not None
        assert error.code == "BAD_INPUT"
    missing = (await call()).error
    assert missing is not None
    assert missing.code == "MISSING_INPUT"


@pytest.mark.timeout(60)
async def test_results_are_kept_wherever_a_tool_runs(workers: LocalWorkers) -> None:
    def plain(a: int) -> dict[str, object]:
        return {"a": a}

    for made, state in (
        (Tool(plain), {"a": 1}),
        (Tool(plain, execution="inline"), {"a": 1}),
        (heavy.square, {"n": 3}),
    ):
        call = bound(made, MemoryCache(), workers=workers)
        first = await call(**state)
        assert first.error is None
        assert await call(**state) == Outcome(first.patch, cached=True)


async def test_what_a_call_reads_does_not_change_while_a_cache_is_asked() -> None:
    class Slow(MemoryCache):
        async def get(self, key: str) -> bytes | None:
            state["items"].append(2)
            return await super().get(key)

    async def t(items: list[int]) -> dict[str, object]:
        return {"n": len(items)}

    state: dict[str, list[int]] = {"items": [1]}
    assert (await bound(t, Slow())(**state)).patch == {"n": 1}


# -- what a cache may do ------------------------------------------------------------------


class Broken:
    """A cache that does nothing right."""

    def __init__(self, error: BaseException | None, found: bytes | None = None) -> None:
        self.error = error
        self.found = found

    async def get(self, key: str) -> bytes | None:
        """Fail, or give what was never kept."""
        if self.error:
            raise self.error
        assert key.startswith("t/")
        return self.found

    async def set(self, key: str, value: bytes, ttl: float | None) -> None:
        """Fail."""
        if self.error:
            raise self.error
        assert (key.startswith("t/"), bool(value), ttl) == (True, True, None)

    async def purge(self, prefix: str = "") -> None:
        """Fail."""
        raise NotImplementedError(prefix)


@pytest.mark.parametrize(
    "cache",
    [
        Broken(OSError("no network")),
        Broken(asyncio.CancelledError()),
        Broken(None, b"nonsense"),
        Broken(None, b"[1, 2, 3]"),
        Broken(None, b"\xff"),
    ],
    ids=["raises", "cancels itself", "no JSON", "other JSON", "no text"],
)
async def test_a_cache_that_fails_is_logged_and_fails_no_call(
    cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert await bound(Counted(), cache)(a=1) == Outcome({"sum": 2, "call": 1})
    assert "the cache" in caplog.records[0].getMessage()
    assert "'t" in caplog.records[0].getMessage()


async def test_a_cache_that_hangs_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Hanging(Broken):
        async def get(self, key: str) -> bytes | None:
            await asyncio.Event().wait()
            return await super().get(key)

    monkeypatch.setattr(module, "PATIENCE", 0.01)
    assert (await bound(Counted(), Hanging(None))(a=1)).patch == {"sum": 2, "call": 1}
    assert "TimeoutError" in caplog.records[0].getMessage()


async def test_whoever_is_cancelled_while_a_cache_is_asked_is_cancelled() -> None:
    asked = asyncio.Event()

    class Hanging(Broken):
        async def get(self, key: str) -> bytes | None:
            asked.set()
            await asyncio.Event().wait()
            return await super().get(key)

    function = Counted()
    async with asyncio.TaskGroup() as group:
        call = group.create_task(bound(function, Hanging(None))(a=1))
        await asked.wait()
        call.cancel()
    assert call.cancelled()
    assert function.calls == 0


# -- the cache in memory ------------------------------------------------------------------


async def test_a_value_is_forgotten_when_it_is_too_old() -> None:
    clock = Clock()
    cache = MemoryCache(monotonic=clock)
    await cache.set("a", b"1", ttl=10)
    await cache.set("b", b"2", ttl=None)
    clock.seconds += 9.9
    assert (await cache.get("a"), await cache.get("b")) == (b"1", b"2")
    clock.seconds += 0.1
    assert (await cache.get("a"), await cache.get("b")) == (None, b"2")
    assert len(cache) == 1


async def test_the_least_recently_used_value_is_forgotten_first() -> None:
    cache = MemoryCache(max_bytes=3 * (memory._OVERHEAD + 2))
    for key in "abc":
        await cache.set(key, b"1", ttl=None)
    await cache.get("a")
    await cache.set("d", b"1", ttl=None)
    assert [await cache.get(key) for key in "abcd"] == [b"1", None, b"1", b"1"]
    assert cache.bytes == cache.max_bytes


async def test_a_value_that_is_too_large_is_not_kept_and_replaces_what_was_there() -> None:
    cache = MemoryCache(max_bytes=1000)
    await cache.set("a", b"1", ttl=None)
    await cache.set("a", b"x" * 1000, ttl=None)
    assert await cache.get("a") is None
    assert (cache.bytes, len(cache)) == (0, 0)


async def test_what_is_kept_can_be_forgotten_by_tool() -> None:
    cache = MemoryCache()
    for key in ("one/a", "one/b", "two/a"):
        await cache.set(key, b"1", ttl=None)
    await cache.purge("one/")
    assert [await cache.get(key) for key in ("one/a", "two/a")] == [None, b"1"]
    await cache.purge()
    assert (cache.bytes, len(cache)) == (0, 0)


# -- in a run -----------------------------------------------------------------------------


async def test_a_loop_over_the_same_work_does_it_once_and_the_log_says_so() -> None:
    calls: list[int] = []

    def slow(code: str) -> dict[str, Json]:
        calls.append(1)
        return {"length": len(code)}

    def count(rounds: int = 0) -> dict[str, Json]:
        return {"rounds": rounds + 1}

    graph = {
        "nodes": {"slow": {"cache": {"ttl": 60}}, "count": None},
        "edges": {"slow": "count", "count": [{"when": "rounds < 3", "to": "slow"}, {"to": None}]},
        "entry": "slow",
    }
    async with Engine(tools=[slow, count], cache=MemoryCache()) as engine:
        run = await engine.start(graph, {"code": "abc"})
        state = await run.result()
        lines = [json.loads(line) async for line in run.lines()]
    assert (state["length"], state["rounds"], len(calls)) == (3, 3, 1)
    assert [
        line.get("cached", False)
        for line in lines
        if line["type"] == "node.completed" and line["node"] == "slow"
    ] == [False, True, True]


def test_a_graph_says_what_is_kept_as_it_did_before() -> None:
    given: dict[str, Json] = {"key": "code + 'x'", "ttl": 60.0}
    graph = Graph.parse({"nodes": {"a": {"tool": "t", "cache": given}}})

    assert graph.nodes["a"].cache == CachePolicy(key=Expression.compile("code + 'x'"), ttl=60.0)
    written = graph.document["nodes"]
    assert isinstance(written, dict)
    assert json.dumps(written["a"]) == '{"tool": "t", "cache": {"key": "code + \'x\'", "ttl": 60}}'
    assert not graph.warnings
