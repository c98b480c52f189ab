"""The header Idempotency-Key of every POST that makes something."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine import Engine, MemoryStore, SQLiteStore, StoreClosed, installed_tools

from .conftest import RUNS, STATE, begin, client_of, fails, rested, serving, waits

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    import httpx2

    from engine import Json, Store

CREATE = "/api/v1/graph/create"
RUN = "/api/v1/graph/run"
KEY = {"Idempotency-Key": "4b6c0f4e-order-17"}
HELLO: dict[str, Json] = {"graph_id": "hello", "initial_state": {}}
FAILS: dict[str, Json] = {"name": "fails", "nodes": ["fails"]}

POSTS: dict[str, tuple[str, Json]] = {
    "create": (CREATE, {"name": "new", "nodes": ["greet"]}),
    "run": (RUN, HELLO),
    "run with a name": (RUN, {**HELLO, "run_id": "r"}),
    "run and wait": (RUN, {**HELLO, "wait": 30}),
    "fork": (f"{RUNS}/failed/fork", {"patch": {"a": 1}}),
    "fork with a name": (f"{RUNS}/failed/fork", {"run_id": "f"}),
    "retry": (f"{RUNS}/failed/retry", {}),
    "retry with a name": (f"{RUNS}/failed/retry", {"run_id": "f"}),
}


@pytest.fixture
async def engine(tmp_path: Path) -> Engine:
    """Give an engine whose store keeps a little later, so that requests can overtake others."""
    return serves(SQLiteStore(tmp_path / "runs.db"))


@pytest.fixture(params=POSTS)
async def post(request: pytest.FixtureRequest, client: httpx2.AsyncClient) -> tuple[str, Json]:
    """Give each request that makes something, with all that it needs there already."""
    await begin(client, FAILS, run_id="failed")
    return POSTS[request.param]


def serves(store: Store) -> Engine:
    """Make an engine with the tools of these tests."""
    return Engine(tools=[*installed_tools(), waits, fails], store=store)


async def made(client: httpx2.AsyncClient) -> int:
    """Count the runs."""
    return len((await client.get(f"{RUNS}?limit=1000")).json()["runs"])


async def test_the_same_request_again_gets_the_same_answer_and_makes_nothing(
    client: httpx2.AsyncClient, post: tuple[str, Json]
) -> None:
    path, body = post
    first = await client.post(path, json=body, headers=KEY)
    runs = await made(client)
    if path != CREATE:  # the run goes on meanwhile, and ends: the answer is that of then
        await rested(client, first.json()["run_id"])
    again = await client.post(path, json=body, headers=KEY)

    assert first.is_success
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers.get("location") == first.headers.get("location")
    assert await made(client) == runs


async def test_five_at_once_have_one_effect_and_one_answer(
    client: httpx2.AsyncClient, post: tuple[str, Json]
) -> None:
    path, body = post
    runs = await made(client)
    async with asyncio.TaskGroup() as group:
        posts = [group.create_task(client.post(path, json=body, headers=KEY)) for _ in range(5)]

    answers = [each.result() for each in posts]
    assert len({(each.status_code, each.content) for each in answers}) == 1
    assert answers[0].is_success
    assert [each.headers.get("idempotency-replayed") for each in answers].count(None) == 1
    assert await made(client) == runs + (path != CREATE)


async def test_without_the_header_each_request_has_an_effect(client: httpx2.AsyncClient) -> None:
    answers = [await client.post(RUN, json=HELLO) for _ in range(2)]

    assert await made(client) == 2
    assert all("idempotency-replayed" not in each.headers for each in answers)


async def test_another_request_with_the_key_is_refused(client: httpx2.AsyncClient) -> None:
    await begin(client, FAILS, run_id="failed")
    await client.post(RUN, json=HELLO, headers=KEY)
    others = [
        await client.post(RUN, json={**HELLO, "wait": 1}, headers=KEY),
        await client.post(CREATE, json={"nodes": ["greet"]}, headers=KEY),
        await client.post(f"{RUNS}/failed/retry", headers=KEY),
    ]

    assert [each.status_code for each in others] == [422] * 3
    assert {each.json()["code"] for each in others} == {"IDEMPOTENCY_KEY_REUSED"}
    assert await made(client) == 2


async def test_a_body_that_is_left_out_is_an_empty_one(client: httpx2.AsyncClient) -> None:
    await begin(client, FAILS, run_id="failed")
    first = await client.post(f"{RUNS}/failed/retry", headers=KEY)
    again = await client.post(f"{RUNS}/failed/retry", json={}, headers=KEY)

    assert again.content == first.content


async def test_a_refusal_is_an_answer_too(client: httpx2.AsyncClient) -> None:
    await client.post(RUN, json={**HELLO, "run_id": "r"})
    wanted = {**HELLO, "run_id": "r", "initial_state": {"name": "x"}}
    first = await client.post(RUN, json=wanted, headers=KEY)
    again = await client.post(RUN, json=wanted, headers=KEY)

    assert (first.status_code, first.json()["code"]) == (409, "RUN_EXISTS")
    assert (again.status_code, again.content) == (409, first.content)
    assert again.headers["content-type"] == "application/problem+json"


async def test_a_request_that_can_not_be_read_or_names_nothing_takes_no_key(
    client: httpx2.AsyncClient,
) -> None:
    unread = await client.post(RUN, json={"graph": "hello"}, headers=KEY)
    nameless = await client.post(RUN, json={**HELLO, "graph_id": "x"}, headers=KEY)
    origin = await client.post(f"{RUNS}/nobody/fork", headers=KEY)
    good = await client.post(RUN, json=HELLO, headers=KEY)

    assert (unread.status_code, nameless.status_code, origin.status_code) == (422, 404, 404)
    assert good.status_code == 202
    assert "idempotency-replayed" not in good.headers


async def test_two_keys_are_two_requests_and_one_name_is_one_run(
    client: httpx2.AsyncClient,
) -> None:
    wanted = {**HELLO, "run_id": "r"}
    keys = [{"Idempotency-Key": f"key-{n}"} for n in range(4)]
    async with asyncio.TaskGroup() as group:
        posts = [group.create_task(client.post(RUN, json=wanted, headers=key)) for key in keys]

    assert sorted(each.result().status_code for each in posts) == [202, 409, 409, 409]


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, "a\tb"])
async def test_a_key_that_can_not_be_one_is_refused(client: httpx2.AsyncClient, key: str) -> None:
    headers = {"Idempotency-Key": key.encode("latin-1")}
    answer = await client.post(RUN, json=HELLO, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_IDEMPOTENCY_KEY")
    assert await made(client) == 0


async def test_two_keys_in_one_request_are_refused(client: httpx2.AsyncClient) -> None:
    answer = await client.post(RUN, json=HELLO, headers=[*KEY.items(), ("Idempotency-Key", "b")])

    assert answer.status_code == 422


@pytest.mark.parametrize("key", ["x", "x" * 255, '"quoted"', "~!@#$%^&*()"])
async def test_a_key_has_up_to_255_visible_characters(client: httpx2.AsyncClient, key: str) -> None:
    answer = await client.post(RUN, json=HELLO, headers={"Idempotency-Key": key})

    assert answer.status_code == 202


class SlowStore(MemoryStore):
    """A store that is slow to say that a request is noted, and slower to keep an answer."""

    async def remember(self, key: str, answer: bytes, *, at: datetime) -> bytes:
        """Keep an answer; only the first of a kind takes long."""
        if ":answer:" in key and await self.answer("answered") is None:
            await super().remember("answered", b"", at=at)
            await asyncio.sleep(0.1)
        kept = await super().remember(key, answer, at=at)
        if ":request:" in key and kept == answer:
            await asyncio.sleep(0.05)
        return kept


async def test_whoever_comes_while_the_first_is_served_does_not_get_ahead_of_it() -> None:
    path, body = POSTS["run with a name"]
    async with (
        serving(serves(SlowStore())) as address,
        client_of(address) as client,
        asyncio.TaskGroup() as group,
    ):
        posts = [group.create_task(client.post(path, json=body, headers=KEY)) for _ in range(2)]

    assert [each.result().status_code for each in posts] == [202] * 2


# -- a process that dies in between -------------------------------------------------------


class DyingStore(SQLiteStore):
    """A store in whose process everything ends when a certain answer is to be kept."""

    dies_at = ""

    async def remember(self, key: str, answer: bytes, *, at: datetime) -> bytes:
        """Keep an answer, or die of it, before or after."""
        if self.dies_at and f":{self.dies_at}:" in key:
            raise StoreClosed("the process is gone")
        return await super().remember(key, answer, at=at)


@pytest.mark.parametrize("dies_at", ["request", "answer"])
@pytest.mark.parametrize("post", POSTS)
async def test_a_request_that_heard_no_answer_has_one_effect_when_it_comes_again(
    tmp_path: Path, post: str, dies_at: str
) -> None:
    path, body = POSTS[post]
    store = DyingStore(tmp_path / "runs.db")
    async with serving(serves(store)) as address, client_of(address) as client:
        await begin(client, FAILS, run_id="failed")
        store.dies_at = dies_at
        runs = await made(client)
        lost = await client.post(path, json=body, headers=KEY)
    async with (
        serving(serves(SQLiteStore(tmp_path / "runs.db"))) as address,
        client_of(address) as client,
    ):
        first = await client.post(path, json=body, headers=KEY)
        again = await client.post(path, json=body, headers=KEY)
        after = await made(client)
        if path != CREATE:
            assert (await rested(client, first.json()["run_id"]))["status"] in (
                "completed",
                "failed",
            )

    assert lost.status_code == 503
    assert first.is_success, first.text
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert after == runs + (path != CREATE)


async def test_an_answer_is_the_same_after_a_restart(tmp_path: Path) -> None:
    answers: list[tuple[int, bytes]] = []
    for _ in range(2):
        store = SQLiteStore(tmp_path / "runs.db")
        async with serving(serves(store)) as address, client_of(address) as client:
            answer = await client.post(RUN, json=HELLO, headers=KEY)
            answers.append((answer.status_code, answer.content))
            await rested(client, answer.json()["run_id"])
            assert await made(client) == 1

    assert answers[0] == answers[1]


async def test_somebody_who_was_faster_with_the_name_is_not_taken_for_the_first(
    tmp_path: Path,
) -> None:
    store = DyingStore(tmp_path / "runs.db")
    wanted: Json = {"graph_id": "fails", "initial_state": {}, "run_id": "r"}
    engine = serves(store)
    async with serving(engine) as address, client_of(address) as client:
        await begin(client, FAILS, run_id="failed")
        key = "idempotency:default:request:" + KEY["Idempotency-Key"]
        noted = await _note_of(client, store, wanted)
        assert await engine.remember(key, noted) == noted
        await client.post(RUN, json={**HELLO, "run_id": "r"})
        run = await client.post(RUN, json=wanted, headers=KEY)

    assert (run.status_code, run.json()["code"]) == (409, "RUN_EXISTS")
    assert run.json()["details"]["location"] == f"{STATE}/r"


async def _note_of(client: httpx2.AsyncClient, store: DyingStore, wanted: Json) -> bytes:
    """Give what is noted of a request before it does anything."""
    notes: list[bytes] = []

    class _Noted(StoreClosed):
        pass

    remember: Callable[..., object] = store.remember

    async def note(_: str, answer: bytes, **__: object) -> bytes:
        notes.append(answer)
        raise _Noted("only looking")

    store.remember = note  # type: ignore[method-assign]  # put back below
    await client.post(RUN, json=wanted, headers=KEY)
    store.remember = remember  # type: ignore[method-assign,assignment]  # as it was
    return notes[0]
