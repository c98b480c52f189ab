"""The command `awe`, as a process."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

AWE = [sys.executable, "-W", "error", "-m", "api"]


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_serves_and_stops(stop: signal.Signals) -> None:
    with subprocess.Popen(
        [*AWE, "serve", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        said = server.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert found is not None
        with urllib.request.urlopen(f"{found[0]}/healthz") as answer:  # noqa: S310  # our own
            assert json.load(answer)["status"] == "ok"
        server.send_signal(stop)
        assert server.wait(10) == 0
        assert server.stderr.read() == "awe: stopping; Ctrl-C again ends it at once\n"


@contextmanager
def served(*arguments: str, **told: Any) -> Iterator[tuple[str, str, subprocess.Popen[str]]]:
    """Start the command, and give all that it says, its address and the process."""
    with subprocess.Popen(
        [*AWE, "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **told,
    ) as server:
        assert server.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            line = server.stdout.readline()
            assert line, server.communicate()
            said += line
        found = re.search(r"http://\S+:\d+", said)
        assert found is not None
        try:
            yield said, found[0], server
        finally:
            server.kill()


def asked(address: str, body: dict[str, object] | None = None) -> dict[str, object]:
    """Ask the server, and give its answer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(address, data, headers)  # noqa: S310  # our own
    with urllib.request.urlopen(request) as answer:  # noqa: S310  # as above
        found: dict[str, object] = json.load(answer)
        return found


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_runs_that_are_kept_in_a_file_outlive_the_process(tmp_path: Path, durability: str) -> None:
    path = str(tmp_path / "runs.db")
    arguments = ("--store", path, "--durability", durability)
    wanted = {"graph_id": "hello", "run_id": "r", "initial_state": {}}
    at = {"breakpoints": [{"node": "count_words"}], "wait": 30}
    with served(*arguments) as (said, address, server):
        assert re.search(rf"store +{path}$", said, re.MULTILINE)
        paused = asked(f"{address}/api/v1/graph/run", {**wanted, **at})
        server.kill()
    with served(*arguments) as (_, address, _):
        assert asked(f"{address}/api/v1/graph/state/r") == paused
        asked(f"{address}/api/v1/runs/r/resume", {})
        while (shown := asked(f"{address}/api/v1/graph/state/r"))["status"] != "completed":
            pass

    assert shown["state"] == {"name": "world", "greeting": "Hello, world!", "words": 2}


def test_without_a_file_it_says_that_runs_are_kept_in_memory() -> None:
    with served() as (said, _, _):
        assert re.search("store +memory: runs are gone when it stops", said)


def test_the_environment_may_say_where_runs_are_kept(tmp_path: Path) -> None:
    environment = {**os.environ, "AWE_STORE": "sqlite:///here.db", "PYTHONPATH": str(ROOT)}
    with served(cwd=tmp_path, env=environment) as (said, _, _):
        assert re.search("store +here.db", said)
        assert (tmp_path / "here.db").is_file()


def test_the_three_lines_that_it_gives_to_paste_do_what_it_says() -> None:
    with served() as (said, address, _):
        lines = [line.strip() for line in said.splitlines() if line.startswith("  ")]
        run, watch, runs = (line for line in lines if "curl" in line or "-m api" in line)
        reviewed = json.loads(subprocess.check_output(run, shell=True))  # noqa: S602  # a paste
        watched = subprocess.check_output(watch, shell=True, text=True)  # noqa: S602  # as above
        listed = subprocess.check_output(runs, shell=True, text=True)  # noqa: S602  # as above

        assert reviewed["status"] == "completed"
        assert "run.started" in watched
        assert "run.completed" in watched.splitlines()[-1]
        assert reviewed["run_id"] in listed
        assert reviewed["graph_id"] in re.findall(r"graphs +(.*)", said)[0].split(", ")
        assert address in watch


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104  # what is refused
def test_an_address_that_others_can_reach_has_to_be_told_twice(host: str) -> None:
    refused = subprocess.run(
        [*AWE, "serve", "--port", "0", "--host", host], capture_output=True, text=True, check=False
    )

    assert (refused.returncode, refused.stdout) == (2, "")
    assert "there is no access control yet" in refused.stderr
    assert f"awe serve --host {host} --open-to-anyone" in refused.stderr
    with served("--host", host, "--open-to-anyone") as (said, _, _):
        assert "whoever reaches this machine may do everything here" in said


@pytest.mark.parametrize("store", ["nowhere/runs.db", "", "text"])
def test_a_file_that_can_not_be_one_is_an_error_in_one_line(tmp_path: Path, store: str) -> None:
    (tmp_path / "text").write_text("this is no database, whatever it is called" * 100)
    done = subprocess.run(
        [*AWE, "serve", "--port", "0", "--store", store],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("awe: ")
    assert done.stderr.count("\n") == 1


def test_a_durability_that_there_is_not_is_refused() -> None:
    done = subprocess.run(
        [*AWE, "serve", "--durability", "never"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "sync" in done.stderr


def test_a_port_that_is_taken_is_an_error_that_names_who_has_it_and_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*AWE, "serve", "--port", str(port)], capture_output=True, text=True, check=False
        )

    assert done.returncode == 1
    assert f"awe: port {port} is taken by process {os.getpid()} (" in done.stderr
    other = re.search(r"make run PORT=(\d+), or awe serve --port (\d+)", done.stderr)
    assert other is not None
    assert int(other[1]) == int(other[2]) > port
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_without_a_command_it_says_which_there_are() -> None:
    done = subprocess.run(AWE, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "serve" in done.stderr
