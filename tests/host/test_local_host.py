"""The host in this process: who waits for whom, in which order, and what is left behind."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from engine import (
    BEGINNING,
    Context,
    Engine,
    Graph,
    LogMoved,
    MemoryCache,
    MemoryStore,
    NotFound,
    Overloaded,
    Row,
    RunExists,
    RunFailed,
    RunId,
    RunRecord,
    Seq,
    SystemClock,
    Tools,
    entry,
)
from engine.hosts.local import LocalHost
from engine.hosts.local import host as local
from engine.hosts.local.turn import MOST, Turn
from engine.inputs import Start
from tests.host.saying import engine_of, tool

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from engine import EngineError, GraphVersion, RunHandle

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@asynccontextmanager
async def host_of(
    *tools: Callable[..., object], inbox: int = 1_024
) -> AsyncGenerator[LocalHost, None]:
    """Give a host by itself."""
    known = Tools(tools)
    host = LocalHost(
        store=MemoryStore(),
        tools=lambda name, _: known.get(name),
        clock=SystemClock(),
        cache=MemoryCache(),
        appended=lambda _, __: None,
        said=lambda _: None,
        watched=lambda _: False,
        inbox=inbox,
    )
    try:
        yield host
    finally:
        await host.close()


def begin(run_id: str, **state: object) -> Start:
    """Write the input that starts a run."""
    return Start(at=SystemClock().now(), run_id=RunId(run_id), state=state)  # type: ignore[arg-type]


async def entries(run: RunHandle) -> list[entry.AnyEntry]:
    """Read the whole log of a run."""
    return [each async for each in run.tail()]


class Gate:
    """A tool that tells when it is called, and returns when it is let."""

    def __init__(self) -> None:
        self.inside: list[object] = []
        self.most = 0
        self._now = 0
        self._called = asyncio.Condition()
        self._open = asyncio.Event()

    async def gate(self, me: object) -> None:
        """Wait until the gate is opened."""
        async with self._called:
            self.inside.append(me)
            self._now += 1
            self.most = max(self.most, self._now)
            self._called.notify_all()
        try:
            await self._open.wait()
        finally:
            self._now -= 1

    async def called(self, times: int) -> None:
        """Wait until it has been called that often."""
        async with self._called:
            await self._called.wait_for(lambda: len(self.inside) >= times)

    def open(self) -> None:
        """Let everybody through, from now on."""
        self._open.set()


# -- actors -------------------------------------------------------------------------------


async def test_an_actor_is_spawned_when_the_first_message_for_its_node_arrives() -> None:
    gate = Gate()

    async def after() -> None: ...

    def actors() -> set[str]:
        return {t.get_name() for t in asyncio.all_tasks() if t.get_name().startswith("actor:")}

    async with Engine(tools=[gate.gate, after]) as engine:
        graph = await engine.create({"gate": "after"})
        assert actors() == set()
        run = await engine.start(graph, {"me": 1})
        await gate.called(1)
        assert actors() == {"actor:gate"}
        gate.open()
        await run.result()
        assert actors() == {"actor:gate", "actor:after"}
        await engine.run(graph, {"me": 2})
        assert len(actors()) == 2


async def test_a_slow_call_of_one_run_holds_up_no_other() -> None:
    gate = Gate()

    async def slow_for_a(me: str) -> None:
        if me == "a":
            await gate.gate(me)

    async with Engine(tools=[slow_for_a]) as engine:
        graph = await engine.create({"nodes": ["slow_for_a"]})
        slow = await engine.start(graph, {"me": "a"})
        await gate.called(1)

        assert await engine.run(graph, {"me": "b"}) == {"me": "b"}

        gate.open()
        await slow.result()


async def test_a_node_makes_no_more_calls_at_a_time_than_it_allows_over_all_runs() -> None:
    gate = Gate()
    async with Engine(tools=[gate.gate]) as engine:
        graph = await engine.create({"nodes": {"n": {"tool": "gate", "max_parallel": 2}}})
        runs = [await engine.start(graph, {"me": n}) for n in range(6)]
        await gate.called(2)
        gate.open()
        for run in runs:
            await run.result()

    assert gate.most == 2
    assert gate.inside == [*range(6)]


async def test_a_run_makes_no_more_calls_at_a_time_than_its_graph_allows() -> None:
    gate = Gate()
    branches = [f"b{n}" for n in range(5)]
    nodes = {
        "start": {"tool": "nothing"},
        **{name: {"tool": "gate", "args": {"me": name}} for name in branches},
    }

    async def nothing() -> None: ...

    async with Engine(tools=[gate.gate, nothing]) as engine:
        graph = await engine.create(
            {"nodes": nodes, "edges": {"start": branches}, "limits": {"max_parallel": 2}}
        )
        run = await engine.start(graph)
        await gate.called(2)
        gate.open()
        await run.result()

    assert gate.most == 2
    assert gate.inside == branches


@pytest.mark.parametrize("runs", [1, 20])
async def test_a_loop_through_an_overfull_inbox_goes_on(runs: int) -> None:
    def again(n: int) -> dict[str, object]:
        return {"n": n + 1}

    async def go(n: int) -> dict[str, object]:
        return again(n)

    loop = Graph.parse(
        {
            "nodes": {"a": "go", "b": "go"},
            "edges": {"a": "b", "b": [{"when": "n < 40", "to": "a"}, {"to": None}]},
            "entry": "a",
        }
    )
    async with host_of(go, inbox=1) as host:
        for run in range(runs):
            await host.start(loop, begin(f"r{run}", n=0), durability="sync")
        for run in range(runs):
            ended = await host.end(RunId(f"r{run}"))
            assert ended is None or ended.status == "completed"


async def test_calls_of_a_node_begin_in_the_order_in_which_they_became_due() -> None:
    order: list[int] = []

    async def note(me: int) -> None:
        order.append(me)

    async with host_of(note, inbox=2) as host:
        graph = Graph.parse({"nodes": ["note"]})
        for run in range(9):
            await host.start(graph, begin(f"r{run}", me=run), durability="sync")
        await host.end(RunId("r8"))

    assert order == [*range(9)]


async def test_a_turn_of_the_loop_is_spent_by_what_was_done_in_it() -> None:
    turn = Turn(asyncio.get_running_loop())

    assert [turn.spend() for _ in range(MOST + 2)] == [False] * (MOST - 1) + [True] * 3
    await asyncio.sleep(0)
    assert not turn.spend()


async def test_busy_runs_leave_turns_of_the_loop_to_others() -> None:
    async def spin(n: int) -> dict[str, object]:
        return {"n": n + 1}

    graph = Graph.parse(
        {
            "nodes": ["spin"],
            "edges": {"spin": [{"when": "n < 300", "to": "spin"}, {"to": None}]},
            "entry": "spin",
        }
    )
    turns = 0
    async with host_of(spin) as host:
        for run in range(3):
            await host.start(graph, begin(f"r{run}", n=0), durability="sync")
        while any(host.driven(RunId(f"r{run}")) for run in range(3)):
            await asyncio.sleep(0)
            turns += 1

    assert turns >= 3 * 300 // MOST


# -- stopping -----------------------------------------------------------------------------


async def test_when_a_node_fails_for_good_its_siblings_are_stopped() -> None:
    gate = Gate()
    stopped = asyncio.Event()

    async def sibling() -> None:
        try:
            await gate.gate("sibling")
        finally:
            stopped.set()

    async def fails() -> None:
        await gate.called(1)
        raise ValueError

    async def fork() -> None: ...

    async with Engine(tools=[fork, sibling, fails]) as engine:
        graph = await engine.create({"edges": {"fork": ["sibling", "fails"]}})
        with pytest.raises(RunFailed):
            await engine.run(graph)
        await stopped.wait()


def impatient(tool: str) -> dict[str, object]:
    """Write a node that makes another attempt at once if one takes longer than an instant.

    On a busy machine an attempt may run out of time before its tool was called at all, so
    there are many.
    """
    return {"tool": tool, "timeout": 0.02, "retry": {"max_attempts": 1_000, "delay": 0}}


async def test_an_attempt_that_takes_too_long_is_stopped_and_made_again() -> None:
    seen: list[str] = []

    async def slow_at_first() -> dict[str, object]:
        if not seen:
            seen.append("began")
            try:
                await asyncio.Event().wait()
            finally:
                seen.append("stopped")
        return {"seen": [*seen]}

    async with Engine(tools=[slow_at_first]) as engine:
        run = await engine.start(await engine.create({"nodes": {"n": impatient("slow_at_first")}}))

        assert await run.result() == {"seen": ["began", "stopped"]}

        kinds = [type(each) for each in await entries(run) if getattr(each, "node", None)]
        assert kinds[:3] == [entry.NodeStarted, entry.NodeRetrying, entry.NodeStarted]
        assert kinds[-1] is entry.NodeCompleted


async def test_a_tool_that_will_not_be_stopped_is_not_heard() -> None:
    gate = Gate()
    late = asyncio.Event()

    async def stubborn() -> dict[str, object]:
        if not gate.inside:
            try:
                await gate.gate("stubborn")
            except asyncio.CancelledError:
                await late.wait()
                gate.inside.append("late")
                return {"late": True}
        return {"late": False}

    async with Engine(tools=[stubborn]) as engine:
        run = await engine.start(await engine.create({"nodes": {"n": impatient("stubborn")}}))
        assert await run.result() == {"late": False}
        before = await run.last()

        late.set()
        while len(gate.inside) < 2:  # noqa: ASYNC110  # its end is nobody's event
            await asyncio.sleep(0)
        await asyncio.sleep(0)

        assert await run.last() == before


async def test_a_plain_tool_that_is_stopped_runs_on_and_is_not_heard() -> None:
    began, go, done = threading.Event(), threading.Event(), threading.Event()

    def slow() -> dict[str, object]:
        began.set()
        go.wait(10)
        done.set()
        return {"late": True}

    async with Engine(tools=[slow]) as engine:
        run = await engine.start(await engine.create({"nodes": ["slow"]}))
        assert await asyncio.to_thread(began.wait, 10)
        await run.cancel()
        before = await run.last()
        go.set()
        assert await asyncio.to_thread(done.wait, 10)
        await asyncio.sleep(0)

        assert await run.last() == before
        assert await run.state() == {}


async def test_what_waits_in_an_inbox_when_its_run_is_cancelled_is_never_begun() -> None:
    gate = Gate()
    async with Engine(tools=[gate.gate]) as engine:
        graph = await engine.create({"nodes": {"n": {"tool": "gate", "max_parallel": 1}}})
        one = await engine.start(graph, {"me": 1})
        two = await engine.start(graph, {"me": 2})
        three = await engine.start(graph, {"me": 3})
        await gate.called(1)
        await two.cancel()
        gate.open()
        await one.result()
        await three.result()

    assert gate.inside == [1, 3]


@pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="there, a task takes its first step at once"
)
async def test_a_call_that_is_cancelled_before_its_first_step_leaves_its_place_to_others() -> None:
    calls: list[int] = []

    async def note(me: int) -> None:
        calls.append(me)

    async with host_of(note) as host:
        graph = Graph.parse({"nodes": {"n": {"tool": "note", "max_parallel": 1}}})
        await host.start(graph, begin("a", me=1), durability="sync")
        # The actor takes the call in its first turn, and its task would begin in the next.
        actor = host._calls.crew(graph)["n"]
        for _ in range(3):
            if not actor._busy:
                await asyncio.sleep(0)
        host._let_go(host._runs[RunId("a")], RuntimeError())
        await host.start(graph, begin("b", me=2), durability="sync")
        await host.end(RunId("b"))

        assert calls[-1] == 2
        assert actor._busy == 0


async def test_a_tool_may_end_its_own_run() -> None:
    async with Engine() as engine:

        async def give_up(name: str) -> None:
            await (await engine.find(name)).cancel("enough")
            await asyncio.Event().wait()

        engine.tools.add(give_up)
        run = await engine.start(
            await engine.create({"nodes": ["give_up"]}), {"name": "r"}, run_id="r"
        )
        await run.rest()
        assert (await run.snapshot()).status == "cancelled"


async def test_closing_waits_until_every_call_has_cleaned_up() -> None:
    gate = Gate()
    cleaned = []

    async def careful(me: int) -> None:
        try:
            await gate.gate(me)
        finally:
            await asyncio.sleep(0)
            cleaned.append(me)

    async with Engine(tools=[careful]) as engine:
        graph = await engine.create({"nodes": ["careful"]})
        for n in range(3):
            await engine.start(graph, {"me": n})
        await gate.called(3)

    assert sorted(cleaned) == [0, 1, 2]


async def test_closing_does_not_wait_for_ever_for_a_call_that_will_not_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(local, "PATIENCE", 0.01)
    gate, enough, ended = Gate(), asyncio.Event(), asyncio.Event()

    async def stubborn() -> None:
        try:
            await gate.gate("stubborn")
        except asyncio.CancelledError:
            await enough.wait()
        ended.set()

    async with Engine(tools=[stubborn]) as engine:
        await engine.start(await engine.create({"nodes": ["stubborn"]}))
        await gate.called(1)

    assert "node:stubborn" in caplog.text
    enough.set()
    await ended.wait()


# -- time ---------------------------------------------------------------------------------


async def test_a_failed_attempt_is_made_again_after_its_pause() -> None:
    calls = 0

    async def third_time_lucky() -> None:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise ValueError

    retry = {"max_attempts": 3, "delay": 0.01}
    async with Engine(tools=[third_time_lucky]) as engine:
        graph = await engine.create({"nodes": {"n": {"tool": "third_time_lucky", "retry": retry}}})
        log = await entries(await engine.start(graph))

    pauses = [each for each in log if isinstance(each, entry.NodeRetrying)]
    begun = [each for each in log if isinstance(each, entry.NodeStarted)]
    assert [each.attempt for each in begun] == [1, 2, 3]
    assert [each.at for each in begun[1:]] == [each.due for each in pauses]


async def test_a_run_in_back_off_shows_what_it_waits_for() -> None:
    async def fails() -> None:
        raise ValueError

    retry = {"max_attempts": 2, "delay": 60}
    async with Engine(tools=[fails]) as engine:
        graph = await engine.create({"nodes": {"n": {"tool": "fails", "retry": retry}}})
        run = await engine.start(graph)
        async for each in run.tail():
            if isinstance(each, entry.NodeRetrying):
                break
        waiting = (await run.snapshot()).waiting

    assert [(w.node, w.reason, w.until) for w in waiting] == [("n", "retry", each.due)]


class JumpingClock:
    """A clock that somebody sets forward by an hour each time it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def now(self) -> datetime:
        """Give the time, an hour later each time."""
        self.asked += 1
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=self.asked)


