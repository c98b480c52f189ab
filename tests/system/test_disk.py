"""A server on a disk of 2 MB: it gets full, and has room again; or can only be read."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx2
import pytest

from tests.served import ROOT

if TYPE_CHECKING:
    from collections.abc import Generator

RUN: Final = "/api/v1/graph/run"

RUNS: Final = 4

WORDS: Final = 200

GRAPH: Final = {
    "name": "chorus",
    "edges": {
        "greet": "count_words",
        "count_words": [{"when": f"words < {WORDS}", "to": "echo"}, {"to": None}],
        "echo": "count_words",
    },
    "entry": "greet",
}

MOUNTED: Final = 'mount -t tmpfs -o size=2m awe "$1" && shift && exec "$@"'

AGAIN: Final = 'mount -o remount,ro "$1" && shift && exec "$@"'


def on_a_disk_of_its_own(folder: Path, script: str, *command: str) -> list[str]:
    """Give the command that runs another where `folder` is a small disk, and nowhere else is."""
    return [
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        script,
        "sh",
        str(folder),
        *command,
    ]


@pytest.fixture(scope="module", autouse=True)
def _may_mount(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip all where nobody may have a disk of his own."""
    folder = tmp_path_factory.mktemp("disk")
    try:
        tried = subprocess.run(
            on_a_disk_of_its_own(folder, MOUNTED, "true"), capture_output=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("there is no unshare (Debian: apt-get install util-linux)")
    if tried.returncode:
        pytest.skip(f"no disk may be mounted here: {tried.stderr.decode().strip()}")


class Disk:
    """A server, and the disk that only it has."""

    def __init__(self, process: subprocess.Popen[str], folder: Path, address: str) -> None:
        self._folder = Path(f"/proc/{process.pid}/root{folder}")
        self.client = httpx2.Client(base_url=address, timeout=30)

    def fill(self) -> None:
        """Leave no byte free."""
        with (
            (self._folder / "filler").open("ab", buffering=0) as filler,
            pytest.raises(OSError, match="No space left"),
        ):
            [filler.write(bytes(4096)) for _ in range(1_000)]

    def empty(self) -> None:
        """Make room again."""
        (self._folder / "filler").unlink()


@contextmanager
def served(folder: Path) -> Generator[Disk, None, None]:
    """Serve on a disk of 2 MB."""
    serve = ("-m", "api", "serve", "--port", "0", "--store", str(folder / "runs.db"))
    with subprocess.Popen(
        on_a_disk_of_its_own(folder, MOUNTED, sys.executable, *serve),
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as server:
        try:
            assert server.stdout is not None
            found = next(
                (
                    found[0]
                    for line in server.stdout
                    if (found := re.search(r"http://127\.0\.0\.1:\d+", line))
                ),
                None,
            )
            assert found is not None, "the server said nothing"
            disk = Disk(server, folder, found)
            with disk.client:
                yield disk
        finally:
            server.kill()


def until_trouble(client: httpx2.Client) -> dict[str, Any]:
    """Wait until the server says that it can keep nothing."""
    while (answer := client.get("/readyz")).status_code == 200:
        time.sleep(0.01)
    assert answer.status_code == 503, answer.text
    assert answer.headers["retry-after"] == "1"
    found: dict[str, Any] = answer.json()
    return found


def entries(client: httpx2.Client, run: str) -> list[dict[str, Any]]:
    """Give the log of a run."""
    found: list[dict[str, Any]] = []
    after: int | None = -1
    while after is not None:
        page = client.get(f"/api/v1/runs/{run}/log?after={after}&limit=1000").json()
        found += page["entries"]
        after = page["next"]
    return found


@pytest.mark.timeout(40)
def test_a_full_disk_loses_nothing_and_runs_go_on_when_there_is_room_without_a_restart(
    tmp_path: Path,
) -> None:
    with served(tmp_path) as disk:
        client = disk.client
        assert client.post("/api/v1/graph/create", json=GRAPH).is_success
        before: dict[str, list[dict[str, Any]]] = {}
        for n in range(RUNS):
            begun = {"graph_id": "chorus", "run_id": f"r{n}", "initial_state": {"name": "Ada"}}
            assert client.post(RUN, json=begun).status_code == 202
        disk.fill()
        trouble = until_trouble(client)
        before |= {f"r{n}": entries(client, f"r{n}") for n in range(RUNS)}
        refused = client.post(
            RUN, json={"graph_id": "hello", "run_id": "late", "initial_state": {}}
        )
        still = client.get("/readyz").status_code

        disk.empty()

        after = {}
        for run in before:
            while client.get(f"/api/v1/graph/state/{run}").json()["status"] != "completed":
                time.sleep(0.02)
            after[run] = entries(client, run)
        ready = client.get("/readyz").status_code

    assert (trouble["code"], still, ready) == ("STORE_FULL", 503, 200)
    assert str(tmp_path / "runs.db") in trouble["detail"]
    assert "the disk is full" in trouble["detail"]
    assert "make room on it" in trouble["hint"]
    assert refused.status_code == 503
    assert refused.json()["code"] == "STORE_FULL"
    assert refused.headers["retry-after"] == "1"
    cut = sum(log[-1]["type"] != "run.completed" for log in before.values())
    assert cut > 0, "every run was over before the disk was full"
    for run, log in before.items():
        assert after[run][: len(log)] == log, f"{run} lost what was shown"
        assert [each["seq"] for each in after[run]] == [*range(len(after[run]))]
        done = [each["activation"] for each in after[run] if each["type"] == "node.completed"]
        assert len(done) == len(set(done)), f"{run} did something twice"


@pytest.mark.timeout(60)
def test_a_disk_that_can_only_be_read_is_said_before_anything_begins(tmp_path: Path) -> None:
    made = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('CREATE TABLE t (x)')"
    path = tmp_path / "runs.db"
    serve = [sys.executable, "-m", "api", "serve", "--port", "0", "--store", str(path)]
    remounted = [*serve[:1], "-c", made, str(path)]
    script = f'mount -t tmpfs awe "$1" && {{ {" ".join(map(json.dumps, remounted))}; }} && ' + AGAIN

    ended = subprocess.run(
        on_a_disk_of_its_own(tmp_path, script, *serve),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
    )

    assert ended.returncode == 1, ended.stderr
    assert f"the database '{path}' can only be read" in ended.stderr
    assert "mount the disk for writing" in ended.stderr
