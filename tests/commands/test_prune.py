"""`awe prune`, and a server that does it by itself."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import typer

from api.commands.age import age_of

from .conftest import serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Done

    Awe = Callable[..., Done]


@pytest.fixture
def store(awe: Awe, chorus: str, tmp_path: Path) -> str:
    """Give a file that has three runs which have ended."""
    path = str(tmp_path / "runs.db")
    for n in range(3):
        assert awe("run", chorus, "--store", path, "--run-id", f"r{n}").status == 0
    return path


def test_runs_that_ended_are_removed_but_for_the_latest(awe: Awe, store: str) -> None:
    said = awe("prune", "--keep", "1", "--store", store, "--dry-run")
    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines()[0] == "2 runs would be removed"
    assert "is left: began 2" in said.out

    done = awe("prune", "--keep", "1", "--store", store)
    assert done.out.splitlines()[0].startswith("2 runs removed")
    again = awe("prune", "--keep", "1", "--store", store, "--json")

    told = json.loads(again.out)
    assert (told["removed"], told["needed"], told["dry_run"]) == (0, 0, False)
    assert datetime.fromisoformat(told["oldest"]).tzinfo is not None


def test_what_is_young_stays(awe: Awe, store: str) -> None:
    assert json.loads(awe("prune", "--older-than", "1h", "--store", store, "--json").out) == {
        "removed": 0,
        "needed": 0,
        "answers": 0,
        "freed": 0,
        "oldest": json.loads(awe("prune", "--keep", "9", "--store", store, "--json").out)["oldest"],
        "dry_run": False,
    }
    done = awe("prune", "--older-than", "0s", "--store", store, "--graph", "other")
    assert "0 runs removed" in done.out
    assert "is left: none is" in done.out
    assert "3 runs removed" in awe("prune", "--older-than", "0s", "--store", store).out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "it is not said which runs are to go (awe prune --older-than 30d"),
        (("--keep", "1"), "a store in memory is gone with its process"),
        (("--keep", "1", "--store", "no.db"), "there is no store 'no.db'"),
        (("--keep", "-1", "--store", "no.db"), "Invalid value for '--keep'"),
        (("--older-than", "30"), "expected a number and one of s, m, h, d, w"),
        (("--older-than", "-1d"), "as in 30d or 12h, got '-1d'"),
    ],
)
def test_what_can_not_be_is_refused(awe: Awe, words: tuple[str, ...], said: str) -> None:
    done = awe("prune", *words)

    assert (done.status, done.out) == (2, "")
    assert said in done.err


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("90s", 90), ("2m", 120), ("12h", 43_200), ("30d", 2_592_000), ("1w", 604_800), ("0d", 0)],
)
def test_an_age_is_a_number_and_a_unit(given: str, seconds: int) -> None:
    assert age_of(given) == timedelta(seconds=seconds)


@pytest.mark.parametrize("given", ["", "d", "1", "1.5d", "1y", "1dd", "٣d", "99999999d"])
def test_what_is_no_age_is_refused(given: str) -> None:
    with pytest.raises(typer.BadParameter):
        age_of(given)


def test_a_server_may_have_the_store_open(awe: Awe, store: str) -> None:
    with serving("--store", store) as server:
        assert "3 runs removed" in awe("prune", "--keep", "0", "--store", store).out

        listed = server.ask("/api/v1/runs")["runs"]
        assert [each["run_id"] for each in listed] == []
        begun = server.start("r0", "hello")  # the name is free again
        assert begun["status"] == "completed"
        assert "1 run removed" in awe("prune", "--keep", "0", "--store", store).out


def test_a_server_removes_runs_by_itself_where_it_is_told_to(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving("--store", store) as server:
        assert len(server.ask("/api/v1/runs")["runs"]) == 3
    monkeypatch.setenv("AWE_RETENTION_KEEP", "1")
    with serving("--store", store, "--retention", "0s") as server:
        until = time.monotonic() + 10
        while len(server.ask("/api/v1/runs")["runs"]) > 1:
            assert time.monotonic() < until
            time.sleep(0.02)

        listed = server.ask("/api/v1/runs")["runs"]
        assert [each["run_id"] for each in listed] == ["r2"]
