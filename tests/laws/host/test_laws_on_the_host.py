"""The random graphs of the laws, executed by the engine itself on a seeded loop.

`AWE_HOST_LAWS` is how many graphs are tried: a tenth of `AWE_LAWS`, so 1,000 unless that is given,
and no more than fit into a quarter of `AWE_LAWS_SECONDS`. `SEED` is the first one.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import pytest

from tests.laws.host.laws import check
from tests.laws.test_laws import FIRST, GRAPHS, SECONDS, WORKERS, told

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNKS: Final = 10
SIZE: Final = int(os.environ.get("AWE_HOST_LAWS", GRAPHS // 10)) // CHUNKS
SHARE: Final = SECONDS / 4 * WORKERS / CHUNKS
"""Seconds of a chunk."""


@pytest.mark.timeout(0 if float("inf") > SECONDS else 120)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_engine_does_what_the_model_does_wherever_it_is_cut(
    chunk: int, record_property: Callable[[str, object], None]
) -> None:
    began, done, seen = time.monotonic(), 0, Counter[str]()
    for seed in range(FIRST + chunk * SIZE, FIRST + (chunk + 1) * SIZE):
        if time.monotonic() - began > SHARE:
            break
        with told(seed, ".venv/bin/python -m tests.laws.replay {seed} --host"):
            seen.update(check(seed))
        done += 1
    took = time.monotonic() - began
    record_property("laws on the host", {"graphs": done, "seen": dict(seen)})
    shares = {what: f"{count / max(done, 1):.1%}" for what, count in seen.most_common()}
    print(f"{done} graphs from seed {FIRST + chunk * SIZE}, {done / took:.0f} a second")
    print(json.dumps(shares, indent=1))
