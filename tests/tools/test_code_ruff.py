"""Ruff as a process: it has limits, and whatever happens to it can be understood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine import ToolError
from tests.tools.reviewing import lines
from tools.code_review import ruff

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = ruff.Settings(target_version="py311", line_length=88, filename="code.py")


def gives_up(code: str) -> str:
    with pytest.raises(ruff.GaveUp) as gave_up:
        ruff.formatted(code, SETTINGS)
    return str(gave_up.value)


def instead(monkeypatch: pytest.MonkeyPatch, program: Path, *script: str) -> None:
    """Have another program called in place of ruff."""
    program.write_text(lines("#!/bin/sh", *script))
    program.chmod(0o755)
    monkeypatch.setattr(ruff, "_ruff", lambda: str(program))


def test_too_deep_code_crashes_ruff_and_that_is_told() -> None:
    assert gives_up("-" * 100_000 + "1").startswith("it crashed: ")


def test_what_ruff_can_not_read_is_told_with_its_place() -> None:
    assert gives_up("x = (").startswith("error: Failed to parse code.py:1:6")


def test_it_gets_so_much_of_the_cpu_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ruff, "CPU", 1)

    with pytest.raises(ruff.GaveUp, match="it took longer than 1 s"):
        ruff.check("a = " * 5_000 + "1", SETTINGS, select="UP,SIM,N,B,PLR,PLW,F,E")


def test_it_is_not_waited_for_forever(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    instead(monkeypatch, tmp_path / "ruff", "exec sleep 60")
    monkeypatch.setattr(ruff, "TIME", 0.2)

    assert gives_up("x = 1").startswith("it took longer than")


def test_a_program_that_reads_nothing_is_no_harm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    instead(monkeypatch, tmp_path / "ruff", "exit 0")

    assert ruff.formatted("x = 1\n" * 100_000, SETTINGS) == ""


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'error: no such option' >&2; exit 2", "exit code 2: error: no such option"),
        ("echo nonsense; exit 1", "ruff wrote what is no finding"),
    ],
)
def test_another_ruff_than_ours_is_an_error_with_a_hint(
    script: str, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    instead(monkeypatch, tmp_path / "ruff", script)

    with pytest.raises(ToolError, match=message) as failed:
        ruff.check("x = 1", SETTINGS, select="F")
    assert (failed.value.code, failed.value.retryable) == ("RUFF_FAILED", False)
    assert "pyproject.toml" in failed.value.hint


def test_a_ruff_that_is_not_there_is_an_error_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise FileNotFoundError("/bin/ruff")

    monkeypatch.setattr(ruff, "find_ruff_bin", missing)
    ruff._ruff.cache_clear()

    with pytest.raises(ToolError, match="/bin/ruff") as failed:
        ruff.formatted("x = 1", SETTINGS)
    assert failed.value.code == "RUFF_MISSING"
    assert "pip install" in failed.value.hint


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("x = 1\n", 0),
        ("x=1\n", 1),
        ("x=1\ny = 2\nz=3\n", 2),
        ("x = [1,\n     2,\n     3]\n", 3),
        ("def f():\n    1\ndef g():\n    2\n", 2),  # two lines come between them
        ("-x\n\n\n\n\n--y\n", 2),  # two of the blank ones go
    ],
)
def test_lines_to_format_are_those_that_go_or_come(code: str, count: int) -> None:
    assert ruff.lines_to_format(code, SETTINGS) == count
