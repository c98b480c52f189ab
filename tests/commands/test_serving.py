"""`awe serve` in the process of the test; as a process it is tried in tests/api/test_serve.py."""

from __future__ import annotations

import os
import signal
import threading
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from api.commands.interrupt import INTERRUPTS, SIGNALS
from tests.test_readme import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import Done

    Awe = Callable[..., Done]


@pytest.fixture(autouse=True)
def _heeded() -> Iterator[None]:
    """Let signals be heeded as in a process of the command, and as before afterwards."""
    before = [(each, signal.getsignal(each)) for each in SIGNALS]
    INTERRUPTS.heed()
    yield
    for each, handler in before:
        signal.signal(each, handler)
    INTERRUPTS.number = None


def stopped_once_it_answers(port: int) -> threading.Thread:
    """Press Ctrl-C as soon as a server answers."""

    def press() -> None:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz").close()
            except OSError:
                time.sleep(0.02)  # it does not listen yet
            else:
                break
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    return thread


def test_it_says_where_it_is_what_it_has_what_to_try_and_how_it_is_stopped(
    awe: Awe, tmp_path: Path
) -> None:
    port, store = free_port(), tmp_path / "runs.db"
    pressing = stopped_once_it_answers(port)
    done = awe("serve", "--port", str(port), "--store", f"sqlite:///{store}")
    pressing.join()
    lines = done.out.splitlines()

    assert (done.status, done.err) == (0, "awe: stopping; Ctrl-C again ends it at once\n")
    assert lines[0].endswith(f" listens at http://127.0.0.1:{port}")
    assert lines[2] == f"  store   {store}"
    assert lines[3] == "  graphs  code-review, hello"
    assert lines[7].startswith('  curl -sS --json \'{"graph_id":"code-review",')
    assert lines[8].endswith(f" watch --server http://127.0.0.1:{port}")
    assert lines[9].endswith(f" runs --server http://127.0.0.1:{port}")
    assert lines[-1] == "Ctrl-C stops it."


def test_it_is_reached_by_others_only_if_that_is_said_twice(awe: Awe) -> None:
    port = free_port()
    refused = awe("serve", "--port", str(port), "--host", "0.0.0.0")  # noqa: S104  # as said
    pressing = stopped_once_it_answers(port)
    done = awe("serve", "--port", str(port), "--host", "0", "--open-to-anyone")
    pressing.join()

    assert (refused.status, refused.out) == (2, "")
    assert "awe serve --host 0.0.0.0 --open-to-anyone" in refused.err
    assert "warning whoever reaches this machine may do everything here" in done.out
