"""The page about the command line says what the program does: its blocks run, its tables are whole.

A word behind the language says what is special about a block: `server` starts the server,
`fails` ends with another status than 0. A block of JSON, or of text, is what the block before
it has written to standard output.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from api.commands.command_line import COMMANDS, main

from .conftest import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
BLOCKS: Final[list[tuple[str, str, str]]] = re.findall(
    r"^```(\w+) ?(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
)
SCORE: Final = re.compile(r"\b\d+\.\d\d\b")
ADDRESS: Final = "http://127.0.0.1:8000"


def section(command: str) -> str:
    """Give what the page says of a command."""
    found = re.search(rf"^## `awe {command}`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.timeout(120)  # twenty commands, one after the other
def test_every_block_of_the_page_runs(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    written = ""
    assert BLOCKS[0] == ("bash", "server", "awe serve --store runs.db\n")
    with serving("--store", "runs.db", cwd=tmp_path) as server:
        for language, mark, code in BLOCKS[1:]:
            if language == "text":
                assert SCORE.sub("#", written) == SCORE.sub("#", code)
            elif language == "json":
                assert json.loads(written) == json.loads(code)
            else:
                done = subprocess.run(
                    ["bash", "-euo", "pipefail", "-c", code.replace(ADDRESS, server.address)],
                    cwd=tmp_path,
                    env={**os.environ, "PATH": path, "AWE_SERVER": server.address},
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert (done.returncode != 0) == (mark == "fails"), f"{code}\n{done}"
                assert "Traceback" not in done.stderr
                written = done.stdout


def options(command: str, capsys: pytest.CaptureFixture[str]) -> Iterator[str]:
    """Give the options that a command says it has."""
    assert main([command, "--help"]) == 0
    for line in capsys.readouterr().out.splitlines():
        found = re.match(r"  (--[\w-]+)(?: / (--[\w-]+))?", line)
        yield from filter(None, found.groups() if found else ())


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_has_every_option_and_no_other(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = re.findall(r"^\| (`--.*?) \|", section(command).replace("\\|", "/"), re.MULTILINE)
    told = re.findall(r"--[\w-]+", " ".join(rows))

    assert told == list(options(command, capsys))


def test_the_page_has_every_variable_and_no_other() -> None:
    root = Path(__file__).parents[2]
    sources = [
        each.read_text() for room in ("api", "tools") for each in (root / room).rglob("*.py")
    ]
    heeded = re.findall(r"(?<=\")(?:AWE_[A-Z_]+|NO_COLOR)(?=\")", "\n".join(sources))
    (table,) = re.findall(r"^\| variable .*?\n\n", PAGE, re.MULTILINE | re.DOTALL)
    told = [name for row in table.splitlines() for name in re.findall(r"`([A-Z_]+)\*?`", row[:60])]

    assert sorted(told) == sorted(set(heeded))


def test_the_page_lists_every_command_in_its_order() -> None:
    assert re.findall(r"^\| \[`(\w+)`\]\(#awe-\w+\)", PAGE, re.MULTILINE) == list(COMMANDS)
    assert re.findall(r"^## `awe (\w+)`", PAGE, re.MULTILINE) == list(COMMANDS)
