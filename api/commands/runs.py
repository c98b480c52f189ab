"""`awe runs`: the runs of a server, the latest first.

This module knows which of them are asked for, and how a list of them is shown. It does not know
how a server is asked (`server_client`).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Table

from api.commands.age import when
from api.commands.given import tags
from api.commands.screen import cut, notes, output, put, show_json, styled
from api.commands.server_client import (
    READING,
    RUNS,
    ServerClient,
    ServerOption,
    TimeoutOption,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from api.commands.server_client import Object
    from engine import Json

_PAGE: Final = 1_000
"""Runs that a server lists at once."""

_STYLES: Final[Mapping[str, str]] = {
    "completed": "green",
    "failed": "red",
    "cancelled": "yellow",
    "paused": "yellow",
    "running": "cyan",
}


def command(  # noqa: PLR0913  # what may be asked for, each with a default
    *,
    status: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STATUS",
            help="Only those that are running, paused, completed, failed or cancelled; "
            "may be repeated.",
        ),
    ] = None,
    graph: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only those of this graph.")
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE", help="Only those with this tag; of several, with all of them."
        ),
    ] = None,
    error: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help="Only those that failed with this code, or are paused for it."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            help="Only those that began then or later: 2h (so long ago), 2026-11-22, "
            "2026-11-22T10:00.",
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Only those that began before.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many.")] = 20,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write a list of JSON, as the API answers it.")
    ] = False,
    server: ServerOption = None,
    timeout: TimeoutOption = READING,
) -> int:
    """List the runs of a server, the latest first."""
    wanted = [f"{key}:{value}" for key, value in tags(tag or ()).items()]
    found: list[Object] = []
    more: Json = None
    with ServerClient(server, patience=timeout) as client:
        while len(found) < limit:
            page = client.get(
                RUNS,
                status=status or None,
                graph=graph,
                tag=wanted or None,
                error=error,
                since=None if since is None else when("--since", since),
                until=None if until is None else when("--until", until),
                limit=min(limit - len(found), _PAGE),
                before=str(more) if more else None,
            )
            listed, more = page["runs"], page["next"]
            found += (
                [each for each in listed if isinstance(each, dict)]
                if isinstance(listed, list)
                else []
            )
            if more is None:
                break
        if as_json:
            show_json(found)
            return 0
        if not found:
            which = " such" if any((status, graph, tag, error, since, until)) else ""
            notes().print(styled(f"there are no{which} runs at {client.address}"))
            return 0
        put(output(), _table(found))
        if more is not None:
            notes().print(styled(f"and more: --limit {2 * limit}", "dim"))
    return 0


def _table(runs: Iterable[Object]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("run", "graph", "status", "began", "took", "error"):
        table.add_column(
            name, overflow="fold" if name == "run" else cut(output()), no_wrap=name != "run"
        )
    for run in runs:
        status = str(run["status"])
        table.add_row(
            styled(run["run_id"]),
            styled(f"{run['graph_id']} {_version(run)}".strip()),
            styled(status, _STYLES.get(status, "")),
            styled(_began(run["began"])),
            styled("" if status in ("running", "paused") else _took(run)),
            styled(run.get("error") or "", "red"),
        )
    return table


def _version(run: Object) -> str:
    version = run.get("version")
    return "" if version in (None, 1) else f"v{version}"


def _began(at: Json) -> str:
    return _time(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _took(run: Object) -> str:
    seconds = (_time(run["changed"]) - _time(run["began"])).total_seconds()
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min"  # noqa: PLR2004  # s


def _time(at: Json) -> datetime:
    return datetime.fromisoformat(str(at))
