"""The document of a graph, in a file or on standard input.

This module knows in which languages one may be written. It does not know what it means, which
the engine does, nor what is done with it.
"""

from __future__ import annotations

from api.commands import given
from engine import Graph


def graph_in(name: str) -> Graph:
    """Read a graph from a file.

    Raises:
        Failure: The file can't be read.
        InvalidGraph: There is no graph in it; with everything that is wrong.
    """
    return graph_of(name, given.read(name))


def graph_of(name: str, text: bytes) -> Graph:
    """Read a graph: JSON or YAML, as the name of the file says, or as the text begins.

    Raises:
        InvalidGraph: It is none; with everything that is wrong.
    """
    return Graph.from_json(text) if given.is_json(name, text) else Graph.from_yaml(text)
