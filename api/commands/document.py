"""The document of a graph, in a file or on standard input, and all that is wrong with it.

This module knows in which languages one may be written. It does not know what it means, which
the engine does, nor what is done with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from api.commands import given
from engine import Graph, InvalidGraph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine import Engine, Problem


class Checked(NamedTuple):
    """What was found in a document: a graph, or why there is none."""

    graph: Graph | None
    problems: Sequence[Problem]


def graph_in(name: str, engine: Engine) -> Graph:
    """Read a graph that an engine can run from a file.

    Raises:
        Failure: The file can't be read.
        InvalidGraph: There is no such graph in it; with everything that is wrong.
    """
    graph, problems = checked(name, engine)
    if graph is None:
        raise InvalidGraph(problems)
    return graph


def checked(name: str, engine: Engine | None) -> Checked:
    """Look at a document; with an engine, also whether there are tools for its nodes.

    Raises:
        Failure: The file can't be read.
    """
    text = given.read(name)
    try:
        graph = graph_of(name, text)
    except InvalidGraph as error:
        if engine is None:
            return Checked(None, error.problems)
        verdict = engine.judge(text, yaml=not given.is_json(name, text))  # tools all the same
        return Checked(None, verdict.problems)
    problems = () if engine is None else engine.judge(graph.document).problems
    return Checked(None if problems else graph, problems)


def graph_of(name: str, text: bytes) -> Graph:
    """Read a graph: JSON or YAML, as the name of the file says, or as the text begins.

    Raises:
        InvalidGraph: It is none; with everything that is wrong.
    """
    return Graph.from_json(text) if given.is_json(name, text) else Graph.from_yaml(text)
