"""`awe validate`: documents of graphs, and everything that is wrong with them.

This module knows how problems are shown. It does not know what a document may say, which the
engine does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from api.commands import given
from api.commands.document import checked
from api.commands.embedded import engine_here, told
from api.commands.failure import WRONG
from api.commands.screen import counted, hang, output, show_json, styled

if TYPE_CHECKING:
    from api.commands.document import Checked
    from api.commands.server_client import Object


def command(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Documents in JSON or YAML; - for standard input.",
            show_default=False,
        ),
    ],
    *,
    any_tools: Annotated[
        bool, typer.Option("--any-tools", help="Nodes may name tools that are not installed here.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write an object of JSON for each document, a line each.")
    ] = False,
) -> int:
    """Check documents of graphs, and list all that is wrong with them.

    Ends with 0 if all are valid, whatever they are warned of; 2 if one is not.
    """
    show = _as_json if as_json else _show
    valid = True
    with told():
        engine = None if any_tools else engine_here()
        for name in files:
            found = checked(name, engine)
            show("standard input" if name == given.INPUT else name, found)
            valid = valid and found.graph is not None
    return 0 if valid else WRONG


def _show(name: str, seen: Checked) -> None:
    """Show what was found for people."""
    screen = output()
    graph, problems = seen
    if graph is None:
        told = styled(counted(len(problems), "problem"), "bold red")
    else:
        called = f"'{graph.name}'" if graph.name else "without a name"
        nodes = counted(len(graph.nodes), "node")
        told = styled("valid", "bold green").append_text(
            styled(f": a graph {called} of {nodes}, which begins at '{graph.entry}'")
        )
        if graph.warnings:
            told.append_text(styled(f"; {counted(len(graph.warnings), 'warning')}", "yellow"))
    screen.print(styled(f"{name}: ").append_text(told))
    for style, found in (("red", problems), ("yellow", graph.warnings if graph else ())):
        for each in found:
            screen.print(styled(f"  {each.code}  {each.path or '/'}", style))
            hang(screen, styled("    "), styled(each.message))
            if each.hint:
                hang(screen, styled("    -> "), styled(each.hint))


def _as_json(name: str, seen: Checked) -> None:
    """Write what was found for programs."""
    graph, problems = seen
    told: Object = {
        "file": name,
        "valid": graph is not None,
        "problems": msgspec.to_builtins(problems),
        "warnings": msgspec.to_builtins(graph.warnings if graph else ()),
    }
    if graph is not None:
        told |= {"name": graph.name, "version": graph.version, "nodes": list(graph.nodes)}
    show_json(told, pretty=False)
