"""A run of the reference model by hand: nodes are completed by name, in any order.

For tests that speak of nodes and orders, and never of the internals of the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.laws.model import Model

if TYPE_CHECKING:
    from tests.laws.flight import Activation

TESTS: Final = {
    "again": lambda s: s["again"],
    "!again": lambda s: not s["again"],
    "left": lambda s: s["left"],
    "x > 0": lambda s: s["x"] > 0,
    "arrived >= 2": lambda s: s["arrived"] >= 2,
    "arrived == 1": lambda s: s["arrived"] == 1,
    "never": lambda _s: False,
}


def document(edges: dict[str, Any], entry: str = "a", **more: Any) -> dict[str, Any]:
    """Write a document down; nodes that only edges name are added."""
    names = {entry: 1, **edges}
    for routing in edges.values():
        rules = routing["all"] if isinstance(routing, dict) else routing
        for rule in [rules] if isinstance(rules, str) else rules or ():
            to = rule.get("to") if isinstance(rule, dict) else rule
            names.update(dict.fromkeys([to] if isinstance(to, str) else to or ()))
    nodes = {name: {"tool": name} for name in names}
    for name, node in more.pop("nodes", {}).items():
        nodes.setdefault(name, {"tool": name}).update(node)
    state = {"defaults": more.pop("defaults", {}), "reducers": more.pop("reducers", {})}
    return {"nodes": nodes, "edges": edges, "entry": entry, "state": state, **more}


class Play:
    """A run of the model by hand."""

    def __init__(
        self, edges: dict[str, Any], state: dict[str, Any] | None = None, **more: Any
    ) -> None:
        self.model = Model(document(edges, **more), TESTS)
        self.model.start(state or {})

    def active(self) -> str:
        """Name the nodes that are active, in the order of the alphabet."""
        return " ".join(sorted(a.node for a in self.model.active()))

    def of(self, node: str) -> Activation:
        """Give the activation of a node that is active."""
        return next(a for a in self.model.active() if a.node == node)

    def done(self, node: str, /, **patch: Any) -> Play:
        """Let a node complete with a patch."""
        self.model.complete(self.of(node), patch)
        return self

    def goes(self, node: str, *names: str) -> Play:
        """Let a node name its successors."""
        self.model.complete(self.of(node), {}, goto=names)
        return self

    def fails(self, node: str, code: str = "BROKEN") -> Play:
        """Let a node fail for good."""
        self.model.fail(self.of(node), code)
        return self

    def fail_together(self, *nodes: str) -> Play:
        """Let nodes fail for good in one step."""
        self.model.fail_together([(self.of(node), "BROKEN") for node in nodes])
        return self

    def firings(self, node: str) -> int:
        """Count how often a node fired."""
        return sum(a.node == node for a in self.model.firings)

    def ended(self) -> str:
        """Say how the run ended: its status, or the code of its error."""
        model = self.model
        assert model.sent == model.consumed + model.withdrawn + model.open
        return model.status if model.error is None else model.error[0]


DIAMOND: Final = {"a": ["b", "c"], "b": "j", "c": "j"}
