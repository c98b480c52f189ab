"""What tests of killed processes share: a nursery for each worker of pytest, and a fast folder."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.system.workers import Nursery

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """A process that forks workers."""
    with Nursery() as nursery:
        yield nursery


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory, where there is one.

    A process that is killed leaves the machine's memory as it is, so that what it wrote is there
    whether it has reached a disk or not, and waiting for the disk would prove nothing.
    """
    memory = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it
    there = memory.is_dir() and os.access(memory, os.W_OK)
    with tempfile.TemporaryDirectory(prefix="awe-", dir=memory if there else None) as name:
        yield Path(name)
