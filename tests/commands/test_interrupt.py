"""Ctrl-C: the first ends a command in good order and says so, the next one at once."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest

from tests.test_readme import free_port

from .conftest import serving, started

ROOT = Path(__file__).parents[2]

STOPPING = "awe: stopping; Ctrl-C again ends it at once\n"
ENDED = "awe: ended at once\n"
INTERRUPTED = "awe: interrupted\n"

ENDLESS = """
name: endless
edges: {greet: count_words, count_words: [{when: "words < 0", to: null}, {to: greet}]}
entry: greet
state: {defaults: {name: world}}
limits: {max_visits: 1000000, max_activations: 1000000}
"""
"""A graph that goes on far longer than any test."""


def heeds(process: subprocess.Popen[str]) -> None:
    """Wait until a process has a way of its own to end; Python has none for SIGTERM."""
    while True:
        (line,) = [
            each
            for each in Path(f"/proc/{process.pid}/status").read_text().splitlines()
            if each.startswith("SigCgt:")
        ]
        if int(line.split()[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)  # nobody is told of it


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait until a process has ended: its status, and what it said from now on."""
    out, err = process.communicate(timeout=15)
    return process.returncode, out, err


# -- at any moment ----------------------------------------------------------------------------


@pytest.mark.parametrize("presses", [1, 2])
@pytest.mark.parametrize("words", [["serve", "--port", "0"], ["run", "endless.yaml"], ["doctor"]])
def test_it_is_never_a_traceback_however_early_it_comes(
    words: list[str], presses: int, tmp_path: Path
) -> None:
    (tmp_path / "endless.yaml").write_text(ENDLESS)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    for wait in (0, 0.05, 0.15, 0.3, 0.6, 1):
        # Without `-W error`: what an import leaves open that is broken off is of no interest.
        with subprocess.Popen(
            [sys.executable, "-m", "api", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=env,
        ) as process:
            heeds(process)
            time.sleep(wait)  # any moment will do
            for _ in range(presses):
                process.send_signal(signal.SIGINT)
                time.sleep(0.002)  # else they are one
            status, _, err = ended(process)

        assert "Traceback" not in err, (wait, err)
        assert "Error" not in err, (wait, err)
        # It may have been done already, or be a server that has stopped; and in its very last
        # moment a process has no handlers any more, so that shells count -2 as 130.
        assert status in (130, 0, 1, -signal.SIGINT), (wait, err)
        if status == 130:
            assert err.endswith((INTERRUPTED, ENDED)), (wait, err)


def test_while_it_loads_the_first_one_ends_it_with_a_line() -> None:
    code = """
import os, signal, sys

class Pressed:
    def find_spec(self, name, *_):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Pressed())
from api.__main__ import main
assert "typer" not in sys.modules
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert (done.returncode, done.stdout, done.stderr) == (130, "", INTERRUPTED)


# -- serve ------------------------------------------------------------------------------------


def held(address: str) -> socket.socket:
    """Ask a server for far more than fits into a socket, and take none of it.

    It waits with its end until this is taken, or its patience has ended.
    """
    host, _, port = address.removeprefix("http://").partition(":")
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.connect((host, int(port)))
    link.sendall(20 * b"GET /api/v1/graph/state/large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert link.recv(1) == b"H"
    return link


LARGE = {"initial_state": {"more": "x" * 900_000}}


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_server_that_waits_for_a_client_ends_at_once_by_the_second(first: signal.Signals) -> None:
    with serving() as server:
        server.start("large", graph="hello", **LARGE)
        with held(server.address):
            process = server.process
            process.send_signal(first)
            assert process.stderr is not None
            assert process.stderr.readline() == STOPPING
            process.send_signal(signal.SIGTERM)  # which is what `timeout` does
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert ended(process) == (130, "", ENDED)
            assert time.monotonic() - began < 5


def test_a_server_that_was_told_to_end_again_and_again_by_who_can_kill_it_ends_in_good_order() -> (
    None
):
    with serving() as server:
        for _ in range(3):
            server.process.send_signal(signal.SIGTERM)
        assert ended(server.process) == (0, "", STOPPING)


def answers(port: int) -> bool:
    """Tell whether a server answers at a port."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.parametrize("nobody", [">/dev/full", "| (trap '' INT; head -1)", ">&-"])
def test_a_server_to_which_nobody_listens_serves_and_ends_all_the_same(nobody: str) -> None:
    port = free_port()
    command = f"exec {sys.executable} -m api serve --port {port} 2>&3 {nobody}"
    with (
        TemporaryFile("w+") as said,
        subprocess.Popen(
            # The signal is for all of them; bash is to give the status of the server.
            ["bash", "-o", "pipefail", "-c", f"trap : INT; exec 3>&2; {command}"],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        ) as process,
    ):
        while not answers(port):
            assert process.poll() is None
            time.sleep(0.02)  # nobody says when it listens: that is the point
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(15) == 0
        said.seek(0)
        assert said.read() == STOPPING


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
@pytest.mark.parametrize("presses", [1, 2])
def test_under_make_it_ends_in_the_same_way_and_leaves_no_process(presses: int) -> None:
    options = ["-o", ".venv/serves", f"BIN={Path(sys.executable).parent}", f"PORT={free_port()}"]
    with subprocess.Popen(
        ["make", *options, "run"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group, as that of a terminal
    ) as make:
        assert make.stdout is not None
        assert make.stderr is not None
        while "Ctrl-C stops it." not in make.stdout.readline():
            assert make.poll() is None
        os.killpg(make.pid, signal.SIGINT)
        assert make.stderr.readline() == STOPPING
        if presses > 1:
            os.killpg(make.pid, signal.SIGINT)
        _, _, err = ended(make)

    assert "Traceback" not in err
    assert err.startswith(ENDED if presses > 1 else "") or not err
    with pytest.raises(ProcessLookupError):
        os.killpg(make.pid, 0)


# -- run --------------------------------------------------------------------------------------


def test_a_run_that_is_kept_says_how_it_goes_on_and_does(tmp_path: Path) -> None:
    path, store = tmp_path / "endless.yaml", tmp_path / "runs.db"
    path.write_text(ENDLESS)
    with started("run", str(path), "--watch", "--run-id", "r", "--store", str(store)) as running:
        assert running.stderr is not None
        while "node.completed" not in running.stderr.readline():
            pass
        running.send_signal(signal.SIGINT)
        status, out, err = ended(running)

    assert (status, out) == (130, "")
    assert err.splitlines()[-1] == (
        f"awe: interrupted; run 'r' goes on when {store} is served (awe serve --store {store})"
    )
    with serving("--store", str(store)) as server:
        assert server.ask("/api/v1/graph/state/r")["status"] == "running"
        server.ask("/api/v1/runs/r/cancel", {})


SLOW = """
import asyncio, signal, sys
from api.commands import stoppable
from api.commands.interrupt import INTERRUPTS

async def slow():
    print("begun", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep({seconds})
        print("in good order", flush=True)

INTERRUPTS.heed()
try:
    stoppable.run(slow())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def slow(seconds: float) -> subprocess.Popen[str]:
    """Start a command that takes so long to stop, and give it once it has begun."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    code = SLOW.format(seconds=seconds)
    process = subprocess.Popen([sys.executable, "-W", "error", "-c", code], cwd=ROOT, **pipes)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def test_what_takes_long_to_stop_says_so_and_ends_at_once_by_the_second() -> None:
    with slow(60) as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.readline() == STOPPING
        process.send_signal(signal.SIGINT)
        assert ended(process) == (130, "", ENDED)


def test_what_stops_soon_says_nothing_of_it_and_does_what_is_left_to_do() -> None:
    with slow(0) as process:
        process.send_signal(signal.SIGINT)
        assert ended(process) == (0, "in good order\ninterrupted\n", "")


def test_what_runs_in_the_background_of_nohup_is_not_interrupted() -> None:
    code = "import signal, sys; from api.commands.interrupt import INTERRUPTS; INTERRUPTS.heed();"
    code += "signal.raise_signal(signal.SIGINT); print('goes on')"
    done = subprocess.run(
        ["bash", "-c", f"trap '' INT; exec {sys.executable} -c \"{code}\""],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )

    assert done.stdout == "goes on\n"


def test_a_command_that_only_asks_ends_with_a_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with started("runs", "--timeout", "60", "--server", address, cwd=tmp_path) as asking:
            link, _ = silent.accept()
            with link:
                link.recv(1)
                asking.send_signal(signal.SIGINT)
                assert ended(asking) == (130, "", INTERRUPTED)
