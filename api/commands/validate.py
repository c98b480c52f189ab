"""`awe validate`: documents of graphs, and everything that is wrong with them.

This module knows how problems are shown. It does not know what a document may say, which the
engine does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import typer

from api.commands import given
from api.commands.document import graph_of
from api.commands.embedded import engine_here, told
from api.commands.failure import WRONG
from api.commands.screen import counted, hang, output, show_json, styled
from engine import InvalidGraph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.commands.server_client import Object
    from engine import Engine, Graph, Problem


class Checked(NamedTuple):
    """What was found in a document: a graph, or why there is none."""

    graph: Graph | None
    problems: Sequence[Problem]


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
            checked = _checked(name, engine)
            show("standard input" if name == given.INPUT else name, checked)
            valid = valid and checked.graph is not None
    return 0 if valid else WRONG


def _checked(name: str, engine: Engine | None) -> Checked:
    """Look at a document; with an engine, also whether there are tools for its nodes."""
    text = given.read(name)
    try:
        graph = graph_of(name, text)
    except InvalidGraph as error:
        if engine is not None and given.is_json(name, text):  # tools are looked at all the same
            return Checked(None, engine.judge(text).problems)
        return Checked(None, error.problems)
    problems = () if engine is None else engine.judge(graph.document).problems
    return Checked(None if problems else graph, problems)


def _show(name: str, checked: Checked) -> None:
    """Show what was found for people."""
    screen = output()
    graph, problems = checked
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


def _as_json(name: str, checked: Checked) -> None:
    """Write what was found for programs."""
    graph, problems = checked
    found: Object = {
        "file": name,
        "valid": graph is not None,
        "problems": msgspec.to_builtins(problems),
        "warnings": msgspec.to_builtins(graph.warnings if graph else ()),
    }
    if graph is not None:
        found |= {"name": graph.name, "version": graph.version, "nodes": list(graph.nodes)}
    show_json(found, pretty=False)
