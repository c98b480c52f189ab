"""The graphs there are, by name, and the versions of each.

This module knows which document came first under a name. It does not know what a graph
means. Versions are numbered from 1 in the order in which they were created; a graph that is
there already, by the hash of its meaning, keeps its number.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from engine.errors import NotFound

if TYPE_CHECKING:
    from engine.errors import Problem
    from engine.graph import Graph


@dataclass(frozen=True, slots=True)
class GraphVersion:
    """A graph that has been created, under its name and number."""

    graph_id: str
    version: int
    graph: Graph
    new: bool = field(default=True, compare=False)
    """Whether it was not there before; False if it was created again or looked up."""

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is odd about the graph, though it can be run."""
        return self.graph.warnings


class Catalog:
    """Keeps graphs as long as the process lives."""

    def __init__(self) -> None:
        self._versions: dict[str, list[GraphVersion]] = {}
        self._numbers: dict[tuple[str, str], GraphVersion] = {}

    def add(self, graph: Graph) -> GraphVersion:
        """Keep a graph; say under which number, and whether it is new."""
        known = self._numbers.get((graph.name, graph.version))
        if known is not None and known.graph == graph:  # functions in Python are not in the hash
            return known
        versions = self._versions.setdefault(graph.name, [])
        added = GraphVersion(graph.name, len(versions) + 1, graph)
        kept = replace(added, new=False)
        versions.append(kept)
        self._numbers[graph.name, graph.version] = kept
        return added

    def find(self, graph_id: str, version: int | None = None) -> GraphVersion:
        """Give a version of a graph, the newest unless one is named.

        Raises:
            NotFound: There is no such graph, or no such version of it.
        """
        versions = self._versions.get(graph_id)
        if versions is None:
            raise NotFound(
                f"there is no graph '{graph_id}'",
                code="GRAPH_NOT_FOUND",
                hint=self._hint(graph_id),
                details={"graph_id": graph_id},
            )
        if version is None:
            return versions[-1]
        if not 1 <= version <= len(versions):
            raise NotFound(
                f"graph '{graph_id}' has no version {version}",
                code="GRAPH_NOT_FOUND",
                hint=f"it has the versions 1 to {len(versions)}",
                details={"graph_id": graph_id, "version": version},
            )
        return versions[version - 1]

    def of_run(self, name: str, version: str) -> GraphVersion:
        """Give the graph that a run was started with, by its name and hash.

        Raises:
            NotFound: It is not here.
        """
        try:
            return self._numbers[name, version]
        except KeyError:
            raise NotFound(
                f"graph '{name}' is not here in the version {version} that the run began with",
                code="GRAPH_NOT_FOUND",
                hint="create it again from the same document",
                details={"graph_id": name, "hash": version},
            ) from None

    def _hint(self, graph_id: str) -> str:
        if close := get_close_matches(graph_id, self._versions, n=1):
            return f"did you mean '{close[0]}'?"
        return "create it first"
