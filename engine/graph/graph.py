"""A graph: read from a document, checked, and never changed afterwards.

This module knows what a graph offers and that there is no other way to one than through its
document: a `Graph` has no edge to nowhere, so nothing behind it asks. It does not know how a
document is read or checked, nor anything of runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, cast

import msgspec

from engine.errors import InvalidGraph
from engine.graph import document as documents
from engine.graph import strict_json, yaml
from engine.graph.advice import advise
from engine.graph.canonical import version_of, written
from engine.graph.check import check
from engine.graph.intake import MAX_DOCUMENT, too_large
from engine.graph.parts import Routing, Rule
from engine.graph.plan import Plan
from engine.graph.problems import Enough, Problems
from engine.reducer import REDUCERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from engine.errors import Problem
    from engine.graph.document import Draft
    from engine.graph.edges import RoutingDraft
    from engine.graph.parts import Limits, Node, StateSpec
    from engine.ids import Json
    from engine.reducer import Reducer

    # There is no way without Any to say "whatever its parameters are".
    Function: TypeAlias = Callable[..., object]  # type: ignore[explicit-any]  # as said above
    Predicate: TypeAlias = Callable[[dict[str, Json]], object]

_NO_WAY = Routing()

NO_REDUCERS: Final[Mapping[str, Reducer]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A valid graph. Made by `parse` and its kin, or by a `GraphBuilder`.

    Two graphs are equal if their canonical documents are, and their conditions in Python are
    the same functions.
    """

    name: str
    """Empty if the document has none."""
    version: str
    """A hash of everything but description, tags and metadata, in hexadecimal."""
    nodes: Mapping[str, Node]
    """In node order: breadth first from the entry (docs/semantics.md 1.3)."""
    routing: Mapping[str, Routing]
    """For every node; without rules where it leads nowhere."""
    entry: str
    state: StateSpec
    limits: Limits
    on_failure: Literal["fail_fast", "drain"]
    description: str
    tags: tuple[str, ...]
    metadata: Mapping[str, Json]
    warnings: tuple[Problem, ...]
    """What the author probably did not mean; the graph is valid all the same."""
    portable: bool
    """False: a condition is a Python function, so the graph can't leave this process."""
    tools: Mapping[str, Function]
    """The Python functions that a builder was given as tools, by name."""
    plan: Plan
    """What follows from the edges."""
    reducers: Mapping[str, Reducer]
    """How the writes of a key meet, for the keys that say so."""
    _canonical: bytes
    _functions: Mapping[str, Predicate]
    _registered: Mapping[str, Reducer]

    @classmethod
    def parse(cls, document: object, *, reducers: Mapping[str, Reducer] = NO_REDUCERS) -> Graph:
        """Read a document as it comes out of a JSON parser, in any of its shorthands.

        Args:
            document: Anything at all.
            reducers: Those that the state may name, beside those that come along.

        Raises:
            InvalidGraph: With everything that is wrong with it, in document order.
        """
        return graph_of(document, Problems(), reducers=reducers)

    @classmethod
    def from_edges(
        cls,
        edges: Mapping[str, object],
        *,
        name: str = "",
        entry: str | None = None,
        reducers: Mapping[str, Reducer] = NO_REDUCERS,
    ) -> Graph:
        """Make a graph of nothing but edges: every name is a node whose tool is so called.

        Raises:
            InvalidGraph: As `parse`.
        """
        return cls.parse({"name": name, "edges": edges, "entry": entry}, reducers=reducers)

    @classmethod
    def from_json(
        cls, text: str | bytes, *, reducers: Mapping[str, Reducer] = NO_REDUCERS
    ) -> Graph:
        """Read a document from JSON, of at most 1 MiB.

        Raises:
            InvalidGraph: As `parse`; where the text is not JSON, with line and column.
        """
        problems = Problems()
        found = strict_json.read(text, problems)
        if found is None:
            raise InvalidGraph(problems.errors())
        return graph_of(found[0], problems, reducers=reducers)

    @classmethod
    def from_yaml(
        cls, text: str | bytes, *, reducers: Mapping[str, Reducer] = NO_REDUCERS
    ) -> Graph:
        """Read a document from YAML, of at most 1 MiB; see docs/graphs.md for what is refused.

        Raises:
            InvalidGraph: As `parse`; where the text is not YAML, with line and column.
        """
        problems = Problems()
        found = yaml.read(text, problems)
        if found is None:
            raise InvalidGraph(problems.errors())
        return graph_of(found[0], problems, reducers=reducers)

    @property
    def document(self) -> dict[str, Json]:
        """The canonical document: a copy of its own each time."""
        return cast("dict[str, Json]", msgspec.json.decode(self._canonical))

    def to_json(self) -> str:
        """Write the canonical document as JSON: the same text for equal graphs.

        Raises:
            InvalidGraph: A condition is a Python function, which no document can hold.
        """
        self._refuse_functions()
        return self._canonical.decode()

    def to_yaml(self) -> str:
        """Write the canonical document as YAML.

        Raises:
            InvalidGraph: A condition is a Python function, which no document can hold.
        """
        self._refuse_functions()
        return yaml.write(self.document)

    def named(self, name: str) -> Graph:
        """Give the same graph under another name, and therefore in another version.

        Raises:
            InvalidGraph: No graph can have this name.
        """
        return graph_of(
            {**self.document, "name": name},
            Problems(),
            reducers=self._registered,
            functions=self._functions,
            tools=self.tools,
        )

    def _refuse_functions(self) -> None:
        if not self.portable:
            self.parse(self.document, reducers=self._registered)

    def __eq__(self, other: object) -> bool:
        """Compare canonical documents, and conditions in Python."""
        if not isinstance(other, Graph):
            return NotImplemented
        return self._canonical == other._canonical and self._functions == other._functions

    def __hash__(self) -> int:
        """Hash the version."""
        return hash(self.version)

    def __repr__(self) -> str:
        """Name the graph, its version and its size."""
        return (
            f"<Graph {self.name or '(no name)'} {self.version[:12]} with {len(self.nodes)} nodes>"
        )


