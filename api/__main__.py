"""The command `awe`.

This module knows the command line. It does not know how serving works (`server`).
"""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from api.app import create_app
from api.health import VERSION
from api.server import Server
from engine import Engine, EngineError, installed_tools

if TYPE_CHECKING:
    from collections.abc import Sequence

HELLO: Final = {
    "name": "hello",
    "description": "Greets, and counts the words of the greeting.",
    "edges": {"greet": "count_words"},
    "state": {"defaults": {"name": "world"}},
}
"""The graph that a fresh server has, so that the first request has something to run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; give the exit status."""
    parser = argparse.ArgumentParser(prog="awe", description="Agent Workflow Engine")
    parser.add_argument("--version", action="version", version=f"awe {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve the HTTP API")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    serve.add_argument("--port", type=int, default=8000, help="port, 0 for any (%(default)s)")
    given = parser.parse_args(arguments)
    try:
        engine = Engine(tools=installed_tools())
    except EngineError as error:
        print(f"awe: {error}", file=sys.stderr)  # noqa: T201  # a command speaks
        return 1
    server = Server(
        create_app(engine, graphs_to_create=[HELLO]),
        host=given.host,
        port=given.port,
        listening=_say,
    )
    with suppress(KeyboardInterrupt):
        server.run()
    return 0 if server.started else 1


def _say(address: str) -> None:
    print(f"Agent Workflow Engine {VERSION} at {address} (Ctrl-C stops it)", flush=True)  # noqa: T201  # a command speaks


if __name__ == "__main__":
    sys.exit(main())
