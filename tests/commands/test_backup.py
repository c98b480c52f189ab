"""`awe backup` and `awe restore`, with a server at work and without."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from .conftest import serving, started

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Done

    Awe = Callable[..., Done]


@pytest.fixture
def store(awe: Awe, chorus: str, tmp_path: Path) -> str:
    """Give a file that has a run."""
    path = str(tmp_path / "runs.db")
    assert awe("run", chorus, "--store", path, "--run-id", "r0").status == 0
    return path


def runs(store: str) -> list[str]:
    """Name the runs of a store, as a server lists them."""
    with serving("--store", store) as server:
        return [each["run_id"] for each in server.ask("/api/v1/runs")["runs"]]


def test_a_store_is_copied_while_a_server_has_it_and_brought_back(
    awe: Awe, store: str, tmp_path: Path
) -> None:
    copy, fresh = str(tmp_path / "copy.db"), str(tmp_path / "fresh.db")
    with serving("--store", store) as server:
        server.start("r1", graph="hello")
        done = awe("backup", copy, "--store", store)
        server.start("r2", graph="hello")

        refused = awe("restore", copy, "--store", store, "--replace")

    assert (done.status, done.err) == (0, "")
    assert f"{store} is copied to {copy}:" in done.out
    assert refused.status == 1
    assert f"are driven by another engine already: an engine of process {server.process.pid}" in (
        refused.err.replace("\n", " ")
    )
    assert "is what" in awe("restore", copy, "--store", fresh).out
    assert runs(fresh) == ["r1", "r0"]
    assert runs(store) == ["r2", "r1", "r0"]


def test_a_store_that_is_there_is_put_aside_only_if_that_is_asked_for(
    awe: Awe, store: str, tmp_path: Path
) -> None:
    copy = str(tmp_path / "copy.db")
    assert awe("backup", copy, "--store", store).status == 0

    refused = awe("restore", copy, "--store", store)
    done = awe("restore", copy, "--store", store, "--replace")

    assert refused.status == 1
    assert "there is a file" in refused.err
    assert done.status == 0
    assert f"what was there is now {store}.replaced" in done.out


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("backup", "copy.db"), 2, "a store in memory is gone with its process (name the file"),
        (("restore", "copy.db"), 2, "a store in memory is gone with its process (name the file"),
        (("backup", "copy.db", "--store", "no.db"), 2, "there is no store 'no.db'"),
        (("restore", "no.db", "--store", "runs.db"), 1, "there is no database"),
        (("backup", "copy.db", "--store", "postgresql://u:secret@h/d"), 2, "pg_dump copies"),
        (("restore", "copy.db", "--store", "postgresql://u:secret@h/d"), 2, "pg_dump copies"),
        (("backup", "copy.db", "--store", "notes.db"), 1, "file is not a database"),
    ],
)
def test_what_can_not_be_copied_is_said(  # noqa: PLR0913, PLR0917  # a table of them
    awe: Awe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    status: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.db").write_text("notes of mine\n" * 1_000)

    done = awe(*words)

    assert done.status == status, done.err
    assert message in done.err.replace("\n", " ").replace("  ", " ")
    assert "secret" not in done.err
    assert sorted(each.name for each in tmp_path.iterdir()) == ["notes.db"]


def test_a_copy_that_is_broken_off_leaves_nothing(store: str, tmp_path: Path) -> None:
    copy = tmp_path / "copies" / "copy.db"
    copy.parent.mkdir()
    with started("backup", str(copy), "--store", store) as process:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise

    assert [each.name for each in copy.parent.iterdir()] in ([], ["copy.db"])
