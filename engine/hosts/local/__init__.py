"""The host that executes runs in this process, on its asyncio loop.

`host` takes steps and keeps them, `actor` calls tools, `timers` waits, and `turn` sees to it
that all of them together leave room for the loop's other guests.
"""

from engine.hosts.local.host import LocalHost

__all__ = ["LocalHost"]
