"""Pages of the documentation, taken apart and played: what they show is what happens.

A block is known by its language and a word behind it. `bash server` starts the server; other
requests are made in their order, and a block of JSON is in the answer to the one before it.
A request with the word `refused` is answered with an error. A block of Mermaid is the answer
itself, or the last of several.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.test_readme import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS: Final = Path(__file__).parents[1] / "docs"
ADDRESS: Final = "127.0.0.1:8000"

Block = tuple[str, str, str]
"""Language, word, code."""


def page(name: str) -> str:
    """Read a page."""
    return (DOCS / name).read_text()


def blocks(name: str) -> list[Block]:
    """Find the blocks of a page; see that none was overlooked."""
    text = page(name)
    found: list[Block] = re.findall(r"^```(\w+) ?(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert text.count("\n```") == 2 * len(found)
    return found


def codes(name: str, language: str, word: str = "") -> list[str]:
    """Give the code of the blocks of a language with a word."""
    return [code for *kind, code in blocks(name) if kind == [language, word]]


def rows(name: str, columns: int) -> Iterator[list[str]]:
    """Give the rows of all tables of a page with so many columns, their heads included."""
    for line in re.findall(r"^\| ?(.*?) ?\|$", page(name), re.MULTILINE):
        cells = re.split(r" ?\| ?", line)
        if len(cells) == columns:
            yield cells


def runs(code: str, home: Path) -> str:
    """Run a program of a page as a user does; any failure is the page's."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{code}\n{done.stdout}\n{done.stderr}")
    return done.stdout


# -- requests -----------------------------------------------------------------------------


def answered(name: str, home: Path) -> None:
    """Start the server as the page says, and make its requests, which answer as it shows."""
    port = free_port()
    found = [(*kind, code.replace(ADDRESS, f"127.0.0.1:{port}")) for *kind, code in blocks(name)]
    start = next(n for n, block in enumerate(found) if block[:2] == ("bash", "server"))
    answer: object = None
    with served(found[start][2], port, home):
        for language, word, code in found[start + 1 :]:
            if language == "bash":
                answer = _asked(code, home, refused=word == "refused")
            elif (language, word) == ("json", ""):
                part = json.loads(code)
                assert holds(part, answer), f"{part}\n{answer}"
            elif language == "mermaid":
                assert str(answer).endswith(code)


def holds(part: object, whole: object) -> bool:
    """Tell whether an answer has what a page shows of it."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and holds(value, whole[key]) for key, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(holds, part, whole))
    return bool(part == whole)


@contextmanager
def served(command: str, port: int, home: Path) -> Iterator[None]:
    """Start the server as a page does, wait until it can be reached, and stop it."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with subprocess.Popen(
        ["bash", "-c", f"exec {command.strip()} --port {port}"],
        cwd=home,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            assert f"127.0.0.1:{port}" in server.stdout.readline()
            yield
        finally:
            server.kill()


def _asked(code: str, home: Path, *, refused: bool) -> object:
    """Make the request of a block, and give its answer: JSON, or text that is none."""
    done = subprocess.run(
        ["bash", "-euc", code if refused else code.replace("curl ", "curl --fail-with-body ")],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
    try:
        return json.loads(done.stdout)
    except ValueError:
        return done.stdout
