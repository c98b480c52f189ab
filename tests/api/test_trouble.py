"""What is answered while nothing can be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from engine import (
    Engine,
    EngineError,
    MemoryStore,
    StoreClosed,
    StoreUnavailable,
    installed_tools,
)
from engine.hosts.local import keeping
from engine.store import ALL

from .conftest import RUNS, STATE, client_of, serving

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine import Kept, Row, RunFilter, RunId, RunRecord, Seq

RUN = "/api/v1/graph/run"
HELLO = {"graph_id": "hello", "initial_state": {}}


class FullStore(MemoryStore):
    """A store whose disk may be full: then it keeps nothing, and goes on trying."""

    full = False
    closed = False
    broken = False
    unreadable = False

    async def record(self, run_id: RunId) -> RunRecord | None:
        """Give the record of a run, if the disk lets us."""
        if self.unreadable:
            raise StoreUnavailable("the disk does not answer")
        return await super().record(run_id)

    def append(
        self,
        run_id: RunId,
        row: Row,
        *,
        expected: Seq,
        kept: Kept,
        record: RunRecord | None = None,
    ) -> bool:
        """Keep a batch, if there is room."""
        if self.full:
            return False
        return super().append(run_id, row, expected=expected, kept=kept, record=record)

    async def runs(
        self,
        wanted: RunFilter = ALL,
        *,
        before: RunRecord | None = None,
        limit: int = 100,
    ) -> Sequence[RunRecord]:
        """List runs, unless it is closed."""
        if self.closed:
            raise StoreClosed("the store was closed")
        if self.broken:
            message = "input/output error at /var/lib/secret"
            raise OSError(message)
        return await super().runs(wanted, before=before, limit=limit)

    @property
    def trouble(self) -> str | None:
        """Say what is wrong."""
        return "database or disk is full" if self.full else None


async def test_what_can_not_be_kept_for_now_is_to_be_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeping, "PATIENCE", 0.05)
    store = FullStore()
    async with (
        serving(Engine(tools=installed_tools(), store=store)) as address,
        client_of(address) as client,
    ):
        begun = {**HELLO, "breakpoints": [{"node": "greet"}], "run_id": "r", "wait": 30}
        await client.post(RUN, json=begun)
        store.full = True
        refused = [
            await client.post(RUN, json=HELLO),
            await client.post(f"{RUNS}/r/cancel"),
            await client.get(f"{STATE}/r"),
        ]
        store.full = False

    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (503, "STORE_UNAVAILABLE")
        assert answer.headers["retry-after"] == "1"
        assert "disk is full" in answer.json()["detail"]


async def test_a_request_with_a_key_that_was_told_to_come_again_may_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeping, "PATIENCE", 0.05)
    store = FullStore()
    headers = {"Idempotency-Key": "k"}
    async with (
        serving(Engine(tools=installed_tools(), store=store)) as address,
        client_of(address) as client,
    ):
        store.full = True
        refused = await client.post(RUN, json=HELLO, headers=headers)
        again = await client.post(RUN, json=HELLO, headers=headers)
        store.full = False

    assert (refused.status_code, again.status_code) == (503, 503)
    assert "idempotency-replayed" not in again.headers


async def test_a_store_that_is_closed_is_a_server_that_stops() -> None:
    store = FullStore()
    async with (
        serving(Engine(tools=installed_tools(), store=store)) as address,
        client_of(address) as client,
    ):
        store.closed = True
        answer = await client.get(RUNS)

    assert (answer.status_code, answer.json()["code"]) == (503, "STORE_CLOSED")
    assert "retry-after" not in answer.headers


async def test_more_runs_than_may_go_on_are_told_to_come_again() -> None:
    begun = {**HELLO, "breakpoints": [{"node": "greet"}], "wait": 30}
    headers = {"Idempotency-Key": "k"}
    async with (
        serving(Engine(tools=installed_tools(), max_runs=1)) as address,
        client_of(address) as client,
    ):
        await client.post(RUN, json={**begun, "run_id": "r"})
        refused = await client.post(RUN, json=HELLO, headers=headers)
        await client.post(f"{RUNS}/r/cancel")
        again = await client.post(RUN, json=HELLO, headers=headers)

    assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_RUNS")
    assert refused.headers["retry-after"] == "1"
    assert again.status_code == 202


async def test_whether_runs_can_be_started_is_told_to_whoever_looks_after_the_server() -> None:
    store = FullStore()
    async with (
        serving(Engine(tools=installed_tools(), store=store)) as address,
        client_of(address) as client,
    ):
        well = await client.get("/readyz")
        said: list[tuple[int, str, str]] = []
        for trouble in ("full", "closed", "broken"):
            setattr(store, trouble, True)
            answer = await client.get("/readyz")
            setattr(store, trouble, False)
            said.append((answer.status_code, answer.json()["code"], answer.json()["detail"]))
        again = await client.get("/readyz")
        alive = await client.get("/healthz")

    assert (well.status_code, well.json()["status"]) == (200, "ready")
    assert said == [
        (503, "STORE_UNAVAILABLE", "the store can keep nothing for now: database or disk is full"),
        (503, "STORE_CLOSED", "the store was closed"),
        (503, "STORE_UNAVAILABLE", "the store can't be read"),
    ]
    assert again.status_code == alive.status_code == 200


async def test_a_stream_whose_store_can_not_be_read_is_closed_with_the_reason() -> None:
    store = FullStore()
    async with serving(Engine(tools=installed_tools(), store=store)) as address:
        store.unreadable = True
        async with connect(f"{address.replace('http', 'ws')}/api/v1/ws/workflow/r") as stream:
            with pytest.raises(ConnectionClosed) as closed:
                await stream.recv()

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1011, "the disk does not answer")


async def test_a_failure_of_ours_stands_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Engine) -> None:
        raise EngineError("what nobody thought of")

    async with serving(Engine(tools=installed_tools())) as address, client_of(address) as client:
        monkeypatch.setattr(Engine, "graphs", broken)
        answer = await client.get("/api/v1/graphs")

    assert answer.status_code == 500
    assert "GET /api/v1/graphs failed" in caplog.text
    assert "what nobody thought of" in caplog.text
