"""The command `awe`.

This module knows the command line. It does not know how serving works (`server`).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, get_args

from api.app import create_app
from api.health import VERSION
from api.server import Server
from engine import (
    Durability,
    Engine,
    EngineError,
    MemoryStore,
    SQLiteStore,
    Store,
    installed_tools,
)

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
    serve.add_argument("--store", metavar="PATH", help="file to keep runs in; else in memory")
    serve.add_argument(
        "--durability",
        choices=get_args(Durability),
        default="sync",
        help="when what a run does is kept: before what follows from it begins (sync), behind "
        "the run (async), or when it has ended or rests (exit) (%(default)s)",
    )
    given = parser.parse_args(arguments)
    try:
        store = MemoryStore() if given.store is None else SQLiteStore(given.store)
        engine = Engine(tools=installed_tools(), store=store, durability=given.durability)
        asyncio.run(_try(store))
    except EngineError as error:
        print(f"awe: {error}", file=sys.stderr)  # noqa: T201  # a command speaks
        return 1
    server = Server(
        create_app(engine, graphs_to_create=[HELLO]),
        host=given.host,
        port=given.port,
        listening=partial(_say, given.store or "memory"),
    )
    with suppress(KeyboardInterrupt):
        server.run()
    return 0 if server.started else 1


async def _try(store: Store) -> None:
    """Open a store once before it is needed: what is wrong is then said without a traceback."""
    await store.open()
    await store.close()


def _say(kept: str, address: str) -> None:
    said = f"Agent Workflow Engine {VERSION} at {address}, runs in {kept} (Ctrl-C stops it)"
    print(said, flush=True)  # noqa: T201  # a command speaks


if __name__ == "__main__":
    sys.exit(main())
