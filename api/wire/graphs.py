"""What is said of graphs."""

from __future__ import annotations

import msgspec

from engine import Json, Problem


class GraphCreated(msgspec.Struct, frozen=True):
    """A graph has a name and a version."""

    graph_id: str
    version: int
    warnings: tuple[Problem, ...]
    """What is odd about it, though it can be run."""


class ListedGraph(msgspec.Struct, frozen=True, omit_defaults=True):
    """A graph in the list, in its newest version."""

    graph_id: str
    version: int
    versions: tuple[int, ...]
    """All there are, the newest last."""
    nodes: int
    """How many it has."""
    description: str = ""
    tags: tuple[str, ...] = ()


class GraphList(msgspec.Struct, frozen=True):
    """The graphs that can be run, by name."""

    graphs: tuple[ListedGraph, ...]


class GraphView(msgspec.Struct, frozen=True):
    """A version of a graph."""

    graph_id: str
    version: int
    versions: tuple[int, ...]
    """All there are, the newest last."""
    document: dict[str, Json]
    """In its canonical form, without shorthands."""
    warnings: tuple[Problem, ...]


class GraphVerdict(msgspec.Struct, frozen=True):
    """What is to be said of a document, of which no graph was created."""

    valid: bool
    problems: tuple[Problem, ...]
    """Everything that is wrong with it, tools that are not there included."""
    warnings: tuple[Problem, ...]
    """What its author probably did not mean. Told of a document without problems of its own."""
