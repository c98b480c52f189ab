"""`awe run`: one run of a graph, to its end, and its final state.

This module knows what a run is told to begin with. It does not know how it is executed: here,
in an engine of this process (`run_here`), or by a server (`run_there`).
"""

from __future__ import annotations

from typing import Annotated

import typer

from api.commands import given, run_there
from api.commands.failure import WRONG, Failure
from api.commands.server_client import DOING, SETTING, USUAL, TimeoutOption
from api.commands.store import MEMORY, StoreOption, place_of


def command(  # noqa: PLR0913  # what a run may be told, each with a default
    graph: Annotated[
        str,
        typer.Argument(
            metavar="GRAPH",
            help="A file with the document of a graph (.json, .yaml, or - for standard input), "
            "which is run here; or the name of a graph that a server has.",
            show_default=False,
        ),
    ],
    *,
    state: Annotated[
        str,
        typer.Option(
            metavar="JSON|@FILE",
            help="What the run begins with; overlays the defaults of the graph.",
        ),
    ] = "{}",
    watch: Annotated[
        bool, typer.Option("--watch", help="Show each entry of its log, live.")
    ] = False,
    run_id: Annotated[
        str | None, typer.Option("--run-id", metavar="NAME", help="Its name; made up if left out.")
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="For whoever looks for it later; may be repeated."),
    ] = None,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait/--no-wait", help="Wait until it has ended, or only start it, on a server."
        ),
    ] = True,
    store: StoreOption = MEMORY,
    server: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The server to run it on; a file is created there first. "
            f"For the name of a graph: {SETTING}, or {USUAL}.",
        ),
    ] = None,
    timeout: TimeoutOption = DOING,
) -> int:
    """Run a graph to its end, and print its final state as JSON."""
    begin = given.Beginning(given.state(state), run_id, given.tags(tag or ()))
    is_document = given.is_document(graph)
    if is_document and server is None:
        if not wait:
            raise Failure(
                "a run that goes on here is waited for",
                hint="leave --no-wait out, or say which server is to run it: --server URL",
                status=WRONG,
            )
        # An engine takes half a second to load, and who asks a server needs none.
        from api.commands import run_here  # noqa: PLC0415

        return run_here.run(graph, begin, place=place_of(store), watch=watch)
    what = _document(graph) if is_document else graph
    return run_there.run(what, begin, address=server, watch=watch, wait=wait, patience=timeout)


def _document(name: str) -> bytes:
    """Read the document of a graph, and write it in JSON; what is wrong with it, a server says."""
    text = given.read(name)
    if given.is_json(name, text):
        return text
    from api.commands.document import graph_of  # noqa: PLC0415  # as above
    from api.commands.embedded import told  # noqa: PLC0415  # as above

    with told(name):
        return graph_of(name, text).to_json().encode()
