"""A document, in any of its shorthands, read into a draft of a graph.

This module knows the fields of a document and how its parts are put together. It does not
know whether they fit together: that is for `check`. What it reads may come from anywhere, and
what is wrong with it is reported, all of it, at the place where it was given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from engine.condition import expected
from engine.graph.edges import EdgeReader, RoutingDraft
from engine.graph.expressions import Expressions, foretold
from engine.graph.fields import Fields, check_name
from engine.graph.intake import taken_in
from engine.graph.nodes import Mention, NodeDraft, NodeReader, check_node_name
from engine.graph.parts import Limits, Node, StateSpec
from engine.graph.problems import shown
from engine.graph.settings import read_limits, read_state
from engine.graph.words import ENDS, FIELDS, STARTS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from engine.graph.problems import Pointer, Problems
    from engine.ids import Json

_ON_FAILURE: Final[tuple[Literal["fail_fast", "drain"], ...]] = ("fail_fast", "drain")


@dataclass(slots=True)
class Draft:
    """A graph as it was read; names may lead nowhere."""

    name: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Json] = field(default_factory=dict[str, "Json"])
    nodes: dict[str, NodeDraft] = field(default_factory=dict[str, NodeDraft])
    nodes_path: Pointer = ()
    routing: dict[str, RoutingDraft] = field(default_factory=dict[str, RoutingDraft])
    entry: Mention | None = None
    entry_readable: bool = True
    state: StateSpec = field(default_factory=StateSpec)
    limits: Limits = field(default_factory=Limits)
    on_failure: Literal["fail_fast", "drain"] = "fail_fast"
    readable: bool = True
    """False: it is not known which nodes there are."""
    sound: bool = True
    """False: it is not known which edges there are."""


def read(
    given: object,
    problems: Problems,
    *,
    reducers: Collection[str] = (),
    functions: Mapping[str, Callable[[dict[str, Json]], object]] | None = None,
) -> Draft:
    """Read a document, and report what is wrong with each part of it.

    Args:
        given: A document, or anything else.
        problems: Where to report.
        reducers: Names of reducers beside those that come along.
        functions: Conditions in Python, by the name that the document has for them.
    """
    document = taken_in(given, problems)
    if not isinstance(document, dict):
        hint = 'a list of edges goes under "edges"' if isinstance(document, list) else ""
        if isinstance(document, str):
            hint = "a document as text is read by Graph.from_json or Graph.from_yaml"
        problems.wrong_type((), document, "an object", hint)
        return Draft(readable=False, sound=False)
    return _Reader(problems, reducers, functions or {}).read(document)


def _is_edges(document: Mapping[str, Json]) -> bool:
    """Tell whether a body is nothing but names to names: then it is its edges.

    A body that has the name of a field, too, is not: `{"entry": "a", "a": "b"}` would
    silently begin with a node called entry.
    """
    return (
        bool(document)
        and all(isinstance(value, str) for value in document.values())
        and not any(key in FIELDS["graph"] for key in document)
    )


class _Reader:
    """Carries what the parts of one document share."""

    def __init__(
        self,
        problems: Problems,
        reducers: Collection[str],
        functions: Mapping[str, Callable[[dict[str, Json]], object]],
    ) -> None:
        self.problems = problems
        self.reducers = reducers
        expressions = Expressions(problems, functions)
        self.nodes = NodeReader(problems, expressions)
        self.edges = EdgeReader(problems, expressions)

    def read(self, document: dict[str, Json]) -> Draft:
        """Read the whole document."""
        expected(foretold(document))
        if _is_edges(document):
            self.edges.read(document, ())
            return self._parts(Fields({}, (), "graph", self.problems), implicit=True)
        fields = Fields(document, (), "graph", self.problems)
        if (
            not self._only_edges_missing(fields)
            and not fields.close()
            and fields.given.keys().isdisjoint(("nodes", "edges"))
        ):
            self.nodes.sound = False  # they may be there, under another name
        if (edges := fields.get("edges")) is not None:
            self.edges.read(edges, fields.at("edges"))
        nodes = fields.get("nodes")
        if nodes is not None:
            self.nodes.read(nodes, fields.at("nodes"))
        return self._parts(fields, implicit=nodes is None)

    def _only_edges_missing(self, fields: Fields) -> bool:
        """Report names that should have been under `edges` once, and not one by one."""
        if "nodes" in fields.given or "edges" in fields.given:
            return False
        strange = [key for key in fields.given if key not in FIELDS["graph"]]
        ways = [fields.given[key] for key in strange]
        if not any(map(_leads_somewhere, ways)):
            return False
        if not all(way is None or _leads_somewhere(way) for way in ways):
            return False
        self.nodes.sound = False
        self.problems.add(
            "UNKNOWN_FIELD",
            fields.at(strange[0]),
            f'there is no field {strange[0]!r:.80} here, and no "edges"',
            f'if {strange[0]!r:.80} is a node, its edges go under "edges"',
        )
        return True

    def _parts(self, fields: Fields, *, implicit: bool) -> Draft:
        if implicit:
            for mention, target in self._mentioned():
                self._add_implicit(mention, target=target)
        name = fields.text("name")
        if name:
            check_name(name, fields.at("name"), "graph", self.problems)
        return Draft(
            name=name,
            description=fields.text("description"),
            tags=tuple(tag for tag, _ in fields.texts("tags", "strings")),
            metadata=fields.mapping("metadata"),
            nodes=self.nodes.nodes,
            nodes_path=() if implicit else fields.at("nodes"),
            routing=self.edges.routing,
            entry=self._entry(fields),
            entry_readable=isinstance(fields.get("entry"), (str, type(None))),
            state=read_state(fields.get("state"), fields.at("state"), self.problems, self.reducers),
            limits=read_limits(fields.get("limits"), fields.at("limits"), self.problems),
            on_failure=fields.choice("on_failure", _ON_FAILURE, "fail_fast"),
            readable=self.nodes.sound and (self.edges.sound or not implicit),
            sound=self.nodes.sound
            and self.edges.sound
            and all(node.sound for node in self.nodes.nodes.values()),
        )

    def _entry(self, fields: Fields) -> Mention | None:
        entry = fields.get("entry")
        if isinstance(entry, str):
            return Mention(entry, fields.at("entry"))
        if entry is not None:
            hint = "a graph begins at one node, which may lead to several"
            self.problems.wrong_type(
                fields.at("entry"), entry, "the name of a node", hint if entry else ""
            )
        return None

    def _mentioned(self) -> Iterator[tuple[Mention, bool]]:
        """Give each name in the edges, and whether it stands where an edge ends."""
        for routing in self.edges.routing.values():
            yield routing.source, False
            for rule in routing.rules:
                for mention in rule.to:
                    yield mention, True

    def _add_implicit(self, mention: Mention, *, target: bool) -> None:
        name, path = mention.name, mention.path
        if name in self.nodes.nodes:
            return
        check_node_name(name, path, self.problems)
        self.nodes.nodes[name] = NodeDraft(Node(name, name), path)
        if name not in (ENDS if target else STARTS) or name.startswith("__"):
            return
        cure = "to end the branch write null" if target else 'write "entry": "<name>" instead'
        if name.isupper():
            self.problems.add(
                "UNKNOWN_NODE",
                path,
                f'{shown(name)} is not a node, and "nodes" does not say otherwise',
                cure,
            )
        else:
            self.problems.warn(
                "FOREIGN_NAME",
                path,
                f"{shown(name)} is read as a node whose tool is so called",
                cure,
            )


def _leads_somewhere(value: Json) -> bool:
    return isinstance(value, (str, list)) or (isinstance(value, dict) and "to" in value)
