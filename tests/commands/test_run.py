"""`awe run` with a file: a run in the process of the command."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from .conftest import BROKEN, FAILS, Done, Server, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Awe = Callable[..., Done]

FINAL = {"max_words": 4, "name": "world", "greeting": "Hello, world! world! world!", "words": 4}


def test_the_final_state_is_all_that_is_written_to_standard_output(awe: Awe, chorus: str) -> None:
    done = awe("run", chorus)

    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out) == FINAL


def test_a_state_comes_from_the_command_line_or_from_a_file(
    awe: Awe, chorus: str, tmp_path: Path
) -> None:
    given = tmp_path / "ada.json"
    given.write_text('{"name": "Ada", "max_words": 2}')

    for state in ('{"name": "Ada", "max_words": 2}', f"@{given}"):
        assert json.loads(awe("run", chorus, "--state", state).out)["greeting"] == "Hello, Ada!"


def test_a_graph_and_its_state_may_come_from_standard_input(
    awe: Awe, chorus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def typed(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    typed('{"greet": "count_words"}')
    assert json.loads(awe("run", "-", "--state", '{"name": "Ada"}').out)["words"] == 2
    typed('{"max_words": 3}')
    assert json.loads(awe("run", chorus, "--state", "@-").out)["words"] == 3


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ('{"name"', "not JSON at line 1, column 8"),
        ("[]", "must be an object of JSON, got list"),
        ("@nowhere.json", "can't read 'nowhere.json': No such file"),
        ('{"name": 1e999}', "not JSON"),
    ],
)
def test_a_state_that_is_none_is_refused_in_a_line(
    awe: Awe, chorus: str, state: str, said: str
) -> None:
    done = awe("run", chorus, "--state", state)

    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("where", ["here", "there"])
def test_all_that_is_wrong_with_a_document_is_said_at_once_with_its_tools(
    awe: Awe, tmp_path: Path, where: str, server: Server
) -> None:
    path = tmp_path / "wrong.json"
    path.write_text('{"nodes": {"greet": {"timeout": "soon"}, "sing": "sing"}, "edges": {}}')
    done = awe("run", str(path), *(("--server", server.address) if where == "there" else ()))

    assert (done.status, done.out) == (2, "")
    assert done.err.splitlines()[0].endswith(" has 3 problems")
    for part in (
        "/nodes/greet/timeout: expected a number",
        "/nodes/sing/tool: node 'sing' names the tool 'sing', which does not exist",
    ):
        assert part in done.err


def test_watched_it_shows_every_entry_beside_the_result(awe: Awe, chorus: str) -> None:
    done = awe("run", chorus, "--watch")
    lines = done.err.splitlines()

    assert json.loads(done.out) == FINAL
    assert [int(line.split()[0]) for line in lines] == list(range(len(lines)))
    assert "run.started" in lines[0]
    assert 'greeting="Hello, world!"' in done.err
    assert lines[-1].split()[2] == "run.completed"


def test_a_run_that_fails_ends_with_1_and_its_report(awe: Awe, chorus: str) -> None:
    done = awe("run", chorus, "--state", FAILS, "--run-id", "r")

    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("run 'r' of graph 'chorus' failed at node 'count_words' (attempt 1)")
    assert 'state      max_words = "many"' in done.err
    assert "hint       convert one of them" in done.err


def test_what_can_be_done_about_a_run_that_is_kept_is_done_by_a_paste(
    awe: Awe, tmp_path: Path
) -> None:
    store, loop = str(tmp_path / "runs.db"), tmp_path / "loop.json"
    loop.write_text(
        """{"name": "loop", "entry": "greet", "limits": {"max_visits": 2},
            "edges": {"greet": "count_words", "echo": "count_words",
                      "count_words": [{"when": "words < 4", "to": "echo"}, {"to": null}]}}"""
    )
    done = awe("run", str(loop), "--state", '{"name": "A"}', "--store", store)

    assert done.status == 1
    assert f"what can be done, when it is served (awe serve --store {store}):" in done.err
    call = done.err.splitlines()[-1].strip()
    with serving("--store", store) as server:
        call = call.replace("http://127.0.0.1:8000", server.address)
        made = json.loads(subprocess.check_output(call, shell=True))  # noqa: S602  # a paste
        assert made["origin"]["run_id"] == done.err.split("'")[1]


def test_what_could_be_done_about_a_run_that_is_not_kept_is_only_said(
    awe: Awe, chorus: str
) -> None:
    done = awe("run", chorus, "--state", FAILS)

    assert "1. " in done.err
    assert "what could be done, had the run been kept (--store runs.db):" in done.err
    assert "curl" not in done.err


def test_a_graph_that_is_none_is_refused_with_all_its_problems(awe: Awe, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text(BROKEN)
    done = awe("run", str(path))

    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"awe: {path} has 2 problems\n  /nodes/sing/tool: ")


def test_a_run_that_is_kept_is_there_when_it_is_served(
    awe: Awe, chorus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = str(tmp_path / "runs.db")
    monkeypatch.setenv("AWE_STORE", f"sqlite:///{store}")

    assert awe("run", chorus, "--run-id", "kept", "--tag", "team=red").status == 0
    again = awe("run", chorus, "--run-id", "kept")
    assert again.status == 2
    assert "there is a run 'kept' already" in again.err
    with serving("--store", store) as server:
        assert server.ask("/api/v1/graph/state/kept")["state"] == FINAL
        assert server.ask("/api/v1/runs")["runs"][0]["tags"] == {"team": "red"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tag", "red"], "the tag 'red' has no value"),
        (["--run-id", "a b"], "'a b' can't be the name of a run"),
        (["--no-wait"], "a run that goes on here is waited for"),
        (["--store", "redis://secret@host"], "there is no store 'redis:'"),
    ],
)
def test_what_a_run_can_not_be_told_is_refused_in_a_line(
    awe: Awe, chorus: str, words: list[str], said: str
) -> None:
    done = awe("run", chorus, *words)

    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert "secret" not in done.err
    assert done.err.count("\n") == 1


def test_a_run_that_waits_for_a_person_is_not_waited_for(awe: Awe, tmp_path: Path) -> None:
    path = tmp_path / "asks.json"
    path.write_text(
        """{"name": "asks", "nodes": {"count_words": {"on_exhausted": "pause"}}, "edges": {}}"""
    )
    done = awe("run", str(path), "--watch", "--run-id", "r")

    assert (done.status, done.out) == (1, "")
    assert "run.paused" in done.err
    assert "run 'r' of graph 'asks' is paused at node 'count_words'" in done.err