async def test_a_clock_that_jumps_ahead_lets_no_timer_come_later() -> None:
    async def fails_once(state: dict[str, object]) -> dict[str, object]:
        if "failed" in marks:
            return {"state": len(state)}
        marks.add("failed")
        raise ValueError

    marks: set[str] = set()
    retry = {"max_attempts": 2, "delay": 60}
    async with Engine(tools=[fails_once], clock=JumpingClock()) as engine:
        graph = await engine.create({"nodes": {"n": {"tool": "fails_once", "retry": retry}}})
        log = await entries(await engine.start(graph))

    assert [each.at for each in log] == sorted(each.at for each in log)


# -- the log ------------------------------------------------------------------------------


def foreign_row(seq: int) -> Row:
    """Make a row that somebody else may have written."""
    return Row((entry.RunResumed(seq=Seq(seq), batch=Seq(seq), at=NOW, run_id=RunId("r")),))


def nobody_hears(error: EngineError | None) -> None:
    """Stand in for whom a store that keeps at once never calls."""
    raise AssertionError(error)


class FailingStore(MemoryStore):
    """A store that fails when a run's log reaches a seq, as a full disk would."""

    def __init__(self, run_id: str, seq: int) -> None:
        super().__init__()
        self._fails = (RunId(run_id), seq)

    def append(
        self,
        run_id: RunId,
        row: Row,
        *,
        expected: Seq,
        kept: Callable[[EngineError | None], None],
        record: RunRecord | None = None,
    ) -> bool:
        """Append, or fail."""
        if run_id == self._fails[0] and expected >= self._fails[1]:
            message = "no space left"
            raise OSError(message)
        return super().append(run_id, row, expected=expected, kept=kept, record=record)