def graph_of(
    document: object,
    problems: Problems,
    *,
    reducers: Mapping[str, Reducer] = NO_REDUCERS,
    functions: Mapping[str, Predicate] | None = None,
    tools: Mapping[str, Function] | None = None,
) -> Graph:
    """Make a graph of a document whose functions, if it names any, are known.

    Args:
        document: Anything at all.
        problems: What is known to be wrong already.
        reducers: Those that the state may name, beside those that come along.
        functions: Conditions in Python, by the name that the document has for them.
        tools: Tools in Python, by name.

    Raises:
        InvalidGraph: With everything that is wrong, in document order.
    """
    try:
        draft = documents.read(document, problems, reducers=reducers, functions=functions)
    except Enough:
        raise InvalidGraph(problems.errors()) from None
    return graph_from(draft, problems, reducers=reducers, functions=functions, tools=tools)


def graph_from(
    draft: Draft,
    problems: Problems,
    *,
    reducers: Mapping[str, Reducer] = NO_REDUCERS,
    functions: Mapping[str, Predicate] | None = None,
    tools: Mapping[str, Function] | None = None,
) -> Graph:
    """Make a graph of what was read; arguments and errors as for `graph_of`."""
    try:
        order = check(draft, problems)
    except Enough:
        raise InvalidGraph(problems.errors()) from None
    if found := problems.errors():
        raise InvalidGraph(found)
    canonical = written(draft, order)
    text = msgspec.json.encode(canonical)
    if len(text) > MAX_DOCUMENT:
        problems.add("DOCUMENT_TOO_LARGE", (), *too_large())
        raise InvalidGraph(problems.errors())
    nodes = {name: draft.nodes[name].node for name in order}
    routing = {name: _routing(draft.routing.get(name)) for name in order}
    plan = Plan.of(nodes, routing, order[0])
    advise(draft, plan, problems)
    known = {**REDUCERS, **reducers}
    return Graph(
        name=draft.name,
        version=version_of(canonical),
        nodes=MappingProxyType(nodes),
        routing=MappingProxyType(routing),
        entry=order[0],
        state=draft.state,
        limits=draft.limits,
        on_failure=draft.on_failure,
        description=draft.description,
        tags=draft.tags,
        metadata=draft.metadata,
        warnings=problems.warnings(),
        portable=_portable(draft),
        tools=MappingProxyType(dict(tools or {})),
        plan=plan,
        reducers=MappingProxyType({key: known[name] for key, name in draft.state.reducers.items()}),
        _canonical=text,
        _functions=MappingProxyType(dict(functions or {})),
        _registered=reducers,
    )


def _routing(draft: RoutingDraft | None) -> Routing:
    if draft is None or not draft.rules:
        return _NO_WAY
    rules = (
        Rule(to=tuple(m.name for m in rule.to), on=rule.on, when=rule.when) for rule in draft.rules
    )
    return Routing(tuple(rules), every=draft.every)


def _portable(draft: Draft) -> bool:
    return all(
        rule.function is None for routing in draft.routing.values() for rule in routing.rules
    )
