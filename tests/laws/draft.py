"""A random graph in the making: nodes, rules and conditions, before anything else is known.

This module knows how conditions are made together with functions that mean the same, so that
the model needs no CEL, and what a *gate* is. It does not know which graphs are interesting
(`graphs`) nor how one is written down (`furnish`).

Every graph ends. A rule is gated if its condition is, beside others, that a counter which its
node raises at every completion is below a bound; what is left of the edges when the gated ones
are taken away has no cycle (`tame`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

Test: TypeAlias = "Callable[[Mapping[str, Any]], bool]"
Flavour: TypeAlias = Literal["lawful", "anything"]

CODES: Final = ("BROKEN", "BUSY")
"""The codes with which tools fail."""

COUNTABLE: Final = ("int", "sum", "min", "max", "first", "last")
"""The kinds of keys that hold a whole number from the start, so that conditions can ask."""


@dataclass(frozen=True)
class Condition:
    """An expression, and what it means."""

    text: str
    test: Test


@dataclass
class Rule:
    """One way out of a node."""

    to: list[str]
    when: Condition | None = None
    on: str | None = None
    gated: bool = False


@dataclass
class Draft:
    """Nodes and rules so far; `names` are those left to give."""

    chance: Random
    flavour: Flavour
    names: list[str]
    kinds: dict[str, str]
    """What each key of the state holds."""
    order: list[str] = field(default_factory=list)
    rules: dict[str, list[Rule]] = field(default_factory=dict)
    every: dict[str, bool] = field(default_factory=dict)
    counted: set[str] = field(default_factory=set)
    routes: dict[str, list[tuple[str, Condition | None]]] = field(default_factory=dict)
    """For nodes that route themselves: where they may go, and when they do."""
    races: set[str] = field(default_factory=set)
    """Nodes that are to have a join that does not wait for all."""
    gated_routes: set[str] = field(default_factory=set)
    tests: dict[str, Test] = field(default_factory=dict)

    def node(self) -> str:
        """Add a node that ends its branch so far."""
        name = self.names.pop()
        self.order.append(name)
        self.rules[name], self.every[name] = [], False
        return name

    def send(self, node: str, to: str) -> None:
        """Let a node send to another one, always."""
        self.rules[node].append(Rule([to]))

    def targets(self, node: str) -> list[str]:
        """Give where a node may send to."""
        named = [t for rule in self.rules[node] for t in rule.to]
        return list(dict.fromkeys(named + [t for t, _ in self.routes.get(node, [])]))

    # ── conditions ────────────────────────────────────────────────────────────────────────

    def known(self, text: str, test: Test) -> Condition:
        """Make a condition and remember what it means."""
        self.tests[text] = test
        return Condition(text, test)

    def gate(self, node: str) -> Condition:
        """Make a condition that holds only so often, as the node counts."""
        key, bound = f"n_{node}", self.chance.choice((2, 2, 2, 3, 3, 4))
        self.counted.add(node)
        gate = self.known(f"{key} < {bound}", lambda s: bool(s[key] < bound))
        return self.both(gate, self.choice()) if self.chance.random() < 0.3 else gate

    def choice(self) -> Condition:
        """Make a condition on data."""
        keys = [key for key, kind in self.kinds.items() if kind in COUNTABLE]
        key, n = self.chance.choice(keys), self.chance.randrange(2, 8)
        match self.chance.randrange(4):
            case 0:
                return self.known(f"{key} > {n}", lambda s: bool(s[key] > n))
            case 1:
                return self.known(f"has(state.{key}) && {key} < {n}", lambda s: bool(s[key] < n))
            case _:
                return self.known(f"{key} % 2 == 0", lambda s: s[key] % 2 == 0)

    def both(self, one: Condition, two: Condition) -> Condition:
        """Join two conditions."""
        return self.known(f"{one.text} && {two.text}", lambda s: one.test(s) and two.test(s))


# ── every graph ends ──────────────────────────────────────────────────────────────────────


def tame(draft: Draft) -> None:
    """Gate edges until no cycle goes past all gates."""
    while cycle := ungated_cycle(draft):
        edges = list(zip(cycle, cycle[1:] + cycle[:1], strict=True))
        draft.chance.shuffle(edges)
        if not any(gate_edge(draft, s, t) for s, t in edges):
            s, t = edges[0]
            draft.rules[s] = [r for r in draft.rules[s] if not (r.on and t in r.to)]


def ungated_cycle(draft: Draft) -> list[str]:
    """Find nodes that lead around in a circle without a gate."""
    free = {node: free_targets(draft, node) for node in draft.order}
    done: set[str] = set()

    def search(path: list[str]) -> list[str]:
        for to in free[path[-1]]:
            if to in path:
                return path[path.index(to) :]
            if to not in done and (found := search([*path, to])):
                return found
        done.add(path[-1])
        return []

    return next((c for n in draft.order if n not in done and (c := search([n]))), [])


def free_targets(draft: Draft, node: str) -> list[str]:
    """Give where a node may send to without limit."""
    named = [t for rule in draft.rules[node] if not rule.gated for t in rule.to]
    if node not in draft.gated_routes:
        named += [t for t, _ in draft.routes.get(node, [])]
    return named


def gate_edge(draft: Draft, s: str, t: str) -> bool:
    """Put a gate on one edge; say whether that was possible."""
    if any(t in rule.to for rule in draft.rules[s] if rule.on):
        return False
    if s not in draft.gated_routes and any(to == t for to, _ in draft.routes.get(s, [])):
        draft.routes[s] = [(to, draft.gate(s)) for to, _ in draft.routes[s]]
        draft.gated_routes.add(s)
        return True
    rules: list[Rule] = []
    for rule in draft.rules[s]:
        if t not in rule.to or rule.gated:
            rules.append(rule)
            continue
        others = [to for to in rule.to if to != t]
        gate = draft.gate(s)
        when = draft.both(gate, rule.when) if rule.when else gate
        if draft.every[s]:
            rules.append(Rule([t], when, gated=True))
            rules += [Rule(others, rule.when)] if others else []
        else:  # the first that holds is taken: without t the others still get theirs
            rules += [Rule(list(rule.to), when, gated=True), Rule(others, rule.when)]
    draft.rules[s] = rules
    return True
