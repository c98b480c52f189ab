"""The file is taken from under a server: whoever asks is told what was seen and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import Engine, SQLiteStore, installed_tools
from tests.api.conftest import STATE, client_of, serving

if TYPE_CHECKING:
    from pathlib import Path

RUN = "/api/v1/graph/run"


async def test_a_server_whose_file_was_deleted_says_so_and_all_that_was_kept_is_served_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / "runs.db"
    begun = {"graph_id": "hello", "run_id": "r", "initial_state": {"name": "Ada"}, "wait": 30}
    async with (
        serving(Engine(tools=installed_tools(), store=SQLiteStore(path))) as address,
        client_of(address) as client,
    ):
        kept = (await client.post(RUN, json=begun)).json()
        paused = {**begun, "run_id": "p", "breakpoints": [{"node": "greet"}]}
        assert (await client.post(RUN, json=paused)).json()["status"] == "paused"
        path.unlink()
        refused = [
            await client.post(RUN, json={**begun, "run_id": "late"}),
            await client.post("/api/v1/runs/p/resume"),
            await client.get("/api/v1/runs"),
            await client.get("/readyz"),
        ]
        alive = await client.get("/healthz")

    for answer in refused:
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (503, "STORE_GONE"), problem
        assert f"'{path}' was deleted or moved while it was open" in problem["detail"]
        assert f"is saved in '{path}.saved'" in problem["hint"]
        assert "retry-after" not in answer.headers
    assert alive.status_code == 200
    path.with_name("runs.db.saved").rename(path)
    async with (
        serving(Engine(tools=installed_tools(), store=SQLiteStore(path))) as address,
        client_of(address) as client,
    ):
        again = (await client.get(f"{STATE}/r")).json()
        assert {key: again[key] for key in ("state", "status", "seq")} == {
            key: kept[key] for key in ("state", "status", "seq")
        }
        assert (await client.post("/api/v1/runs/p/resume")).is_success
