"""The command `awe`, as a process."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

AWE = [sys.executable, "-W", "error", "-m", "api"]


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_serves_and_stops(stop: signal.Signals) -> None:
    with subprocess.Popen(
        [*AWE, "serve", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        said = server.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert found is not None
        with urllib.request.urlopen(f"{found[0]}/healthz") as answer:  # noqa: S310  # our own
            assert json.load(answer)["status"] == "ok"
        server.send_signal(stop)
        assert server.wait(10) in (0, -stop)
        assert server.stderr.read() == ""


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*AWE, "serve", "--port", port], capture_output=True, text=True, check=False
        )

    assert done.returncode != 0
    assert "address already in use" in done.stderr
    assert done.stdout == ""


def test_without_a_command_it_says_which_there_are() -> None:
    done = subprocess.run(AWE, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "serve" in done.stderr
