"""A graph written in Python: a document, said in calls.

This module knows how calls become a document. It does not know what is right: every problem
is found where documents are checked, and `build` reports them all at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields as fields_of
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypedDict, cast

from engine.graph.expressions import PYTHON
from engine.graph.graph import NO_REDUCERS, Graph, graph_of
from engine.graph.parts import Join, Retry
from engine.graph.problems import Problems

if TYPE_CHECKING:
    from typing import Self, Unpack

    from engine.graph.graph import Function, Predicate
    from engine.ids import Json
    from engine.reducer import Reducer

Tool: TypeAlias = "str | Function"
"""The name of a tool, or a function, whose name is then that of the tool."""

When: TypeAlias = "str | Predicate"
"""A condition in CEL, or a function of the state; with one, the graph can't be sent."""

To: TypeAlias = "str | Sequence[str] | None"
"""One node, several in parallel, or None to end the branch."""


class Policies(TypedDict, total=False):
    """What can be said of a node besides its name and tool; docs/graphs.md says what it means."""

    args: Mapping[str, Json]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    output: str
    join: Join | Mapping[str, Json] | str
    retry: Retry | Mapping[str, Json]
    timeout: float
    total_timeout: float
    on_exhausted: Literal["fail", "pause"]
    on_limit: Literal["fail", "pause"]
    max_visits: int
    max_parallel: int
    cache: Mapping[str, Json]
    routes: Sequence[str]


class _Unset:
    """The type of an argument that was not given, where None means something."""


_UNSET: Final = _Unset()


class _Ways:
    """The ways out of one node, as they are said in several calls."""

    def __init__(self) -> None:
        self.rules: list[object] = []
        self.every = False
        self._always: list[object] | None = None

    def always(self, targets: Sequence[object]) -> None:
        """Add nodes that are reached without a condition."""
        self._always = [*(self._always or ()), *targets]

    def written(self) -> object:
        """Write them as a document has them, what needs no condition last."""
        rules = list(self.rules)
        if self._always or (rules and self._always is not None):
            rules.append({"to": self._always})
        return {"all": rules} if self.every else rules


