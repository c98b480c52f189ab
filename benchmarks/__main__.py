"""Measures the host, and prints every figure beside its goal: `python -m benchmarks`.

This module knows which measurements there are and in which order they are made. Machines
are shared and noisy: CPU time and ratios to something bare in the same round are worth more
than wall time, and what is shown is the median of all rounds with the middle half of them.
It always ends with 0: a figure is read by people, and promises are kept by tests.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import platform
import sys
import time
from typing import TYPE_CHECKING

from benchmarks import budget, durable, hops, memory, postgres, readers, starting, streams, waits
from benchmarks.rounds import QUICK

if TYPE_CHECKING:
    from collections.abc import Callable

try:
    import uvloop
except ImportError:  # comes with uvicorn[standard], but not on every platform
    LOOP: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    LOOP_NAME = "asyncio's own loop"
else:
    LOOP = uvloop.new_event_loop
    LOOP_NAME = f"uvloop {uvloop.__version__}"

PARTS = {
    "hops": hops,
    "budget": budget,
    "readers": readers,
    "streams": streams,
    "waits": waits,
    "durable": durable,
    "postgres": postgres,
    "memory": memory,
    "starting": starting,
}


def main() -> int:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of each, to see it work")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS), help="which")
    asked = parser.parse_args()
    began = time.monotonic()
    print(
        f"{platform.python_implementation()} {platform.python_version()} on {LOOP_NAME}, "
        f"{platform.machine()}, medians; quartiles are those of what is compared with the goal"
    )
    if sys.version_info < (3, 12):
        print("before 3.12 tasks can't begin at once: the goal of a hop is 4.5, from then on 2.7")
    gc.disable()  # as where nothing is left to collect: each measurement begins with a collection
    missed = []
    for name in asked.only:
        part = PARTS[name]
        with asyncio.Runner(loop_factory=LOOP) as runner:
            sections = runner.run(part.measure(QUICK if asked.quick else part.ROUNDS))
        gc.collect()
        for section in sections:
            print()
            print(*section.text(), sep="\n", flush=True)
            missed += [line.what for line in section.lines if not line.met]
    print(f"\n{time.monotonic() - began:.0f} s; goals not met: {', '.join(missed) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
