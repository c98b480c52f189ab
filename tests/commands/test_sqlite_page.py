"""What the page about SQLite shows can be done, in its order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from engine.stores import refusal
from engine.stores.sqlite.driver import Driver
from engine.stores.sqlite.presence import Presence

PAGE: Final = (Path(__file__).parents[2] / "docs" / "operate" / "sqlite.md").read_text()

BLOCKS: Final[list[tuple[str, str]]] = re.findall(
    r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
)

COMMANDS: Final = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}


@pytest.mark.timeout(60)
def test_every_block_of_the_page_runs(awe: object, chorus: str, tmp_path: Path) -> None:
    assert callable(awe)
    assert awe("run", chorus, "--store", str(tmp_path / "runs.db")).status == 0
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    root = str(Path(__file__).parents[2])
    for language, code in BLOCKS:
        subprocess.run(
            [*COMMANDS[language], code],
            cwd=tmp_path,
            env={**os.environ, "PATH": path, "PYTHONPATH": root},
            check=True,
            capture_output=True,
        )

    assert {"copy.db", "fresh.db", "nightly.db", "tried.db", "runs.db.replaced"} <= {
        each.name for each in tmp_path.iterdir()
    }


@pytest.mark.parametrize("name", ["FULL", "READ_ONLY", "BUSY", "GONE", "CORRUPT", "TOO_NEW"])
def test_the_page_has_every_code(name: str) -> None:
    assert f"| `{getattr(refusal, name)}` |" in PAGE


def test_the_page_names_every_file(tmp_path: Path) -> None:
    for name in ("runs.db", "runs.db-wal", "runs.db-shm"):
        (tmp_path / name).touch()
    watched = [each.name for each in Presence(tmp_path / "runs.db")._files]

    for name in (*watched, Driver(tmp_path / "runs.db").path.name):
        assert f"| `{name}` |" in PAGE
    assert len(watched) == 3
