"""Every block of code in the README runs, in their order, against the server it tells to start.

A word behind the language says what is special about a block: `server` starts the server,
`tests` would run these tests from within themselves, so that only the way there is followed.
A block of JSON is what the request before it answers, value by value; one of text is how its
report begins.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
ADDRESS = "127.0.0.1:8000"


class Block(NamedTuple):
    """A fenced block: its language, the word behind it, and the code."""

    language: str
    mark: str
    code: str


def blocks() -> list[Block]:
    """Find the fenced blocks of the README."""
    text = (ROOT / "README.md").read_text()
    return [
        Block(*found)
        for found in re.findall(r"^```(\w+) ?(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]


def free_port() -> int:
    """Ask the system for a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(command: str, port: int) -> Iterator[None]:
    """Start the server as a user does, wait until it says where it is, and stop it."""
    with subprocess.Popen(
        ["bash", "-c", f"{command} PORT={port}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as server:
        assert server.stdout is not None
        try:
            said = iter(server.stdout.readline, "")
            assert any(f"http://127.0.0.1:{port}" in line for line in said)
            yield
        finally:
            os.killpg(server.pid, signal.SIGTERM)


def run(command: list[str], home: Path) -> str:
    """Run one block as a user would, elsewhere than in the sources; any failure is ours."""
    done = subprocess.run(
        command,
        cwd=home,
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_every_block_of_the_readme_runs(tmp_path: Path) -> None:
    first, *rest = blocks()
    assert first == Block("bash", "server", "make run\n")
    (tmp_path / ".curlrc").write_text("fail-with-body\n")
    port = free_port()
    answer = ""

    with served(first.code.strip(), port):
        for block in rest:
            code = block.code.replace(ADDRESS, f"127.0.0.1:{port}")
            match block:
                case Block("bash", "tests"):
                    run(["bash", "-euc", f"cd {ROOT}; {code.replace('make', 'make -n')}"], tmp_path)
                case Block("bash", ""):
                    answer = run(["bash", "-euo", "pipefail", "-c", code], tmp_path)
                case Block("json", ""):
                    assert json.loads(answer) == json.loads(code)
                case Block("text", ""):
                    assert json.loads(answer)["state"]["report"].startswith(code.strip())
                case Block("python", ""):
                    run([sys.executable, "-W", "error", "-c", code], tmp_path)
                case _:
                    raise AssertionError(f"nobody knows how to run {block}")


def test_the_readme_shows_each_of_the_four_routes() -> None:
    shown = "".join(block.code for block in blocks())

    for route in ("graph/create", "graph/run", "graph/state/", "ws/workflow/"):
        assert f"{ADDRESS}/api/v1/{route}" in shown
