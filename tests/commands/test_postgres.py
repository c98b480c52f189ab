"""Commands whose runs are kept in PostgreSQL: `AWE_STORE=postgresql://...`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.servers import PASSWORD

from .conftest import serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Postgres

    from .conftest import Done

    Awe = Callable[..., Done]

LONG = {
    "name": "long",
    "edges": {
        "greet": "count_words",
        "count_words": [{"when": "words < max_words", "to": "echo"}, {"to": None}],
        "echo": "count_words",
    },
    "entry": "greet",
    "state": {"defaults": {"name": "world", "max_words": 300}},
}
"""A loop that goes on for a second or more."""


@pytest.fixture
def named(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name a database in the environment; give how it is shown."""
    monkeypatch.setenv("AWE_STORE", postgres_url)
    scheme, _, rest = postgres_url.partition("://")
    return f"{scheme}://postgres@{rest.rpartition('@')[2]}"


def test_tables_are_made_once_and_it_may_be_asked_what_would_be(awe: Awe, named: str) -> None:
    assert awe("migrate", "--dry-run") == (0, "0001_store would be executed\n", "")
    assert awe("migrate") == (0, "0001_store executed\n", "")
    assert awe("migrate") == (0, f"{named} is up to date\n", "")
    assert awe("migrate", "--dry-run") == (0, f"{named} is up to date\n", "")


def test_what_keeps_its_tables_up_to_date_itself_may_be_named_too(
    awe: Awe, chorus: str, tmp_path: pytest.TempPathFactory
) -> None:
    path = f"{tmp_path}/runs.db"
    assert awe("run", chorus, "--store", path).status == 0

    assert awe("migrate", "--store", path) == (0, f"{path} is up to date\n", "")
    assert "leave --dry-run out" in awe("migrate", "--store", path, "--dry-run").err
    assert awe("migrate", "--store", f"{path}2").err == (
        f"awe: there is no store '{path}2' (see --store)\n"
    )
    assert "a store in memory is gone with its process" in awe("migrate").err


def test_a_server_that_is_killed_in_a_run_goes_on_with_it_when_it_is_started_again(
    named: str,
) -> None:
    with serving() as server:
        assert named in server.said
        assert PASSWORD not in server.said
        server.ask("/api/v1/graph/create", LONG)
        server.ask("/api/v1/graph/run", {"graph_id": "long", "run_id": "r", "initial_state": {}})
        while server.ask("/api/v1/graph/state/r")["seq"] < 100:
            pass
        server.process.kill()
        server.process.wait()

    with serving() as server:
        while (found := server.ask("/api/v1/graph/state/r"))["status"] == "running":
            time.sleep(0.02)
        assert found["status"] == "completed"
        assert found["state"]["words"] >= 300


def test_a_second_server_is_told_who_drives_the_runs(awe: Awe, named: str) -> None:
    with serving() as server:
        done = awe("serve", "--port", "0")

    assert done.status == 1
    assert f"the runs of {named} are driven by another engine already" in done.err
    assert f"process {server.process.pid} " in done.err


def test_a_run_that_is_kept_is_looked_at_and_removed(awe: Awe, chorus: str, named: str) -> None:
    done = awe("doctor", "--port", "1")
    assert f"{named} has no tables yet, or old ones" in done.out
    assert f"-> awe migrate --store {named}" in done.out

    assert awe("run", chorus, "--run-id", "kept").status == 0
    assert "there is a run 'kept' already" in awe("run", chorus, "--run-id", "kept").err
    assert f"{named}: 1 run; every log can be read" in awe("doctor", "--port", "1").out
    assert awe("prune", "--keep", "0").out.startswith("1 run removed")
    assert f"{named}: 0 runs" in awe("doctor", "--port", "1").out


def test_a_run_that_fails_says_what_serves_it_without_the_password(
    awe: Awe, chorus: str, named: str
) -> None:
    done = awe("run", chorus, "--state", '{"max_words": "many"}')

    assert done.status == 1
    assert f"when it is served (awe serve --store {named})" in done.err
    assert PASSWORD not in done.err


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("migrate",), ("doctor",)])
def test_a_database_that_is_not_there_is_told_in_a_line(
    awe: Awe, postgres: Postgres, command: tuple[str, ...]
) -> None:
    done = awe(*command, "--store", postgres.url("nowhere"))

    assert done.status == 1
    said = done.out + done.err
    assert "there is no such database" in said
    assert "createdb nowhere" in said
    assert PASSWORD not in said


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ("postgresql://u:pa/ss@h/db", "there is an '@' after its host"),
        ("postgresql:runs", "begins with 'postgresql://'"),
    ],
)
def test_an_address_that_is_none_is_told_in_a_line_and_not_repeated(
    awe: Awe, chorus: str, store: str, said: str
) -> None:
    for command in (("serve", "--port", "0"), ("migrate",), ("run", chorus)):
        done = awe(*command, "--store", store)

        assert done.status in (1, 2)
        assert said in done.err
        assert "ss@" not in done.err
        assert done.err.count("\n") == 1
