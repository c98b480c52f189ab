"""The page about the API says what there is on the wire."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from api import body, connection, events, following, guard, hub, problem, stream
from api.openapi import OPERATIONS
from tests import pages
from tests.served import served

if TYPE_CHECKING:
    from pathlib import Path

PAGE: Final = "api.md"


@pytest.mark.timeout(60)
def test_the_requests_of_the_page_are_answered_as_it_says(tmp_path: Path) -> None:
    pages.answered(PAGE, tmp_path)


@pytest.mark.timeout(60)
def test_the_streams_of_the_page_say_what_it_shows(tmp_path: Path) -> None:
    *_, begin, follow = pages.codes(PAGE, "bash")
    (shown,) = pages.codes(PAGE, "text")
    (program,) = pages.codes(PAGE, "python")
    with served() as address:
        plain = address.removeprefix("http://")
        for code in (begin, follow):
            told = ["bash", "-euc", code.replace(pages.ADDRESS, plain)]
            said = subprocess.run(told, capture_output=True, text=True, check=True).stdout
        printed = subprocess.run(
            [sys.executable, "-c", program.replace(pages.ADDRESS, plain)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    pattern = re.escape(shown.strip()).replace(re.escape(", ..."), ",.*")
    assert re.fullmatch(pattern, said.strip())
    assert printed.count("\n") == 9
    assert printed.splitlines()[-1].startswith('{"type":"run.completed"')


def test_nobody_has_forgotten_a_block() -> None:
    assert {(language, word) for language, word, _ in pages.blocks(PAGE)} == {
        ("bash", "server"), ("bash", ""), ("bash", "refused"), ("json", ""), ("text", ""),
        ("javascript", ""), ("python", ""),
    }  # fmt: skip


def test_every_route_is_on_the_page() -> None:
    told = [row[0].strip("`") for row in pages.rows(PAGE, 2) if "/" in row[0]]
    there = {f"{each.method.upper()} {each.path}" for each in OPERATIONS}

    assert {*told} == there | {"WS /api/v1/ws/workflow/{run_id}"}
    assert len(told) == len({*told})


def test_every_field_of_a_problem_is_on_the_page() -> None:
    told = {row[0].strip("`") for row in pages.rows(PAGE, 2)}

    assert {*problem.ProblemDocument.__struct_fields__} - {"type"} <= told


def test_every_status_is_on_the_page_with_codes_that_there_are() -> None:
    told: dict[int, set[str]] = {}
    for status, codes, _ in pages.rows(PAGE, 3):
        if status.isdigit():
            told.setdefault(int(status), set()).update(re.findall(r"`([A-Z_0-9]+)`", codes))

    described = {int(each) for operation in OPERATIONS for each in operation.problems}
    assert {*told} == described | {403, 405, 421, 422, 426, 431}
    for branch, status in problem.STATUS:
        code = branch.code
        if code in {each for codes in told.values() for each in codes}:
            assert code in told[status]


def test_the_variables_of_the_page_are_read() -> None:
    told = {row[0].strip("`") for row in pages.rows(PAGE, 2)}

    assert {guard.HOSTS, guard.ORIGINS} <= told


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    text = pages.page(PAGE)

    assert f"({body.MAX_BODY:,} bytes)" in text
    assert f"may have {connection.MAX_HEAD:,} bytes" in text
    assert f"a comment every {events.SILENCE:g} seconds" in text
    assert f"takes nothing for {following.PATIENCE:g} seconds" in text
    assert f"at most {1 / stream.JOINED.breath:g} times a second" in text
    assert f"closed at {hub.FULL:,} bytes" in text
    for name, _ in guard.HEADERS:
        assert name.decode() in text.lower()
