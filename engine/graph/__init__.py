"""Graphs: documents read and checked, and what follows from their edges.

A document in JSON, YAML or Python becomes one canonical form and a `Graph`, or `InvalidGraph`
with everything that is wrong with it. What can be written is in `docs/graphs.md`.
"""

from engine.graph.builder import GraphBuilder
from engine.graph.graph import Graph
from engine.graph.parts import Join, Limits, Node, Retry, Routing, Rule, StateSpec

__all__ = [
    "Graph",
    "GraphBuilder",
    "Join",
    "Limits",
    "Node",
    "Retry",
    "Routing",
    "Rule",
    "StateSpec",
]
