"""`awe watch`: the entries of a run of a server, live, until it ends.

This module knows how a run is watched. It does not know how the log reaches it (`live`), nor
what entries say (`trace`).
"""

from __future__ import annotations

import shlex
from typing import Annotated
from urllib.parse import quote

import typer

from api.commands import failure_report, live, trace
from api.commands.failure import FAILED, INTERRUPTED, Failure
from api.commands.screen import clip, notes, output, styled
from api.commands.server_client import (
    READING,
    RUNS,
    STATE,
    ServerClient,
    ServerOption,
    TimeoutOption,
)


def command(
    run_id: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN_ID",
            help="The run; the one that began last if left out.",
            show_default=False,
        ),
    ] = None,
    *,
    after: Annotated[
        int, typer.Option(min=-1, metavar="SEQ", help="The last entry already seen; -1: none.")
    ] = -1,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Write the entries as they stand in the log, a line each."),
    ] = False,
    server: ServerOption = None,
    timeout: TimeoutOption = READING,
) -> int:
    """Watch a run of a server, entry by entry, until it ends; a run that ended is told again.

    Ends with 0 if the run completed, 1 if it failed or was cancelled.
    """
    with ServerClient(server, patience=timeout) as client:
        client.greet()
        run = run_id or _latest(client)
        seen = after
        try:
            for said in live.entries(client, run, after, lost=_lost):
                if not as_json:
                    clip(output(), trace.line(said.fields))
                elif said.seq is not None:
                    print(said.text, flush=True)  # noqa: T201  # a command speaks
                seen = seen if said.seq is None else said.seq
        except KeyboardInterrupt:
            raise Failure(
                f"interrupted after entry {seen}",
                hint=f"awe watch {shlex.quote(run)} --after {seen}{client.option} goes on there",
                status=INTERRUPTED,
            ) from None
        status = client.get(f"{STATE}/{quote(run, safe='')}")["status"]
        if status == "failed":
            report = client.get(f"{RUNS}/{quote(run, safe='')}/report")
            failure_report.show(notes(), report, server=client.address)
    return 0 if status == "completed" else FAILED


def _latest(client: ServerClient) -> str:
    """Give the run that began last.

    Raises:
        Failure: There is none.
    """
    runs = client.get(RUNS, limit=1)["runs"]
    if isinstance(runs, list) and runs and isinstance(runs[0], dict):
        return str(runs[0]["run_id"])
    raise Failure(
        f"the server at {client.address} has no runs yet",
        hint=f"start one: awe run hello{client.option}",
    )


def _lost(seen: int) -> None:
    told = f"the connection was lost after entry {seen}; trying again"
    notes().print(styled(told, "yellow"))
