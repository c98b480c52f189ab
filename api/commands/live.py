"""The log of a run of a server, live, over connections that may break.

This module knows when to ask again, and that no entry is yielded twice or left out. It does
not know how a server is asked (`server_client`), nor what entries say.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import httpx2
import orjson

from api.commands.server_client import OVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from api.commands.server_client import Said, ServerClient

ENDS: Final = frozenset({"run.completed", "run.failed", "run.cancelled"})
"""The types of the entry that ends a log."""

_PATIENCE: Final = 60.0
"""Seconds for which a server that went away is tried again."""

_STEADY: Final = 5.0
"""Seconds after which a connection counts as one that worked, though nothing came."""

_PAUSES: Final = (0.1, 0.3, 1.0)
"""Seconds between attempts to reach a server that went away; the last one goes on."""


def entries(
    server: ServerClient, run_id: str, after: int = -1, *, lost: Callable[[int], None]
) -> Iterator[Said]:
    """Yield the entries of a run after `after`, then new ones, until the log ends.

    In between come frames, which no log holds. However often the connection is lost, every
    entry is yielded once.

    Args:
        server: Who has the run.
        run_id: Whose log.
        after: The last entry already seen; -1: none.
        lost: Told, each time the connection was lost, after which entry it goes on.

    Raises:
        Failure: There is no such run, nobody answers, or the server was away for a minute.
    """
    seen = after
    connection = _Connection()
    while True:
        broken = None
        connection.begins()
        try:
            for said in server.stream(run_id, seen):
                connection.answers(has_news=said is not None)
                if said is None:
                    continue
                if said.kind == OVER:
                    return
                seen = seen if said.seq is None else said.seq
                yield said
                if said.kind in ENDS:
                    return
        except (httpx2.TransportError, orjson.JSONDecodeError) as error:
            broken = error
        if connection.is_given_up():
            raise server.away(broken) from broken
        if connection.is_new_loss():
            lost(seen)
        connection.pauses()


class _Connection:
    """How often a server was tried in vain, and for how long."""

    def __init__(self) -> None:
        self._ever = False
        """Whether the server has ever answered."""
        self._attempt = 0
        """How often it was tried since the connection was last of use."""
        self._since = self._began = time.monotonic()
        self._answers = False

    def begins(self) -> None:
        """Take note that it is tried."""
        self._began, self._answers = time.monotonic(), False

    def answers(self, *, has_news: bool) -> None:
        """Take note that something came."""
        self._ever = self._answers = True
        if has_news:
            self._began = -_STEADY  # whatever comes is worth any time

    def is_given_up(self) -> bool:
        """Tell, after a loss, whether to stop trying."""
        now = time.monotonic()
        if self._answers and now - self._began > _STEADY:
            self._since, self._attempt = now, 0
        return not self._ever or now - self._since > _PATIENCE

    def is_new_loss(self) -> bool:
        """Tell whether this is the first loss since the connection was last of use."""
        return self._attempt == 0

    def pauses(self) -> None:
        """Wait before the next attempt, a little longer each time."""
        time.sleep(_PAUSES[min(self._attempt, len(_PAUSES) - 1)])
        self._attempt += 1
