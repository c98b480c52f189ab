"""GET /api/v1/blobs/{sha256}: values that are too large to stand in their entries."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from .conftest import RUNS, STATE, begin

if TYPE_CHECKING:
    import httpx2


LARGE = "0123456789" * 7_000


async def test_an_entry_names_a_large_value_and_the_value_can_be_had(
    client: httpx2.AsyncClient,
) -> None:
    run = await begin(client, {"nodes": ["greet"]}, initial_state={"name": LARGE})
    page = await client.get(f"{RUNS}/{run}/log")
    started, *_, completed, _ = page.json()["entries"]

    assert started["state"] == {}
    assert started["blobs"]["name"]["bytes"] == len(LARGE) + 2
    assert completed["patch"] == {}
    name = completed["blobs"]["greeting"]["sha256"]
    assert len(page.content) < 10_000

    found = await client.get(f"/api/v1/blobs/{name}")
    assert found.json() == f"Hello, {LARGE}!"
    assert sha256(found.content).hexdigest() == name
    assert found.headers["Content-Type"] == "application/json"
    assert "immutable" in found.headers["Cache-Control"]
    state = (await client.get(f"{STATE}/{run}")).json()["state"]
    assert state == {"name": LARGE, "greeting": f"Hello, {LARGE}!"}


async def test_what_is_not_there_is_said_to_be_not_there(client: httpx2.AsyncClient) -> None:
    for name in ("0" * 64, "x", "%00", "é"):
        answer = await client.get(f"/api/v1/blobs/{name}")
        assert (answer.status_code, answer.json()["code"]) == (404, "BLOB_NOT_FOUND")
        assert answer.json()["hint"]
