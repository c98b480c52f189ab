"""The program `awe`: almost from its first instruction on, Ctrl-C ends it without a traceback.

This module knows how the process begins. It imports nothing that takes time before signals are
heeded, and does not know which commands there are (`commands.command_line`).
"""

from __future__ import annotations

import sys

from api.commands.interrupt import INTERRUPTS


def main() -> int:
    """Do what the command line says; give the exit status."""
    INTERRUPTS.heed()
    from api.commands import command_line  # noqa: PLC0415  # it takes 0.1 s

    status = command_line.main(sys.argv[1:])
    INTERRUPTS.leave(status)
    return status


if __name__ == "__main__":
    sys.exit(main())
