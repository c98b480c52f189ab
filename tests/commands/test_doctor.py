"""`awe doctor`."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from api.commands.doctor import EXAMINATIONS
from engine import InvalidTemplate, InvalidTool, Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Done, Server

    Awe = Callable[..., Done]

FREE = ("--port", "1")
"""A port that nobody has, and that root may have."""


def findings(done: Done) -> dict[str, str]:
    """Give the verdict of each examination: the worst, where there are several."""
    found: dict[str, str] = {}
    for name, verdict in re.findall(r"^(\w+) +(ok|note|wrong)\b", done.out, re.MULTILINE):
        if found.get(name) != "wrong":
            found[name] = verdict
    return found


def test_where_all_is_well_it_says_so(awe: Awe) -> None:
    done = awe("doctor", *FREE)

    assert done.out.splitlines()[-1] == "all is well"
    assert (done.status, done.err) == (0, "")
    assert findings(done) == dict.fromkeys(EXAMINATIONS, "ok")


def test_a_library_of_another_version_is_named_with_the_way_to_the_right_one(
    awe: Awe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "api.commands.examinations.libraries.version",
        lambda name: "0.1" if name == "rich" else "99",
    )
    done = awe("doctor", *FREE)

    assert done.status == 1
    assert re.search(r"libraries +wrong rich is 0\.1, >=\S+ is needed", done.out)
    assert re.search(r"-> \S+ -m pip install 'rich>=\S+'", done.out)


def test_a_program_that_is_not_there_is_told(awe: Awe, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> str:
        raise FileNotFoundError("/nowhere/ruff")

    monkeypatch.setattr("api.commands.examinations.ruff.find_ruff_bin", nowhere)
    done = awe("doctor", *FREE)

    assert findings(done)["ruff"] == "wrong"
    assert "the program is not there: /nowhere/ruff" in done.out
    assert done.out.splitlines()[-1] == "1 thing to mend, the first one first"


def test_what_can_not_even_be_looked_at_is_a_finding_and_the_rest_is_looked_at(
    awe: Awe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Any:
        raise ImportError("no such module")

    monkeypatch.setattr("api.commands.examinations.tools.installed_tools", broken)
    done = awe("doctor", *FREE)

    assert findings(done) == {**dict.fromkeys(EXAMINATIONS, "ok"), "tools": "wrong"}
    assert "this can't be looked at: ImportError: no such module" in done.out


def test_a_port_that_somebody_else_has_is_told_with_one_that_is_free(awe: Awe) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = awe("doctor", "--port", str(taken.getsockname()[1]))

    assert findings(done)["port"] == "wrong"
    assert re.search(rf"is taken by process {os.getpid()} ", done.out)
    assert "-> choose another: make run PORT=" in done.out


def test_tools_that_can_not_be_loaded_are_told_with_their_package(
    awe: Awe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Any:
        raise InvalidTool("the entry point 'x = y' gives no tools", hint="mend y")

    monkeypatch.setattr("api.commands.examinations.tools.installed_tools", broken)
    monkeypatch.setattr("api.commands.embedded.installed_tools", broken)
    done = awe("doctor", *FREE)

    assert {name for name, verdict in findings(done).items() if verdict == "wrong"} == {
        "tools",
        "graphs",
    }
    assert "tools      wrong the entry point 'x = y' gives no tools\n" in done.out
    assert "-> mend y" in done.out


@pytest.mark.parametrize(
    ("part", "name"), [("tools", "installed_tool_kinds"), ("templates", "installed_templates")]
)
def test_kinds_of_tools_and_templates_that_can_not_be_loaded_are_told(
    awe: Awe, monkeypatch: pytest.MonkeyPatch, part: str, name: str
) -> None:
    errors = {
        "tools": InvalidTool("the entry point 'x = y' gives no kind of tools", hint="mend y"),
        "templates": InvalidTemplate([Problem("BAD", "", "it is empty", "mend y")], where="y"),
    }

    def broken() -> Any:
        raise errors[part]

    monkeypatch.setattr(f"api.commands.examinations.{part}.{name}", broken)
    done = awe("doctor", *FREE)

    assert {name for name, verdict in findings(done).items() if verdict == "wrong"} == {part}
    assert f"wrong {errors[part].message}\n" in done.out
    assert "-> mend y" in done.out


def test_another_system_or_an_older_python_is_told(
    awe: Awe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.system", lambda: "Plan 9")
    monkeypatch.setattr("platform.python_version", lambda: "3.10.1")
    done = awe("doctor", *FREE)

    assert re.search(r"python +wrong \w+ 3\.10\.1, >=3\.11 is needed", done.out)
    assert "python     note  awe is tried on Linux; this is Plan 9" in done.out


def test_a_port_of_a_server_of_ours_is_well_and_one_of_somebody_else_is_not(
    awe: Awe, server: Server
) -> None:
    done = awe("doctor", "--port", server.address.rpartition(":")[2])

    assert done.status == 0
    assert re.search(
        rf"has an awe server already, version \S+: process {server.process.pid} ", done.out
    )


def test_the_log_of_every_run_is_read_and_one_that_is_broken_is_named(
    awe: Awe, chorus: str, tmp_path: Path
) -> None:
    store = str(tmp_path / "runs.db")
    assert f"there is no {store} yet" in awe("doctor", *FREE, "--store", store).out
    for name in ("well", "torn", "lost", "odd"):
        awe("run", chorus, "--run-id", name, "--store", store)
    assert "4 runs; every log can be read" in awe("doctor", *FREE, "--store", store).out

    with sqlite3.connect(store) as file:
        rows = (
            "SELECT no FROM rows WHERE run = (SELECT no FROM runs WHERE run_id = ?) ORDER BY last"
        )
        (row, *_) = file.execute(rows, ("torn",)).fetchall()
        file.execute("UPDATE rows SET data = substr(data, 1, 40) WHERE no = ?", row)
        rows = "run = (SELECT no FROM runs WHERE run_id = 'odd')"
        odd = """replace(CAST(data AS TEXT), '"messages":[1]', '"messages":[99]')"""
        file.execute(f"UPDATE rows SET data = CAST({odd} AS BLOB) WHERE {rows}")  # noqa: S608  # ours
        file.execute("UPDATE runs SET status = 'failed' WHERE run_id = 'well'")
        file.execute("UPDATE runs SET version = 'gone' WHERE run_id = 'lost'")
    file.close()
    done = awe("doctor", *FREE, "--store", store)

    assert done.status == 1
    assert (
        "run 'torn' of graph 'chorus' can't be read: the log of run 'torn' is damaged" in done.out
    )
    assert "the log of run 'odd' of graph 'chorus' is broken: KeyError: 99" in done.out
    assert "run 'lost' of graph 'chorus' can't be read: graph 'chorus' is not here" in done.out
    different = "run 'well' of graph 'chorus' is 'completed' by its log, and 'failed' by its record"
    assert different in done.out
    assert "-> let its record be made again from its log: awe doctor --repair" in done.out
    assert "1 run; the logs of the others can be read" in done.out
    assert done.out.splitlines()[-1] == "4 things to mend, the first one first"

    mended = awe("doctor", *FREE, "--store", store, "--repair")
    assert f"store      note  {different}" in mended.out
    assert "-> its record was made again from its log" in mended.out
    assert mended.out.splitlines()[-1] == "3 things to mend, the first one first"
    assert different not in awe("doctor", *FREE, "--store", store).out


def test_what_belongs_to_nothing_is_found(awe: Awe, chorus: str, tmp_path: Path) -> None:
    store = str(tmp_path / "runs.db")
    awe("run", chorus, "--run-id", "r", "--store", store)
    with sqlite3.connect(store) as file:
        file.execute("UPDATE rows SET run = 77")
        file.execute("DELETE FROM runs")
    file.close()
    done = awe("doctor", *FREE, "--store", store)

    assert done.status == 1
    assert "logs of runs that are not there: 1, such as '77'" in done.out


@pytest.mark.parametrize(
    ("made", "said"), [("text", "is no SQLite database"), ("none/x", "can't be made")]
)
def test_a_store_that_can_not_be_opened_is_told_with_its_cure(
    awe: Awe, tmp_path: Path, made: str, said: str
) -> None:
    (tmp_path / "text").write_text("this is no database" * 100)
    done = awe("doctor", *FREE, "--store", str(tmp_path / made))

    assert findings(done)["store"] == "wrong"
    assert said in done.out
