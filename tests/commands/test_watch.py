"""`awe watch`: a run of a server, live and again."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING, Any

from .conftest import FAILS, Done, Server, serving, started

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    Awe = Callable[..., Done]

PAUSED = {"breakpoints": [{"node": "echo"}]}


def log_of(server: Server, run_id: str) -> list[dict[str, Any]]:
    """Read the log of a run, page by page."""
    page = server.ask(f"/api/v1/runs/{run_id}/log?limit=1000")
    assert page["next"] is None
    entries: list[dict[str, Any]] = page["entries"]
    return entries


def test_a_run_that_ended_is_told_again_from_its_beginning(awe: Awe, server: Server) -> None:
    server.start("told")
    done = awe("watch", "told", "--server", server.address)
    lines = done.out.splitlines()

    assert (done.status, done.err) == (0, "")
    assert [int(line.split()[0]) for line in lines] == [e["seq"] for e in log_of(server, "told")]
    assert lines[0].split()[2:4] == ["run.started", "chorus"]
    assert "greet  " in lines[3]
    assert 'greeting="Hello, world!"' in lines[3]
    assert lines[-1].split()[2] == "run.completed"


def test_for_programs_it_writes_the_entries_as_they_stand_in_the_log(
    awe: Awe, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWE_SERVER", server.address)
    server.start("raw")
    entries = log_of(server, "raw")

    assert [json.loads(line) for line in awe("watch", "raw", "--json").out.splitlines()] == entries
    later = awe("watch", "raw", "--json", "--after", "5").out.splitlines()
    assert [json.loads(line)["seq"] for line in later] == [e["seq"] for e in entries[6:]]


def test_behind_the_end_of_a_run_there_is_nothing_to_tell_but_how_it_ended(
    awe: Awe, server: Server
) -> None:
    server.start("over")

    assert awe("watch", "over", "--after", "9999", "--server", server.address) == (0, "", "")


def test_without_a_name_it_is_the_run_that_began_last(awe: Awe, server: Server) -> None:
    server.start("before")
    server.start("latest", initial_state={"name": "Grace"})

    assert "Grace" in awe("watch", "--server", server.address).out


def test_a_run_that_failed_ends_with_1_and_its_report(awe: Awe, server: Server) -> None:
    server.start("failed", initial_state=json.loads(FAILS))
    done = awe("watch", "failed", "--server", server.address)

    assert done.status == 1
    assert done.out.splitlines()[-1].split()[2] == "run.failed"
    assert "run 'failed' of graph 'chorus' failed at node 'count_words'" in done.err
    assert "curl -sS --json '{" in done.err
    assert f"{server.address}/api/v1/runs/failed/" in done.err


def test_a_run_that_goes_on_is_watched_live_to_its_end(server: Server) -> None:
    server.start("live", **PAUSED)
    with started("watch", "live", "--json", "--server", server.address) as watching:
        assert watching.stdout is not None
        seen = [json.loads(watching.stdout.readline()) for _ in log_of(server, "live")]
        assert seen[-1]["type"] == "run.paused"
        server.ask("/api/v1/runs/live/breakpoints", {"breakpoints": []})
        server.ask("/api/v1/runs/live/resume", {})
        seen += map(json.loads, watching.stdout)

    assert watching.returncode == 0
    assert seen == log_of(server, "live")


def test_ctrl_c_ends_watching_with_130_and_costs_the_run_nothing(server: Server) -> None:
    server.start("left", **PAUSED)
    with started("watch", "left", "--server", server.address) as watching:
        assert watching.stdout is not None
        assert watching.stderr is not None
        assert "run.started" in watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        assert watching.wait(10) == 130
        (said,) = watching.stderr.read().splitlines()
        assert re.fullmatch(
            r"awe: interrupted after entry (-?\d+) "
            rf"\(awe watch left --after \1 --server {server.address} goes on there\)",
            said,
        )

    assert server.ask("/api/v1/graph/state/left")["status"] == "paused"


def test_it_goes_on_when_the_server_does_with_a_file_behind_it(tmp_path: Path) -> None:
    store = str(tmp_path / "runs.db")
    told = {"graph_id": "hello", "breakpoints": [{"node": "count_words"}]}
    with serving("--store", store) as first:
        first.start("kept", **told)
        port = first.address.rpartition(":")[2]
        with started("watch", "kept", "--json", "--server", first.address) as watching:
            assert watching.stdout is not None
            assert watching.stderr is not None
            before = [json.loads(watching.stdout.readline()) for _ in log_of(first, "kept")]
            first.process.kill()
            assert "trying again" in watching.stderr.readline()
            first.process.wait()
            with serving("--store", store, "--port", port) as second:
                second.ask("/api/v1/runs/kept/resume", {})
                after = list(map(json.loads, watching.stdout))
                assert before + after == log_of(second, "kept")

    assert watching.returncode == 0


def test_a_run_that_there_is_not_is_refused_in_a_line(awe: Awe, server: Server) -> None:
    done = awe("watch", "nobody", "--server", server.address)

    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("awe: there is no run 'nobody'")
    assert done.err.count("\n") == 1