async def test_a_run_whose_log_can_not_be_written_is_let_go_and_no_other() -> None:
    async def step() -> None: ...

    async with Engine(tools=[step], store=FailingStore("bad", 2)) as engine:
        graph = await engine.create({"nodes": ["step"]})
        bad = await engine.start(graph, run_id="bad")
        good = await engine.start(graph, run_id="good")
        with pytest.raises(OSError, match="no space left"):
            await bad.result()

        assert await good.result() == {}
        assert await bad.last() == 2
        assert len(await entries(bad)) == 3


async def test_a_start_that_can_not_be_written_is_not_started() -> None:
    async def step() -> None: ...

    async with Engine(tools=[step], store=FailingStore("bad", BEGINNING)) as engine:
        graph = await engine.create({"nodes": ["step"]})
        with pytest.raises(OSError, match="no space left"):
            await engine.start(graph, run_id="bad")


async def test_a_run_whose_log_somebody_else_writes_is_let_go() -> None:
    gate = Gate()
    store = MemoryStore()
    async with Engine(tools=[gate.gate], store=store) as engine:
        run = await engine.start(await engine.create({"nodes": ["gate"]}), {"me": 1})
        await gate.called(1)
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(_raised(run))
            await asyncio.sleep(0)
            store.append(run.id, foreign_row(3), expected=Seq(2), kept=nobody_hears)
            gate.open()

    assert isinstance(waiting.result(), LogMoved)


