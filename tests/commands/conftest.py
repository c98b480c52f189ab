"""The command line in the process of the test, and a real server for it to ask."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from api.commands.command_line import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

AWE = [sys.executable, "-W", "error", "-m", "api"]

CHORUS = """
name: chorus
edges:
  greet: count_words
  count_words: [{when: "words < max_words", to: echo}, {to: null}]
  echo: count_words
entry: greet
state: {defaults: {name: world, max_words: 4}}
"""
"""A loop that ends after two rounds."""

BROKEN = '{"name": "broken", "edges": {"greet": ["sing", "dance"]}}'
"""A graph with two nodes that nobody has tools for."""

FAILS = '{"max_words": "many"}'
"""A state on which the loop of `CHORUS` fails."""


class Done(NamedTuple):
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str


class Server(NamedTuple):
    """A server in a process of its own."""

    address: str
    said: str
    process: subprocess.Popen[str]

    def ask(self, path: str, body: object = None) -> dict[str, Any]:
        """Send a request, and give its answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, data, headers)  # noqa: S310  # ours
        with urllib.request.urlopen(request) as answer:  # noqa: S310  # as above
            found: dict[str, Any] = json.load(answer)
            return found

    def start(self, run_id: str, graph: str = "chorus", **told: object) -> dict[str, Any]:
        """Start a run, and give what is said of it once it has ended or is paused."""
        wanted = {"graph_id": graph, "run_id": run_id, "initial_state": {}, "wait": 30, **told}
        return self.ask("/api/v1/graph/run", wanted)


@contextmanager
def serving(*arguments: str, cwd: Path | None = None) -> Iterator[Server]:
    """Start `awe serve`, and give it once it can be reached and has said all it has to say."""
    with subprocess.Popen(
        [*AWE, "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
    ) as process:
        assert process.stdout is not None
        said = ""
        try:
            while "Ctrl-C" not in said:
                line = process.stdout.readline()
                assert line, process.communicate()
                said += line
            found = re.search(r"http://\S+:\d+", said)
            assert found is not None
            yield Server(found[0], said, process)
        finally:
            process.kill()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Give a server that has the graphs `hello` and `chorus`."""
    with serving() as server:
        loop = {"when": "words < max_words", "to": "echo"}
        edges = {"greet": "count_words", "count_words": [loop, {"to": None}], "echo": "count_words"}
        state = {"defaults": {"name": "world", "max_words": 4}}
        chorus = {"name": "chorus", "edges": edges, "entry": "greet", "state": state}
        server.ask("/api/v1/graph/create", chorus)
        yield server


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing of the environment of whoever runs the tests be heard."""
    for name in ("AWE_SERVER", "AWE_STORE", "AWE_REDIS", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def awe(capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Give the command line, as a function of its words."""

    def call(*words: str) -> Done:
        status = main(words)
        return Done(status, *capfd.readouterr())

    return call


@pytest.fixture
def chorus(tmp_path: Path) -> str:
    """Give the file of a graph that is a loop."""
    path = tmp_path / "chorus.yaml"
    path.write_text(CHORUS)
    return str(path)


def started(*words: str, **told: Any) -> subprocess.Popen[str]:
    """Start the command as a process."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*AWE, *words], **{**pipes, "env": dict(os.environ), **told})
