"""What all servers of tests have in common: a free port, a process, and that one may be missing.

This module knows the machine. It does not know which servers there are.
"""

from __future__ import annotations

import os
import socket
from typing import Final

UP: Final = 30.0
"""Seconds that a server gets to answer."""


class ServerMissing(Exception):
    """A server is not installed; the message says how to get it."""


def free_port() -> int:
    """Give a port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def lives(pid: int) -> bool:
    """Tell whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
