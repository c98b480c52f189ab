"""A run on a server.

This module knows which requests start a run and tell how it ended. It does not know how its
entries and its end are shown.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote

from api.commands import live, outcome, trace
from api.commands.failure import INTERRUPTED, Failure
from api.commands.screen import clip, notes, show_json, styled
from api.commands.server_client import RUNS, STATE, ServerClient

if TYPE_CHECKING:
    from api.commands.given import Beginning
    from api.commands.server_client import Object


def run(  # noqa: PLR0913  # what a run may be told, each by name
    graph: str | bytes,
    begin: Beginning,
    *,
    address: str | None,
    watch: bool,
    wait: bool,
    patience: float,
) -> int:
    """Run a graph on a server, and show how it ends; give the exit status.

    Args:
        graph: The name of one that is there; or the document of one, in JSON, to be created.
        begin: What the run begins with.
        address: Where the server is; None: where one usually is.
        watch: Whether to show its entries.
        wait: Whether to wait until it has ended.
        patience: Seconds that the server may take for an answer.

    Raises:
        Failure: It can't begin, or nobody answers.
    """
    with ServerClient(address, patience=patience) as server:
        if isinstance(graph, bytes):
            graph = str(server.post("/api/v1/graph/create", graph)["graph_id"])
        body: Object = {"graph_id": graph, "initial_state": begin.state}
        if begin.run_id is not None:
            body["run_id"] = begin.run_id
        if begin.tags:
            body["tags"] = dict(begin.tags)
        accepted = server.post("/api/v1/graph/run", body)
        if not wait:
            show_json(accepted)
            return 0
        return _waited_for(server, str(accepted["run_id"]), watch=watch)


def _waited_for(server: ServerClient, run_id: str, *, watch: bool) -> int:
    """Follow a run until it has ended or is paused, and show how it is then."""
    console = notes()

    def lost(seen: int) -> None:
        told = f"the connection was lost after entry {seen}; trying again"
        console.print(styled(told, "yellow"))

    try:
        for said in live.entries(server, run_id, lost=lost):
            if watch:
                clip(console, trace.line(said.fields))
            if said.kind == "run.paused":
                break
    except KeyboardInterrupt:
        raise Failure(
            f"interrupted; run '{run_id}' goes on at {server.address}",
            hint=f"awe watch {shlex.quote(run_id)}{server.option} shows it",
            status=INTERRUPTED,
        ) from None
    shown = server.get(f"{STATE}/{quote(run_id, safe='')}")
    status = str(shown["status"])
    report = None
    if "error" in shown:
        report = server.get(f"{RUNS}/{quote(run_id, safe='')}/report")
    return outcome.show(
        run_id=run_id,
        status=status,
        state=shown["state"],
        report=report,
        server=server.address,
    )