async def _raised(run: RunHandle) -> BaseException | None:
    try:
        await run.result()
    except LogMoved as error:
        return error
    return None


class StandingClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Give the same time as ever."""
        return datetime(2026, 1, 1, tzinfo=UTC)


async def test_one_start_made_twice_in_the_same_instant_is_one_run() -> None:
    calls: list[int] = []

    async def step() -> None:
        calls.append(1)

    async with Engine(tools=[step], clock=StandingClock()) as engine:
        graph = await engine.create({"nodes": ["step"]})
        await engine.run(graph, run_id="r")
        with pytest.raises(RunExists):
            await engine.run(graph, run_id="r")

    assert calls == [1]


async def test_two_engines_on_one_store_do_not_start_one_run_twice() -> None:
    async def step() -> None: ...

    async def start(engine: Engine, graph: GraphVersion) -> str:
        try:
            await engine.start(graph, run_id="r")
        except RunExists:
            return "exists"
        return "started"

    store = MemoryStore()
    async with (
        Engine(tools=[step], store=store) as one,
        Engine(tools=[step], store=store, recover=False) as two,
    ):
        graphs = [await engine.create({"nodes": ["step"]}) for engine in (one, two)]
        assert await start(one, graphs[0]) == "started"
        assert await start(two, graphs[1]) == "exists"


async def test_a_run_is_not_found_where_its_graph_is_not() -> None:
    async def step() -> None: ...

    store = MemoryStore()
    async with (
        Engine(tools=[step], store=store) as one,
        Engine(tools=[step], store=store, recover=False) as two,
    ):
        await one.run(await one.create({"name": "g", "nodes": ["step"]}), run_id="r")

        with pytest.raises(NotFound, match="graph 'g' is not here"):
            await two.find("r")


async def test_a_log_that_somebody_else_began_meanwhile_is_not_written_to() -> None:
    class Racing(MemoryStore):
        async def last(self, run_id: RunId) -> Seq | None:
            found = await super().last(run_id)
            if found is None:
                record = RunRecord(
                    run_id=run_id, graph="g", version="v", status="running", began=NOW, changed=NOW
                )
                self.append(
                    run_id, foreign_row(0), expected=BEGINNING, kept=nobody_hears, record=record
                )
            return found

    async def step() -> None: ...

    async with Engine(tools=[step], store=Racing()) as engine:
        with pytest.raises(RunExists):
            await engine.start(await engine.create({"nodes": ["step"]}), run_id="r")


async def test_more_runs_than_may_go_on_are_refused_until_one_has_ended() -> None:
    gate = Gate()
    async with Engine(tools=[gate.gate], max_runs=2) as engine:
        graph = await engine.create({"nodes": ["gate"]})
        runs = [await engine.start(graph, {"me": n}) for n in range(2)]
        with pytest.raises(Overloaded, match="2 runs go on here"):
            await engine.start(graph, {"me": 2})
        gate.open()
        for run in runs:
            await run.result()

        assert await engine.run(graph, {"me": 3}) == {"me": 3}


async def test_a_fork_under_a_taken_name_does_nothing_to_whoever_has_it() -> None:
    calls: list[str] = []

    async def fails(context: Context) -> None:
        calls.append(context.run_id)
        raise ValueError

    async with Engine(tools=[fails], durability="async") as engine:
        graph = await engine.create({"nodes": {"fails": {"on_exhausted": "pause"}}})
        paused = await engine.start(graph, run_id="paused")
        ended = await engine.start(await engine.create({"nodes": ["fails"]}), run_id="ended")
        await paused.rest()
        with pytest.raises(RunFailed):
            await ended.result()
        before = list(calls)
        for name in ("paused", "ended"):
            with pytest.raises(RunExists):
                await ended.retry(run_id=name)

        assert calls == before
        assert (await paused.snapshot()).status == "paused"
        await paused.cancel()


async def test_a_paused_run_has_its_deadline_after_a_restart_too() -> None:
    gate = Gate()
    store = MemoryStore()
    async with Engine(tools=[gate.gate], store=store) as engine:
        document = {"nodes": ["gate"], "limits": {"deadline": 0.2}}
        run = await engine.start(await engine.create(document), {"me": 1}, run_id="r")
        await run.pause()

    async with Engine(tools=[gate.gate], store=store) as engine:
        with pytest.raises(RunFailed) as failed:
            await (await engine.find("r")).result()

    assert failed.value.code == "DEADLINE_EXCEEDED"


async def test_a_limit_that_is_raised_lets_waiting_calls_begin() -> None:
    gate = Gate()
    branches = [f"b{n}" for n in range(4)]
    document = {
        "nodes": {"split": "nothing", **dict.fromkeys(branches, "gate")},
        "edges": {"split": branches},
        "limits": {"max_parallel": 1},
    }

    async def nothing() -> None: ...

    async with Engine(tools=[gate.gate, nothing]) as engine:
        run = await engine.start(await engine.create(document), {"me": 1})
        await gate.called(1)
        await run.raise_limits({"max_parallel": 4})
        await gate.called(4)
        gate.open()
        await run.result()


async def test_a_timer_comes_before_the_result_of_a_tool_that_held_up_the_loop() -> None:
    async def blocks() -> None:
        time.sleep(0.2)  # noqa: ASYNC251  # what is tested

    async with Engine(tools=[blocks]) as engine:
        graph = await engine.create({"nodes": {"blocks": {"timeout": 0.05}}})
        with pytest.raises(RunFailed) as failed:
            await engine.run(graph)

    assert failed.value.code == "TIMEOUT"


async def test_versions_of_a_tool_share_the_actor_of_their_node_and_its_limit() -> None:
    async with engine_of() as engine:
        said = []
        for version in range(20):
            await engine.tools.register(tool(f"{version}"))
            said.append((await engine.run({"nodes": ["say"]}))["said"])

        assert said == [f"{version}" for version in range(20)]
        actors = [task.get_name() for task in asyncio.all_tasks()]
        assert len([name for name in actors if name.startswith("actor:")]) == 1
