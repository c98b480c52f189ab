"""What all commands have in common: help, versions, errors in a line, exit statuses."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from api.commands.command_line import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Done

    Awe = Callable[..., Done]


def test_alone_it_lists_its_commands_and_that_is_no_success(awe: Awe) -> None:
    done = awe()

    assert done.status == 2
    assert done.out == ""
    for name, purpose in COMMANDS.items():
        assert f"{name} " in done.err
        assert purpose in done.err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(awe: Awe, name: str) -> None:
    done = awe(name, "--help")

    assert done.status == 0
    assert done.err == ""
    assert f"Usage: awe {name}" in done.out


def test_it_tells_its_version(awe: Awe) -> None:
    done = awe("--version")

    assert done.status == 0
    assert done.out.startswith("awe 0.")


def test_a_command_that_there_is_not_is_refused_with_the_one_that_was_meant(awe: Awe) -> None:
    done = awe("serv")

    assert done == (2, "", done.err)
    assert done.err.startswith("awe: No such command 'serv'. Did you mean 'serve'?")
    assert done.err.count("\n") == 1


def test_an_option_that_there_is_not_is_refused_in_a_line(awe: Awe) -> None:
    done = awe("runs", "--statsu", "failed")

    assert done.status == 2
    assert done.err.startswith("awe: No such option: --statsu")
    assert "awe runs --help" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("words", [["--version"], ["runs", "--help"], ["watch", "--help"]])
def test_who_needs_no_engine_loads_none(words: list[str]) -> None:
    code = (
        f"import sys; from api.commands.command_line import main; main({words}); "
        "print('engine' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.endswith("False\n")


def test_an_error_of_its_own_is_a_line_and_a_traceback_only_if_asked_for(
    awe: Awe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> int:
        return "".index("x")

    monkeypatch.setattr("api.commands.tools.command", broken)
    done = awe("tools")

    assert done.status == 1
    assert done.err.startswith("awe: an error of awe itself: ValueError: substring not found")
    assert "test_command_line.py, line" in done.err
    assert done.err.count("\n") == 1

    monkeypatch.setenv("AWE_TRACEBACK", "1")
    with pytest.raises(ValueError, match="substring"):
        awe("tools")