class GraphBuilder:
    """Collects nodes and edges; `build` makes the graph. Each call gives the builder back.

    >>> GraphBuilder("review").node("extract").edge("extract", ["analyze", "detect"])
    """

    def __init__(
        self,
        name: str = "",
        *,
        description: str = "",
        tags: Sequence[str] = (),
        metadata: Mapping[str, Json] | None = None,
    ) -> None:
        self._document: dict[str, object] = {
            "name": name,
            "description": description,
            "tags": list(tags),
            "metadata": dict(metadata or {}),
        }
        self._nodes: dict[str, object] = {}
        self._ways: dict[str, _Ways] = {}
        self._state: dict[str, dict[str, object]] = {}
        self._limits: dict[str, object] = {}
        self._tools: dict[str, Function] = {}
        self._functions: dict[str, Predicate] = {}
        self._problems = Problems()

    def node(self, name: str, tool: Tool | None = None, **policies: Unpack[Policies]) -> Self:
        """Add a node.

        Args:
            name: The name of the node.
            tool: The name of a tool, a function, or None for the tool named as the node.
            policies: Its policies; what they mean is in docs/graphs.md.
        """
        if name in self._nodes:
            self._problems.add(
                "DUPLICATE_NODE",
                ("nodes", name),
                f"the node {name!r:.80} is there twice",
                "call node() once for each name",
            )
        written = {field: _written(policy) for field, policy in policies.items()}
        self._nodes[name] = {"tool": self._tool(name, tool), **written}
        return self

    def edge(self, source: str, target: To) -> Self:
        """Lead from `source` to `target` always: to all of several, in parallel.

        Edges of one source add up. Beside rules they are its default: taken if none holds.
        """
        targets = [target] if isinstance(target, str) else list(target or ())
        self._from(source).always(targets)
        return self

    def route(
        self,
        source: str,
        *rules: tuple[When, To] | Mapping[str, object],
        otherwise: To | _Unset = _UNSET,
        every: bool = False,
    ) -> Self:
        """Lead from `source` along the first rule that holds, or along every one.

        Args:
            source: The node.
            rules: Pairs of a condition and where to go, or rules as in a document.
            otherwise: Where to go if none holds; None ends the branch.
            every: Take every rule that holds, not the first.
        """
        ways = self._from(source)
        ways.every |= every
        ways.rules += [self._rule(rule) for rule in rules]
        if not isinstance(otherwise, _Unset):
            self.edge(source, otherwise)
        return self

    def on(self, source: str, outcome: str, to: To, *, when: When | None = None) -> Self:
        """Lead on when `source` ends with an error: an error code, or `error` for any."""
        rule: dict[str, object] = {"on": outcome}
        if when is not None:
            rule["when"] = self._when(when)
        self._from(source).rules.append({**rule, "to": to})
        return self

    def entry(self, name: str) -> Self:
        """Begin at this node. Not needed where exactly one has no incoming edge."""
        self._document["entry"] = name
        return self

    def state(
        self,
        *,
        defaults: Mapping[str, Json] | None = None,
        reducers: Mapping[str, str] | None = None,
        schema: Mapping[str, Json] | None = None,
    ) -> Self:
        """Say what the state begins with, and how writes of a key meet. Calls add up."""
        for field, value in (("schema", schema), ("defaults", defaults), ("reducers", reducers)):
            if value is not None:
                self._state.setdefault(field, {}).update(value)
        return self

    def limits(self, **limits: float | None) -> Self:
        """Set limits of a run; docs/graphs.md names them. Calls add up."""
        self._limits.update(limits)
        return self

    def on_failure(self, mode: str) -> Self:
        """Say what becomes of siblings when a node fails: `fail_fast` or `drain`."""
        self._document["on_failure"] = mode
        return self

    @property
    def document(self) -> dict[str, object]:
        """The document as it stands; `build` points into it."""
        edges: dict[str, object] = {source: ways.written() for source, ways in self._ways.items()}
        document = {**self._document, "edges": edges, "state": self._state, "limits": self._limits}
        if self._nodes:
            document["nodes"] = self._nodes
        return document

    def build(self, *, reducers: Mapping[str, Reducer] = NO_REDUCERS) -> Graph:
        """Make the graph.

        Args:
            reducers: Those that the state may name, beside those that come along.

        Raises:
            InvalidGraph: With everything that is wrong; paths point into `document`.
        """
        return graph_of(
            self.document,
            self._problems.copy(),
            reducers=reducers,
            functions=self._functions,
            tools=self._tools,
        )

    def _tool(self, node: str, tool: Tool | None) -> object:
        if tool is None or not callable(tool):
            return tool
        # A `Tool` has the name it was given, a function that of its definition.
        name = getattr(tool, "name", None) or getattr(tool, "__name__", None)
        if not isinstance(name, str) or name == "<lambda>":
            self._problems.add(
                "BAD_NAME",
                ("nodes", node, "tool"),
                f"the tool of {node!r:.80} is a {type(tool).__name__} without a name of its own",
                "define it with def; its name becomes that of the tool",
            )
            return None
        if self._tools.setdefault(name, tool) is not tool:
            self._problems.add(
                "TOOL_NAME_TAKEN",
                ("nodes", node, "tool"),
                f"two different functions are called {name!r:.80}, and a tool is known by its name",
                "rename one of them",
            )
        return name

    def _from(self, source: str) -> _Ways:
        return self._ways.setdefault(source, _Ways())

    def _rule(self, rule: object) -> object:
        if isinstance(rule, Mapping):
            given = cast("Mapping[object, object]", rule)
            when = given.get("when")
            return {**given, "when": self._when(when)} if callable(when) else dict(given)
        match rule:
            case (object() as when, object() as to):
                return {"when": self._when(when), "to": to}
            case _:  # is refused as no rule where documents are checked
                return rule

    def _when(self, when: object) -> object:
        if not callable(when):
            return when
        name = f"{getattr(when, '__module__', '')}.{getattr(when, '__qualname__', 'function')}"
        unique, n = name, 1
        while self._functions.setdefault(unique, when) is not when:
            n += 1
            unique = f"{name}#{n}"
        return {PYTHON: unique}


def _written(policy: object) -> object:
    """Write a policy as a document has it; what is no policy is left to be refused."""
    if not isinstance(policy, (Join, Retry)):
        return policy
    given: dict[str, object] = {
        each.name: getattr(policy, each.name)
        for each in fields_of(policy)
        if getattr(policy, each.name) != each.default
    }
    if isinstance(policy, Join) and policy.when is not None:
        given["when"] = policy.when.text
    return given


__all__ = ["GraphBuilder", "Tool", "When"]
