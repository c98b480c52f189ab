"""The page about how long runs are kept says what the code does: its blocks run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from engine.retention import Retention
from engine.stores.sqlite import forgetting
from tests import pages
from tests.commands.conftest import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = "operate/retention.md"

PROGRAM: Final = """
import asyncio
from engine import Engine


async def greet(name: str = "world") -> dict[str, str]:
    return {{"greeting": name}}


async def main() -> None:
    async with Engine(tools=[greet]) as engine:
        await engine.run({{"nodes": ["greet"]}})
{}

asyncio.run(main())
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Give a folder with a store that a server has open."""
    with serving("--store", "runs.db", cwd=tmp_path) as server:
        server.start("r", "hello")
        yield tmp_path


def test_what_it_says_to_type_works(home: Path) -> None:
    dry, serve = pages.codes(PAGE, "bash")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", dry],
        cwd=home,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("0 runs would be removed")

    words = serve.split()
    assert words[:2] == ["awe", "serve"]
    with serving(*["kept.db" if each == "runs.db" else each for each in words[2:]], cwd=home):
        pass


def test_the_program_of_the_page_runs(tmp_path: Path) -> None:
    (code,) = pages.codes(PAGE, "python")
    inside = "".join(f"        {line}\n" if line else "\n" for line in code.splitlines())

    assert pages.runs(PROGRAM.format(inside), tmp_path).split()[:2] == ["0", "0"]


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    text = pages.page(PAGE)

    assert f"at most {forgetting.ROWS} rows or {forgetting.SIZE // 2**20} MiB" in text
    assert f"less than {forgetting.REBUILT // 2**20} MiB" in text
    assert {"age", "keep", "graph"} == {*Retention.__dataclass_fields__}
