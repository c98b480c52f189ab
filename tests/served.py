"""A server as a process of its own, for tests that ask it as anybody would."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[1]


@contextmanager
def served(*arguments: str) -> Iterator[str]:
    """Start `awe serve` on a free port, give the address, and kill it in the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "api", "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as server:
        try:
            assert server.stdout is not None
            for line in server.stdout:
                if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                    yield found[0]
                    break
            else:
                raise AssertionError("the server said nothing")
        finally:
            server.kill()
