"""The host that executes runs in this process, on its asyncio loop.

`host` takes steps, `keeping` sees that they are kept before anything follows from them,
`calls` and `actor` have tools called, in `threads` and `processes` where they are plain,
`timers` waits, and `turn` sees to it that all of them together leave room for the loop's
other guests.
"""

from engine.hosts.local.host import MOST_RUNS, LocalHost

__all__ = ["MOST_RUNS", "LocalHost"]
