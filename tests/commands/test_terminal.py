"""What is shown on a terminal, and in its place where there is none."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from api.commands.command_line import main

from .conftest import AWE, CHORUS, Done, Server

if TYPE_CHECKING:
    from collections.abc import Callable

    Awe = Callable[..., Done]
    Terminal = Callable[..., tuple[int, str]]

COLUMNS = 80

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Give the command line on a terminal of 80 columns: its status, and all that it wrote."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(COLUMNS))

    def call(*words: str, errors: bool = True, encoding: str = "utf-8") -> tuple[int, str]:
        ours, theirs = os.openpty()
        written: list[bytes] = []

        def read() -> None:
            try:
                while part := os.read(ours, 65_536):
                    written.append(part)
            except OSError:  # so a terminal ends
                os.close(ours)

        reader = threading.Thread(target=read)
        reader.start()
        with os.fdopen(theirs, "w", encoding=encoding) as stream, monkeypatch.context() as here:
            here.setattr(sys, "stdout", stream)
            if errors:
                here.setattr(sys, "stderr", stream)
            status = main(words)
        reader.join()
        return status, b"".join(written).decode().replace("\r\n", "\n")

    return call


def test_colours_are_for_terminals_and_not_for_who_wants_none(
    awe: Awe, terminal: Terminal, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.start("coloured")
    words = ("watch", "coloured", "--server", server.address)
    _, coloured = terminal(*words)
    monkeypatch.setenv("NO_COLOR", "1")
    _, plain = terminal(*words)

    assert "\x1b[32m" in coloured
    assert "\x1b" not in plain
    assert "\x1b" not in awe(*words).out
    assert ESCAPES.sub("", coloured) == plain


def test_no_line_is_wider_than_the_terminal_and_none_is_cut_without_one(
    awe: Awe, terminal: Terminal, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.start("wide", graph="hello", initial_state={"name": "x" * 30, "more": "y" * 30})
    words = ("watch", "wide", "--server", server.address)
    _, shown = terminal(*words)
    monkeypatch.delenv("COLUMNS")
    piped = awe(*words).out

    lines = ESCAPES.sub("", shown).splitlines()
    assert max(map(len, lines)) <= COLUMNS
    assert len(lines) == len(piped.splitlines())
    assert "y" * 30 in piped.splitlines()[0]


def test_what_a_terminal_has_no_characters_for_is_escaped_and_fits_all_the_same(
    terminal: Terminal, server: Server
) -> None:
    name = "Zoë Ω日本" * 10
    server.start("foreign", graph="hello", initial_state={"name": name})
    to = ("--server", server.address)
    _, watched = terminal("watch", "foreign", *to, encoding="ascii")
    _, run = terminal("run", "hello", "--state", json.dumps({"name": name}), *to, encoding="ascii")
    _, listed = terminal("runs", *to, encoding="ascii")

    assert r"Zo\xeb \u03a9\u65e5" in watched
    for shown in (watched, run, listed):
        assert shown.isascii()
    for shown in (watched, listed):
        assert max(map(len, ESCAPES.sub("", shown).splitlines())) <= COLUMNS
    assert json.loads(run)["name"] == name


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_are_no_trouble_and_no_file_is_taken_for_them(
    closed: str, tmp_path: Path
) -> None:
    (tmp_path / "chorus.yaml").write_text(CHORUS)
    words = " ".join([*AWE, "run", "chorus.yaml", "--watch", "--store", "runs.db"])
    done = subprocess.run(
        ["bash", "-c", f"{words} {closed}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    with sqlite3.connect(tmp_path / "runs.db") as store:
        (well,) = store.execute("pragma integrity_check").fetchone()
    store.close()

    assert well == "ok"
    assert "awe:" not in done.stderr
    assert ("run.completed" in done.stderr) == ("2>" not in closed)
    assert ('"words"' in done.stdout) == (closed == "2>&-")


def test_what_is_too_long_for_a_line_goes_on_below_itself(terminal: Terminal) -> None:
    status, shown = terminal("doctor", "--port", "1")
    lines = ESCAPES.sub("", shown).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("tools"))

    assert status == 0
    assert lines[first].startswith("tools      ok    ")
    assert lines[first + 1].startswith(" " * 17 + "code.")
    assert max(map(len, lines)) <= COLUMNS


def test_what_is_to_be_pasted_is_not_broken_into_lines(terminal: Terminal, tmp_path: Path) -> None:
    loop = tmp_path / "loop.json"
    loop.write_text('{"edges": {"greet": "count_words"}, "limits": {"max_activations": 1}}')
    path = tmp_path / ("long" * 20)
    status, shown = terminal("run", str(loop), "--store", str(path), "--state", '{"name": "A"}')

    assert status == 1
    (call,) = [line for line in ESCAPES.sub("", shown).splitlines() if "curl" in line]
    assert len(call) > COLUMNS
    assert call.endswith("/fork")


def test_what_moves_is_gone_when_it_is_done_and_the_cursor_is_back(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.py").write_text("x=1\n")
    Path("y.py").write_text("y=1\n")
    # Python's resource tracker would keep standard error open as long as it lives.
    status, shown = terminal("review", "--diff", ".", errors=False)

    assert status == 0
    assert " of 2 files" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert "\x1b[2K" in shown[shown.rindex("of 2 files") :]  # which takes a line away
    left = ESCAPES.sub("", shown)
    assert "x.py  7.68 -> 8.00  threshold_reached after 1 round: format" in left
    assert "-x=1\n+x = 1\n" in left


def test_json_is_the_same_on_a_terminal(awe: Awe, terminal: Terminal, server: Server) -> None:
    server.start("same")
    words = ("runs", "--json", "--limit", "1", "--server", server.address)

    assert json.loads(terminal(*words)[1]) == json.loads(awe(*words).out)


def test_runs_are_a_table_there_too(terminal: Terminal, server: Server) -> None:
    server.start("table")
    _, shown = terminal("runs", "--limit", "1", "--server", server.address)

    assert ESCAPES.sub("", shown).splitlines()[1].split()[:3] == ["table", "chorus", "completed"]


def test_who_reads_only_the_beginning_gets_no_traceback(server: Server) -> None:
    server.start("long")
    words = " ".join([*AWE, "watch", "long", "--server", server.address])
    done = subprocess.run(
        ["bash", "-c", f"{words} | head -1"], capture_output=True, text=True, check=True
    )

    assert "run.started" in done.stdout
    assert done.stderr == ""


def test_help_is_plain_where_nobody_sees_boxes(awe: Awe, terminal: Terminal) -> None:
    _, shown = terminal("--help")
    piped = awe("--help").out

    assert "╭" in shown
    assert "╭" not in piped
    assert "\x1b" not in piped
