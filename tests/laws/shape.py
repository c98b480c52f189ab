"""What follows from a graph document alone: section 1 of `docs/semantics.md`, the slow way.

This module knows documents and searches paths. It knows no run, and nothing of `engine`: it is
half of the reference model, which has to be independent of what it is compared with.
Answers are remembered, for a graph never changes; nothing else is clever here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

START: Final = "<start>"
"""Stands before every node; no node may have this name."""

Edge: TypeAlias = tuple[str, str]
NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True)
class Rule:
    """One way out of a node."""

    to: tuple[str, ...]
    on: str | None = None
    when: str | None = None


@dataclass(frozen=True)
class Join:
    """When a node fires, if not by the ordinary rule; one of the first three is set."""

    count: int | None = None
    when: str | None = None
    batch: int | None = None
    rest: str = "ignore"


class Shape:
    """The nodes and edges of a document, and what section 1 says about them."""

    def __init__(self, document: dict[str, Any]) -> None:
        edges = document.get("edges", {})
        self.entry: str = document["entry"]
        self.every: dict[str, bool] = {}
        self.rules: dict[str, list[Rule]] = {}
        self.routes: dict[str, list[str]] = {}
        self.joins: dict[str, Join | None] = {}
        for name, node in document["nodes"].items():
            self.every[name], self.rules[name] = rules_of(edges.get(name))
            self.routes[name] = list(node.get("routes", ()))
            self.joins[name] = join_of(node.get("join"))
        self.order = [START, *self._discovered()]
        self.position = {name: i for i, name in enumerate(self.order)}
        self._reached: dict[tuple[str, frozenset[str], bool], set[str]] = {}
        self.next = {name: self._successors(name) for name in self.order}
        self.next_always = {
            name: [t for t in self.next[name] if self.unconditional(name, t)] for name in self.order
        }
        self.sources = {
            t: [s for s in self.order if t in self.next[s]] for t in self.order if t != START
        }
        self.split = {t: self._split(t) for t in self.sources}
        self.loops = {
            (s, t) for t, sources in self.sources.items() for s in sources if self.closes(s, t)
        }
        self.open = {(s, t) for s, t in self.loops if s != t and not self._cuts_off(t, s)}
        """The edges that close a loop which can be entered beside their target, too."""
        self.tangled = {
            t
            for t in self.sources
            if any(
                self.reaches(t, o) and self.reaches(o, t) and self._goes_round(t)
                for _, o in self.open
            )
        }
        """The nodes of a strongly connected component in which a loop is open."""

    def _discovered(self) -> list[str]:
        found = [self.entry]
        for name in found:  # grows while it is walked: breadth first
            found += [t for t in self._successors(name) if t not in found]
        return found

    def _successors(self, name: str) -> list[str]:
        if name == START:
            return [self.entry]
        named = [t for rule in self.rules[name] for t in rule.to] + self.routes[name]
        return list(dict.fromkeys(named))

    def reaches(
        self, x: str, y: str, *, avoiding: frozenset[str] = NOTHING, always: bool = False
    ) -> bool:
        """Say whether there is a path from x to y, perhaps of no edges, around `avoiding`."""
        return y in self._all_from(x, avoiding, always=always)

    def _all_from(self, x: str, avoiding: frozenset[str], *, always: bool) -> set[str]:
        question = (x, avoiding, always)
        if question not in self._reached:
            edges = self.next_always if always else self.next
            found = [] if x in avoiding else [x]
            for name in found:
                found += [t for t in edges[name] if t not in found and t not in avoiding]
            self._reached[question] = set(found)
        return self._reached[question]

    def _goes_round(self, t: str) -> bool:
        return any(self.reaches(s, t) for s in self.next[t])

    def _split(self, t: str) -> str:
        """Give the last of the nodes whose removal cuts t off from the start."""
        cuts = [d for d in self.order if self._cuts_off(d, t)]
        return max(cuts, key=lambda d: sum(self._cuts_off(e, d) for e in cuts))

    def _cuts_off(self, d: str, t: str) -> bool:
        return d != t and not self.reaches(START, t, avoiding=frozenset({d}))

    def unconditional(self, s: str, t: str) -> bool:
        """Say whether every successful completion of s sends along (s, t)."""
        if s == START:
            return True
        if self.routes[s]:
            return False
        plain = [rule for rule in self.rules[s] if rule.on is None]
        if self.every[s]:
            return any(rule.when is None and t in rule.to for rule in plain)
        return bool(plain) and plain[0].when is None and t in plain[0].to

    def closes(self, s: str, t: str) -> bool:
        """Say whether (s, t) closes a loop."""
        around = frozenset({self.split[t]})
        return (
            self.reaches(t, s, avoiding=around)
            and not self.unconditional(s, t)
            and (
                self.reaches(t, s, avoiding=around, always=True)
                or self.position[t] < self.position[s]
            )
        )

    def tested(self, t: str) -> bool:
        """Say whether t has to wait for anything but a message."""
        join = self.joins[t]
        if join is None:
            return len(self.sources[t]) > 1
        return join.batch != 1


def rules_of(routing: Any) -> tuple[bool, list[Rule]]:
    """Read one value of `edges`: whether every rule that holds is taken, and the rules."""
    match routing:
        case None:
            return False, []
        case str():
            return False, [Rule((routing,))]
        case {"all": rules}:
            return True, [rule_of(rule) for rule in rules]
        case [str(), *_]:
            return False, [Rule(tuple(routing))]
        case list():
            return False, [rule_of(rule) for rule in routing]
        case _:
            message = f"expected a name, null, a list or {{'all': [...]}}, got {routing!r}"
            raise TypeError(message)


def rule_of(rule: dict[str, Any]) -> Rule:
    """Read one rule."""
    to = rule.get("to")
    names = () if to is None else (to,) if isinstance(to, str) else tuple(to)
    return Rule(names, rule.get("on"), rule.get("when"))


def join_of(join: Any) -> Join | None:
    """Read the `join` of a node."""
    match join:
        case None:
            return None
        case "first":
            return Join(count=1)
        case "each":
            return Join(batch=1)
        case dict():
            return Join(**join)
        case _:
            message = f"expected 'first', 'each' or an object as join, got {join!r}"
            raise TypeError(message)
