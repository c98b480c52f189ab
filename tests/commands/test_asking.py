"""Commands that ask a server: `runs`, `tools`, and `run` with the name of a graph."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import TYPE_CHECKING

import httpx2
import pytest

from api.commands.server_client import DOING, READING, ServerClient

from .conftest import BROKEN, FAILS, Done, Server, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Awe = Callable[..., Done]

NOBODY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _there(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the environment say where the server is."""
    monkeypatch.setenv("AWE_SERVER", server.address)


# -- run ------------------------------------------------------------------------------------


def test_a_graph_of_the_server_is_run_there_to_its_end(awe: Awe, server: Server) -> None:
    done = awe("run", "chorus", "--state", '{"name": "Ada"}', "--run-id", "ada", "--tag", "a=b")

    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out) == server.ask("/api/v1/graph/state/ada")["state"]
    assert server.ask("/api/v1/runs?limit=1")["runs"][0]["tags"] == {"a": "b"}


def test_watched_there_its_entries_are_shown_beside_the_result(awe: Awe) -> None:
    done = awe("run", "hello", "--watch")

    assert json.loads(done.out)["words"] == 2
    assert "run.started" in done.err.splitlines()[0]
    assert "run.completed" in done.err.splitlines()[-1]


def test_it_need_not_be_waited_for(awe: Awe) -> None:
    done = awe("run", "hello", "--no-wait", "--run-id", "alone")

    assert done.status == 0
    assert json.loads(done.out)["run_id"] == "alone"


def test_a_run_that_fails_there_ends_with_1_and_its_report(awe: Awe, server: Server) -> None:
    done = awe("run", "chorus", "--state", FAILS, "--run-id", "lost")

    assert (done.status, done.out) == (1, "")
    assert "run 'lost' of graph 'chorus' failed at node 'count_words'" in done.err
    assert "what can be done:" in done.err
    assert f"{server.address}/api/v1/runs/lost/retry" in done.err


def test_a_document_is_created_there_only_if_the_server_is_named(
    awe: Awe, chorus: str, server: Server
) -> None:
    awe("run", chorus, "--run-id", "here")
    there = awe("run", chorus, "--run-id", "there", "--server", server.address)

    assert json.loads(there.out)["words"] == 4
    listed = json.loads(awe("runs", "--json", "--limit", "1000").out)
    assert {"here", "there"} & {each["run_id"] for each in listed} == {"there"}


def test_all_that_the_server_refuses_a_document_for_is_said(
    awe: Awe, server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "broken.json"
    path.write_text(BROKEN)
    done = awe("run", str(path), "--server", server.address)

    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("awe: the graph has 2 problems")
    assert "/nodes/dance/tool: node 'dance' names the tool 'dance'" in done.err


def test_a_run_that_is_paused_there_is_not_waited_for(
    awe: Awe, tmp_path: Path, server: Server
) -> None:
    path = tmp_path / "asks.json"
    path.write_text('{"name": "asks", "nodes": {"count_words": {"on_exhausted": "pause"}}}')
    done = awe("run", str(path), "--run-id", "asks", "--server", server.address)

    assert (done.status, done.out) == (1, "")
    assert "run 'asks' of graph 'asks' is paused at node 'count_words'" in done.err


# -- runs -----------------------------------------------------------------------------------


def test_runs_are_listed_the_latest_first(awe: Awe, server: Server) -> None:
    for name in ("one", "two"):
        server.start(name)
    lines = awe("runs").out.splitlines()

    assert lines[0].split() == ["run", "graph", "status", "began", "took", "error"]
    assert lines[1].split()[:3] == ["two", "chorus", "completed"]
    assert lines[2].split()[:3] == ["one", "chorus", "completed"]
    assert all(line == line.rstrip() for line in lines)


def test_only_those_are_listed_that_are_asked_for(awe: Awe, server: Server) -> None:
    server.start("bad", initial_state=json.loads(FAILS))
    server.start("good")
    server.start("small", graph="hello")

    def names(*words: str) -> list[str]:
        return [each["run_id"] for each in json.loads(awe("runs", "--json", *words).out)]

    assert names("--limit", "2") == ["small", "good"]
    assert names("--status", "failed")[0] == "bad"
    assert names("--status", "failed", "--status", "completed", "--graph", "chorus")[:2] == [
        "good",
        "bad",
    ]
    server.start("tagged", tags={"team": "red", "at": "10:30"})
    assert names("--tag", "team=red") == names("--tag", "team=red", "--tag", "at=10:30")
    assert names("--tag", "team=red")[0] == "tagged"
    assert names("--tag", "team=blue") == []
    assert names("--error", "CONDITION_TYPE")[0] == "bad"
    assert names("--since", "1h", "--limit", "1") == ["tagged"]
    assert names("--until", "1h") == names("--since", "2200-01-01") == []
    assert "CONDITION_TYPE" in awe("runs", "--status", "failed", "--limit", "1").out
    assert awe("runs", "--limit", "1").err == "and more: --limit 2\n"


def test_more_runs_than_fit_on_a_page_are_listed_all(
    awe: Awe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.commands.runs._PAGE", 2)
    listed = json.loads(awe("runs", "--json", "--limit", "5").out)

    assert len({each["run_id"] for each in listed}) == 5


def test_where_there_are_none_that_is_said(awe: Awe) -> None:
    done = awe("runs", "--graph", "nothing")

    assert (done.status, done.out) == (0, "")
    assert done.err.startswith("there are no such runs at http://127.0.0.1:")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "noon"), "--since: expected how long ago, or a time, got 'noon'"),
        (("--until", "1y"), "--until: expected how long ago, or a time, got '1y'"),
        (("--tag", "team"), "the tag 'team' has no value"),
    ],
)
def test_what_can_not_be_asked_for_is_refused(awe: Awe, words: tuple[str, ...], said: str) -> None:
    done = awe("runs", *words)

    assert (done.status, done.out) == (2, "")
    assert said in done.err


