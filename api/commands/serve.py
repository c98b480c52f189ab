"""`awe serve`: the HTTP API and its page, until it is stopped.

This module knows what is said before and while a server runs. It does not know how serving
works (`api.server`), nor what is served (`api.app`).
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from contextlib import contextmanager, suppress
from datetime import timedelta  # noqa: TC003  # typer reads annotations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import orjson
import typer

from api.app import create_app
from api.commands import port as ports
from api.commands import shipped, stoppable
from api.commands.age import age_of
from api.commands.embedded import engine_here, store_at, told
from api.commands.failure import FAILED, WRONG, Failure
from api.commands.interrupt import INTERRUPTS, say
from api.commands.redis import RedisOption, cache_at
from api.commands.screen import hang, output, paste, styled
from api.commands.server_client import SETTING, USUAL
from api.commands.store import MEMORY, StoreOption, place_of
from api.health import VERSION
from api.server import Server
from engine import Durability, Retention

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from api.commands.store import Place
    from engine import Engine, Store

_MOST: Final = 10
"""Graphs that are named."""

SAMPLE: Final = "import os\ndef area(r): return 3.14*r*r"
"""A piece of code to review."""


def command(  # noqa: PLR0913  # the options, each with a default
    *,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(min=0, max=ports.HIGHEST, metavar="N", help="The port; 0: any that is free."),
    ] = 8000,
    store: StoreOption = MEMORY,
    redis: RedisOption = None,
    durability: Annotated[
        Durability,
        typer.Option(
            help="When what a run does is kept: before what follows from it begins (sync), "
            "behind the run (async), or when it has ended or rests (exit)."
        ),
    ] = "sync",
    retention: Annotated[
        timedelta | None,
        typer.Option(
            parser=age_of,
            envvar="AWE_RETENTION",
            metavar="AGE",
            help="Remove runs, hourly, that ended longer ago: 30d, 12h, 2w. Else they stay.",
        ),
    ] = None,
    retention_keep: Annotated[
        int | None,
        typer.Option(
            min=0,
            envvar="AWE_RETENTION_KEEP",
            metavar="N",
            help="Remove runs that have ended, but the latest so many of each graph.",
        ),
    ] = None,
    open_to_anyone: Annotated[
        bool,
        typer.Option(
            "--open-to-anyone",
            help="Listen on an address that other machines can reach, too: whoever reaches it "
            "may do everything.",
        ),
    ] = False,
) -> int:
    """Serve the HTTP API and its page, until Ctrl-C."""
    addresses = ports.addresses_of(host)
    alone = all(ports.is_loopback(each) for each in addresses)
    if not alone and not open_to_anyone:
        raise Failure(
            f"other machines can reach {host}, and whoever does may do everything here: "
            "there is no access control yet",
            hint=f"if that is meant: awe serve --host {host} --open-to-anyone",
            status=WRONG,
        )
    kept = place_of(store)
    with told():
        graphs = shipped.documents()
        stoppable.run(_try(store_at(kept), engine_here(), graphs))
        cache = cache_at(redis)
        place = None if cache is None else cache.place
        engine = engine_here(kept, durability=durability, cache=cache)
    sockets = ports.bound(host, port)

    def listening(address: str) -> None:
        graph_ids = [each.graph_id for each in engine.graphs()]
        # It serves though nobody reads what it says; rich would end it (SystemExit).
        with suppress(OSError, SystemExit):
            _say(address, kept, graph_ids, alone=alone, redis=place)

    # `0` and the like are all addresses, too; the application knows them by one name.
    anywhere = next((str(each) for each in addresses if each.is_unspecified), None)
    app = create_app(
        engine,
        graphs_to_create=graphs,
        host=anywhere or host,
        retention=None
        if retention is None and retention_keep is None
        else Retention(age=retention, keep=retention_keep),
    )
    server = _Stoppable(app, host=host, port=port, listening=listening)
    server.run(sockets)
    return 0 if server.started else FAILED


class _Stoppable(Server):
    """A server that ends in good order when it is told to, once; Ctrl-C again ends it at once."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Heed signals as all commands do: uvicorn would raise them again when it has stopped."""
        with INTERRUPTS.stopping(self._stop):
            yield

    def _stop(self) -> None:
        say(stoppable.STOPPING)
        self.should_exit = True


async def _try(store: Store, trial: Engine, graphs: Sequence[Mapping[str, object]]) -> None:
    """Do once what the server is about to do: what is wrong is then said without a traceback."""
    await store.open()
    try:
        await store.claim("awe serve, which is about to begin")
    finally:
        await store.close()
    async with trial:
        for document in graphs:
            await trial.create(document)


def _say(
    address: str, kept: Place | None, graphs: Sequence[str], *, alone: bool, redis: str | None
) -> None:
    """Say where the server is, what it has, what to try first, and how to stop it."""
    screen = output()

    def line(label: str, text: str) -> None:
        hang(screen, styled(f"  {label:<8}", "dim"), styled(text))

    screen.print(
        styled(f"Agent Workflow Engine {VERSION}", "bold"),
        styled("listens at"),
        styled(address, "bold cyan"),
    )
    screen.print()
    memory = "memory: runs are gone when it stops (--store runs.db keeps them)"
    line("store", memory if kept is None else str(kept))
    if redis is not None:
        line("results", f"Redis at {redis}, for all that ask the same one")
    more = f" and {len(graphs) - _MOST} more" if len(graphs) > _MOST else ""
    line("graphs", ", ".join(graphs[:_MOST]) + more)
    if not alone:
        line("warning", "whoever reaches this machine may do everything here")
    screen.print()
    screen.print("Three lines to paste into another terminal: review code, watch that, list runs")
    screen.print()
    for each in to_try(address, graphs):
        paste(screen, styled("  "), styled(each, "green"))
    screen.print()
    screen.print("Ctrl-C stops it.")
    sys.stdout.flush()


def to_try(address: str, graphs: Sequence[str]) -> tuple[str, str, str]:
    """Give three lines for a shell: run a graph, watch the run, list the runs."""
    graph, state = "hello", {"name": "Ada"}
    if shipped.REVIEW in graphs:
        graph, state = shipped.REVIEW, {"code": SAMPLE}
    body = orjson.dumps({"graph_id": graph, "initial_state": state, "wait": 60}).decode()
    found = address == (os.environ.get(SETTING) or USUAL)  # without being told
    asked = f"{_myself()} {{}}" + ("" if found else f" --server {address}")
    return (
        f"curl -sS --json {shlex.quote(body)} {address}/api/v1/graph/run",
        asked.format("watch"),
        asked.format("runs"),
    )


def _myself() -> str:
    """Give the command that this program was started by, as it is written in this folder."""
    called = Path(sys.argv[0])
    if called.name != "awe":
        return f"{shlex.quote(os.path.relpath(sys.executable))} -m api"
    found = shutil.which("awe")
    if found is not None and Path(found).resolve() == called.resolve():
        return "awe"
    relative = os.path.relpath(called)
    return shlex.quote(relative if len(relative) < len(str(called)) else str(called))
