"""Each of these tests makes many loops, and looks after each for what was left to the collector."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True, scope="module")
def _only_what_is_new_is_looked_at() -> Iterator[None]:
    # A full collection costs 25 ms with all modules of the engine and of pytest in it, and
    # less than 1 ms without.
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
