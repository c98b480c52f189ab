"""The graphs there are, by name, and the versions of each.

This module knows which document came first under a name, and how graphs are put into a store
and taken out again. It does not know what a graph means. Versions are numbered from 1 in the
order in which they were created; a graph that is there already, by the hash of its meaning,
keeps its number.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

import msgspec

from engine.errors import InvalidGraph, NotFound
from engine.graph import Graph
from engine.ids import Json  # noqa: TC001  # msgspec reads annotations at run time

if TYPE_CHECKING:
    from engine.errors import Problem
    from engine.store import Document, Store


class _Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """A graph as it stands in a store."""

    hash: str
    document: dict[str, Json] | None = None
    """None: it has functions in it, which no document can hold."""
    variant: int = 0
    """Graphs that differ only in their functions have one hash, and are told apart by this."""


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


def _heard(keeping: asyncio.Task[GraphVersion]) -> None:
    """Ask why a graph was not kept: if whoever wanted it is gone, nobody else will."""
    if not keeping.cancelled():
        keeping.exception()


@dataclass(slots=True)
class _Version:
    """A version of a graph: made, or as it stands in the store until somebody asks for it."""

    graph_id: str
    number: int
    kept: _Kept
    made: GraphVersion | None = None


class Catalog:
    """Keeps graphs, in a store and at hand."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._versions: dict[str, dict[int, _Version]] = {}
        self._numbers: dict[tuple[str, str], _Version] = {}
        self._lock = asyncio.Lock()
        self._keeping: asyncio.Task[GraphVersion] | None = None
        """What was last handed to the store, and is perhaps under way still."""

    async def load(self) -> None:
        """Take note of the graphs in the store; each is read when it is first asked for."""
        for document in await self._store.documents("graph"):
            self._note(document)

    def awaits(self, graph: Graph) -> bool:
        """Tell whether the store has a graph that nobody has made of it or given since."""
        known = self._numbers.get((graph.name, graph.version))
        return known is not None and known.made is None

    async def add(self, graph: Graph) -> GraphVersion:
        """Keep a graph; say under which number, and whether it is new.

        Raises:
            asyncio.CancelledError: The caller was cancelled. If the store had been asked to
                keep the graph, it is here as soon as the store has it.
        """
        if there := self._there(graph):
            return there
        async with self._lock:
            if self._keeping is not None and not self._keeping.done():
                await asyncio.wait([self._keeping])  # whoever began it was cancelled
            if there := self._there(graph):  # by now
                return there
            keeping = self._kept_and_noted(graph)
            self._keeping = asyncio.create_task(keeping)  # noqa: TID251  # outlives who asked
            self._keeping.add_done_callback(_heard)
            return await asyncio.shield(self._keeping)

    def _there(self, graph: Graph) -> GraphVersion | None:
        """Find a graph that was added before."""
        known = self._numbers.get((graph.name, graph.version))
        if known is None:
            return None
        if known.made is None:
            known.made = GraphVersion(graph.name, known.number, graph, new=False)
        return known.made if known.made.graph == graph else None

    async def _kept_and_noted(self, graph: Graph) -> GraphVersion:
        """Put a graph into the store, and note it: both, or neither."""
        known = self._numbers.get((graph.name, graph.version))
        variant = 0 if known is None else known.kept.variant + 1
        document = dict(graph.document) if graph.portable else None
        kept = _Kept(graph.version, document, variant)
        number = await self._store.put("graph", graph.name, msgspec.json.encode(kept))
        added = GraphVersion(graph.name, number, graph)
        version = _Version(graph.name, number, kept, replace(added, new=False))
        self._versions.setdefault(graph.name, {})[number] = version
        self._numbers[graph.name, graph.version] = version
        return added

    def find(self, graph_id: str, version: int | None = None) -> GraphVersion:
        """Give a version of a graph, the newest unless one is named.

        Raises:
            NotFound: There is no such graph, or no such version of it.
        """
        versions = self._versions_of(graph_id)
        number = max(versions) if version is None else version
        if number not in versions:
            raise NotFound(
                f"graph '{graph_id}' has no version {version}",
                code="GRAPH_NOT_FOUND",
                hint=f"it has the versions 1 to {max(versions)}",
                details={"graph_id": graph_id, "version": version},
            )
        return self._made(versions[number])

    def newest(self) -> list[GraphVersion]:
        """Give the newest version of every graph that can be run here, by name.

        A graph with functions in it is not among them until its program creates it again.
        """
        found: list[GraphVersion] = []
        for graph_id in sorted(self._versions):
            with suppress(NotFound):
                found.append(self.find(graph_id))
        return found

    def numbers(self, graph_id: str) -> tuple[int, ...]:
        """Give the numbers of the versions of a graph, the newest last.

        Raises:
            NotFound: There is no such graph.
        """
        return tuple(sorted(self._versions_of(graph_id)))

    def of_run(self, name: str, version: str) -> GraphVersion:
        """Give the graph that a run was started with, by its name and hash.

        Raises:
            NotFound: It is not here.
        """
        found = self._numbers.get((name, version))
        if found is None:
            raise NotFound(
                f"graph '{name}' is not here in the version {version} that the run began with",
                code="GRAPH_NOT_FOUND",
                hint="create it again from the same document",
                details={"graph_id": name, "hash": version},
            )
        return self._made(found)

    def _versions_of(self, graph_id: str) -> dict[int, _Version]:
        versions = self._versions.get(graph_id)
        if versions is None:
            raise NotFound(
                f"there is no graph '{graph_id}'",
                code="GRAPH_NOT_FOUND",
                hint=self._hint(graph_id),
                details={"graph_id": graph_id},
            )
        return versions

    def _note(self, document: Document) -> None:
        kept = msgspec.json.decode(document.data, type=_Kept)
        version = _Version(document.name, document.number, kept)
        self._versions.setdefault(document.name, {})[document.number] = version
        self._numbers[document.name, kept.hash] = version

    @staticmethod
    def _made(version: _Version) -> GraphVersion:
        """Read a graph that stands in the store, if nobody has yet."""
        if version.made is None:
            document = version.kept.document
            why = "it has functions in it"
            if document is not None:
                try:
                    graph = Graph.parse(document)
                except InvalidGraph as error:
                    why = error.problems[0].message
                else:
                    version.made = GraphVersion(version.graph_id, version.number, graph, new=False)
                    return version.made
            raise NotFound(
                f"version {version.number} of graph '{version.graph_id}' can't be made of what "
                f"the store has of it: {why}",
                code="GRAPH_NOT_FOUND",
                hint="create it again, from the same program: await engine.create(...)",
                details={"graph_id": version.graph_id, "version": version.number},
            )
        return version.made

    def _hint(self, graph_id: str) -> str:
        if close := get_close_matches(graph_id, self._versions, n=1):
            return f"did you mean '{close[0]}'?"
        return "create it first"