def test_a_status_that_there_is_not_is_refused_with_those_there_are(awe: Awe) -> None:
    done = awe("runs", "--status", "sleeping")

    assert done.status == 2
    assert "expected one of running, paused, completed, failed, cancelled" in done.err
    assert done.err.count("\n") == 1


# -- tools ----------------------------------------------------------------------------------


def test_tools_are_listed_here_and_there(awe: Awe, server: Server) -> None:
    here, there = awe("tools"), awe("tools", "--server", server.address)

    for done in (here, there):
        assert done.status == 0
        assert "greet" in done.out
        assert "Greet somebody" in done.out
    wanted = {each["name"] for each in json.loads(awe("tools", "--json").out)}
    found = json.loads(awe("tools", "--json", "--server", server.address).out)
    assert wanted <= {each["name"] for each in found}


def test_tools_of_a_server_are_shown_like_those_here(awe: Awe, server: Server) -> None:
    """With what they take; and of those that were declared there, as what and which."""
    server.ask(
        "/api/v1/tools",
        {
            "name": "invite",
            "kind": "template",
            "description": "Writes a letter.",
            "input": {
                "properties": {"name": {"type": "string"}, "note": {"type": "string"}},
                "required": ["name"],
            },
            "output": {"letter": "Dear {name}"},
        },
    )
    lines = awe("tools", "--server", server.address).out.splitlines()
    at = lines.index("invite(name, note?)  template, version 1")

    assert lines[at + 1] == "    Writes a letter."
    assert set(awe("tools").out.splitlines()) <= set(lines)
    found = json.loads(awe("tools", "--json", "--server", server.address).out)
    (invite,) = [each for each in found if each["name"] == "invite"]
    assert invite["input_schema"]["required"] == ["name"]
    for each in json.loads(awe("tools", "--json").out):
        assert each in found


# -- nobody there -------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["runs"], ["watch", "r"], ["run", "hello"], ["tools"]])
def test_where_nobody_answers_it_says_how_to_start_a_server(awe: Awe, words: list[str]) -> None:
    done = awe(*words, "--server", NOBODY)

    assert (done.status, done.out) == (1, "")
    assert done.err == (
        f"awe: no server answers at {NOBODY} (start one: make run PORT=9, or awe serve --port 9)\n"
    )


@pytest.mark.parametrize(
    ("address", "cure"),
    [
        ("http://127.0.0.1:8000", "start one: make run, or awe serve"),
        ("http://localhost:8000/", "start one: make run, or awe serve"),
        ("http://127.0.0.1", "start one: make run PORT=80, or awe serve --port 80"),
        (
            "http://[::1]:8001",
            "start one: make run HOST=::1 PORT=8001, or awe serve --host ::1 --port 8001",
        ),
        ("http://nowhere.invalid:8000", "say where one is: --server URL, or AWE_SERVER"),
        ("https://127.0.0.1:8000", "say where one is: --server URL, or AWE_SERVER"),
    ],
)
def test_how_a_server_is_started_is_said_for_the_address_that_was_asked(
    address: str, cure: str
) -> None:
    with ServerClient(address) as client:
        assert client.away(httpx2.ConnectError("refused")).hint == cure


@pytest.mark.parametrize("words", [["runs"], ["watch", "r"], ["run", "hello"], ["tools"]])
def test_a_server_that_never_answers_is_waited_for_as_long_as_was_said(
    awe: Awe, words: list[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        done = awe(*words, "--server", address, "--timeout", "0.2")

    assert 0.2 <= time.monotonic() - began < 5
    assert (done.status, done.out) == (1, "")
    meanwhile = "it may do what it was asked all the same; " if words[0] == "run" else ""
    assert done.err == (
        f"awe: the server at {address} has not answered for 0.2 s "
        f"({meanwhile}--timeout gives it longer)\n"
    )


def test_what_only_looks_waits_for_five_seconds_unless_it_is_told(awe: Awe) -> None:
    assert (READING, DOING) == (5, 30)
    for command, seconds in {
        "runs": READING,
        "tools": READING,
        "watch": READING,
        "run": DOING,
    }.items():
        said = " ".join(awe(command, "--help").out.split())
        assert f"How long the server may take for an answer. [default: {seconds}" in said


def test_what_to_do_next_is_said_for_the_server_that_was_asked(
    awe: Awe, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as empty:
        monkeypatch.setenv("AWE_SERVER", empty.address)
        assert awe("watch").err.endswith("has no runs yet (start one: awe run hello)\n")
        monkeypatch.delenv("AWE_SERVER")
        hint = f"(start one: awe run hello --server {empty.address})\n"
        assert awe("watch", "--server", empty.address).err.endswith(hint)


@pytest.mark.parametrize("address", ["localhost:8000", "ftp://x", "http://", "http://[::1"])
def test_what_is_no_address_is_refused(awe: Awe, address: str) -> None:
    done = awe("runs", "--server", address)

    assert done.status == 2
    assert f"'{address}' is no address of a server" in done.err
    assert done.err.count("\n") == 1


def test_somebody_else_on_that_port_is_not_taken_for_a_server(awe: Awe) -> None:
    def answer(listening: socket.socket) -> None:
        client, _ = listening.accept()
        with client:
            client.recv(65_536)
            client.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>hello</p>")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=answer, args=(listening,)).start()
        done = awe("runs", "--server", f"http://127.0.0.1:{listening.getsockname()[1]}")

    assert done.status == 1
    assert "is no awe server (say where one is: --server URL, or AWE_SERVER)" in done.err
