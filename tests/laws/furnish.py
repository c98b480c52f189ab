"""Everything but the edges of a random graph: joins, keys, tools, policies, and the document.

This module knows how documents are written. It does not know why the edges are as they are
(`graphs`), nor what a script makes of an activation (`tools`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from tests.laws.draft import CODES, COUNTABLE, Condition, Draft, Rule

if TYPE_CHECKING:
    from tests.laws.draft import Flavour, Test

Trouble: TypeAlias = Literal["none", "error", "hang", "bad", "lost", "wrong"]
"""How an attempt goes wrong: a code, no answer, NaN, a `goto` nobody declared, a wrong type."""

REDUCER_OF: Final[dict[str, str | None]] = {"int": None, "fsum": "sum", "text": "max"}
"""The reducer of a kind of key, where it is not the kind itself."""


RESTS: Final = ("ignore", "cancel", "cancel", "block", "block")


@dataclass(frozen=True)
class Script:
    """What the tool of a node does; the rest is up to chance, by activation (`tools`)."""

    writes: tuple[str, ...]
    counter: str | None
    trouble: Trouble = "none"
    times: int = 0
    """The attempts that go wrong, of those activations that have trouble."""
    share: float = 0.5
    """Of the activations that have trouble."""
    code: str = CODES[0]
    overwrites: float = 0.0
    goto: tuple[tuple[str, Condition | None], ...] = ()
    """For a node that routes itself: where it may go, and when."""


@dataclass(frozen=True)
class Case:
    """One random graph and all that belongs to it."""

    seed: int
    flavour: Flavour
    document: dict[str, Any]
    state: dict[str, Any]
    tests: dict[str, Test]
    scripts: dict[str, Script]
    kinds: dict[str, str]
    features: frozenset[str]
    schedule: int = 0
    """Which of the many schedules of this seed."""


def furnished(draft: Draft, seed: int) -> Case:
    """Make a case of a draft."""
    return Furnisher(draft, seed).case()


class Furnisher:
    """Chooses what a draft does not say."""

    def __init__(self, draft: Draft, seed: int) -> None:
        self.draft = draft
        self.seed = seed
        self.chance = chance = draft.chance
        self.reducers: dict[str, str] = {
            key: reducer
            for key, kind in draft.kinds.items()
            if (reducer := REDUCER_OF.get(kind, kind)) is not None
        }
        self.features: set[str] = {draft.flavour}
        self.entry = draft.order[0]
        self.nodes = [self.entry]
        for node in self.nodes:  # grows while it is walked
            self.nodes += [t for t in draft.targets(node) if t not in self.nodes]
        self.edges_to = {
            t: sum(t in draft.targets(s) for s in self.nodes) + (t == self.entry)
            for t in self.nodes
        }
        self.fragile = chance.random() < 0.15
        """Whether tools of this graph may fail for good with nobody to take it."""
        self.quarrel = chance.random() < (0.2 if draft.flavour == "lawful" else 0.4)
        """Whether several nodes write the same plain key."""
        self.joining = chance.choice((0.3, 0.6, 0.9))
        """How many of the nodes where edges meet have a join of their own."""

    def case(self) -> Case:
        """Write it all down."""
        draft, chance = self.draft, self.chance
        counter: str = chance.choice(("plain", "plain", "max", "sum"))
        counters = [f"n_{node}" for node in self.nodes if node in draft.counted]
        if counter != "plain":
            self.reducers |= dict.fromkeys(counters, counter)
        furnished = {node: self.node(node) for node in self.nodes}
        countable = [key for key, kind in draft.kinds.items() if kind in COUNTABLE]
        defaults = {key: chance.randrange(3) for key in countable} | dict.fromkeys(counters, 0)
        document: dict[str, Any] = {
            "name": "law",
            "nodes": {node: policies for node, (policies, _) in furnished.items()},
            "edges": {node: self.edges(node) for node in self.nodes},
            "entry": self.entry,
            "state": {"defaults": defaults, "reducers": self.reducers},
        }
        if chance.random() < 0.4:
            document["on_failure"] = "drain"
        return Case(
            seed=self.seed,
            flavour=draft.flavour,
            document=document,
            state={"k0": chance.randrange(9)},
            tests=draft.tests,
            scripts={node: script for node, (_, script) in furnished.items()},
            kinds=draft.kinds | dict.fromkeys(counters, f"counter {counter}"),
            features=frozenset(self.features),
        )

    def edges(self, node: str) -> Any:
        """Write a routing down, in one of the ways in which it can be said."""
        rules = self.draft.rules[node]
        if self.draft.every[node]:
            return {"all": [written(rule) for rule in rules]}
        if not rules:
            return None
        if len(rules) == 1 and rules[0].to and not rules[0].when and not rules[0].on:
            to = rules[0].to
            return to[0] if len(to) == 1 else to
        return [written(rule) for rule in rules]

    def node(self, node: str) -> tuple[dict[str, Any], Script]:
        """Choose the policies and the tool of a node."""
        chance, draft = self.chance, self.draft
        policies: dict[str, Any] = {"tool": "work"}
        wanted = self.joining if self.edges_to[node] > 1 else self.joining / 6
        if node in draft.races:
            policies["join"] = self.counting("first", ("block", "block", "cancel", "ignore"))
        elif draft.flavour == "anything" and chance.random() < wanted:
            policies["join"] = self.join(node)
        if node in draft.routes:
            policies["routes"] = [to for to, _ in draft.routes[node]]
            self.features.add("goto")
        writes = tuple(k for k in draft.kinds if self.may_write(node, k) and chance.random() < 0.5)
        trouble, times, attempts, code = self.trouble(node, writes)
        if attempts > 1:
            policies["retry"] = self.retry(attempts)
        if trouble == "hang" or chance.random() < 0.1:
            policies["timeout"] = chance.choice((1, 2.5, 7))
        return policies, Script(
            writes,
            f"n_{node}" if node in draft.counted else None,
            trouble,
            times,
            share=chance.choice((0.4, 1.0)),
            code=code,
            overwrites=chance.choice((0, 0, 0, 0.3)),
            goto=tuple(draft.routes.get(node, ())),
        )

    def may_write(self, node: str, key: str) -> bool:
        """Say whether a node may write a key: plain ones belong to one node, but for quarrels."""
        if self.draft.kinds[key] != "int" or self.quarrel:
            return True
        return self.nodes[sum(map(ord, key)) % len(self.nodes)] == node

    def trouble(self, node: str, writes: tuple[str, ...]) -> tuple[Trouble, int, int, str]:
        """Choose what goes wrong at a node, how often, out of how many attempts."""
        chance, code = self.chance, self.chance.choice(CODES)
        kinds: list[Trouble] = ["error", "error", "error", "hang", "hang", "bad", "bad", "lost"]
        if any(self.draft.kinds[key] not in ("int", "first", "last", "append") for key in writes):
            kinds += ["wrong", "wrong"]
        kind = chance.choice(kinds)
        taken = [rule.on for rule in self.draft.rules[node] if rule.on]
        if taken:
            if "error" not in taken:
                kind, code = "error", taken[0]
            attempts = chance.choice((1, 1, 2, 3))
            return kind, attempts, attempts, code
        if self.fragile and chance.random() < 0.3:
            attempts = chance.choice((1, 2))
            return kind, attempts, attempts, code
        if chance.random() < 0.12 and kind != "lost":
            attempts = chance.choice((2, 3))
            return kind, chance.randrange(1, attempts), attempts, code
        return "none", 0, 1, code

    def retry(self, attempts: int) -> dict[str, Any]:
        """Choose how often and when a failed attempt is made again."""
        chance = self.chance
        retry: dict[str, Any] = {
            "max_attempts": attempts,
            "delay": chance.choice((0, 0, 0.5, 3)),
            "jitter": chance.choice((0, 0.1)),
        }
        if chance.random() < 0.1:
            retry["on"] = [chance.choice(CODES)]  # and perhaps not the one it fails with
        return retry

    def join(self, node: str) -> Any:
        """Choose when a node fires."""
        chance = self.chance
        kinds = ("first", "first", "count", "when", "when", "when", "batch", "batch", "each")
        kind = chance.choice([k for k in kinds if k != "count" or self.edges_to[node] > 1])
        self.features.add(f"join {kind}")
        if kind == "each":
            return chance.choice(("each", {"batch": 1}))
        if kind == "batch":
            return {"batch": chance.choice((2, 2, 3))}
        return self.counting(kind)

    def counting(self, kind: str, rests: tuple[str, ...] = RESTS) -> Any:
        """Choose a join that does not wait for all, and what becomes of the rest."""
        chance = self.chance
        rest = chance.choice(rests)
        if kind == "first" and rest == "ignore" and chance.random() < 0.5:
            self.features.add("join first")
            return kind
        self.features |= {f"join {kind}", f"rest {rest}"}
        more = {} if rest == "ignore" and chance.random() < 0.5 else {"rest": rest}
        if kind == "when":
            return {"when": self.when(), **more}
        return {"count": 1 if kind == "first" else 2, **more}

    def when(self) -> str:
        """Choose the condition of a join."""
        n, known = self.chance.choice((1, 1, 2)), self.draft.known
        return self.chance.choice((
            known(f"arrived >= {n}", lambda s: bool(s["arrived"] >= n)),
            known("arrived > 0 && total < 9", lambda s: s["arrived"] > 0 and s["total"] < 9),
            known("arrived == total", lambda s: bool(s["arrived"] == s["total"])),
            known("arrived * 2 >= total", lambda s: bool(s["arrived"] * 2 >= s["total"])),
            known("arrived == 1", lambda s: bool(s["arrived"] == 1)),
            known(
                "messages.exists(m, m.state.k0 % 2 == 0)",
                lambda s: any(m["state"]["k0"] % 2 == 0 for m in s["messages"]),
            ),
        )).text  # fmt: skip


def written(rule: Rule) -> dict[str, Any]:
    """Write a rule down."""
    to = rule.to[0] if len(rule.to) == 1 else list(rule.to) or None
    parts = {"on": rule.on, "when": rule.when and rule.when.text, "to": to}
    return {name: part for name, part in parts.items() if part is not None or name == "to"}
