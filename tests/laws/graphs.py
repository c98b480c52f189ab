"""Random graphs: one whole number is one graph, with its conditions and what its tools do.

This module knows what makes a graph interesting: splits, choices, loops entered at two places,
ways back into the middle of things, error edges. It knows neither core nor model, and runs
nothing. How conditions are made is in `draft`, everything but the edges in `furnish`.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from tests.laws.draft import CODES, Condition, Draft, Rule, tame
from tests.laws.furnish import Case, furnished

if TYPE_CHECKING:
    from tests.laws.draft import Flavour

KINDS: Final = (
    "int", "int", "int", "sum", "fsum", "min", "max", "text", "append", "extend", "union",
    "merge", "first", "last",
)  # fmt: skip
"""What a key may hold; most are also the name of its reducer."""

SIZES: Final = (3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 20)


def case(seed: int) -> Case:
    """Make the graph of a seed."""
    chance = Random(seed)
    flavour: Flavour = chance.choice(("lawful", "anything"))
    size = chance.choice(SIZES)
    names = [chr(ord("a") + i) for i in range(26)]
    chance.shuffle(names)
    keys = [f"k{i}" for i in range(1, chance.randrange(3, 7))]
    kinds = {"k0": "int"} | {key: chance.choice(KINDS) for key in keys}
    draft = Draft(chance, flavour, names, kinds)
    kind = chance.random()
    if kind < 0.18:
        knot(draft, size)
    elif kind < 0.46 and flavour == "anything":
        race(draft, size)
    else:
        region(draft, size)
    for _ in range(chance.choice((0, 0, 1, 1, 2, 3)) if size > 3 else 1):
        chance.choice((shortcut, shortcut, detour, entered_twice, error_edge, routes))(draft)
    if chance.random() < 0.25:
        error_edge(draft)
    if chance.random() < 0.03:
        ghost(draft)
    tame(draft)
    return furnished(draft, seed)


# ── regions: one way in, one way out ──────────────────────────────────────────────────────


def region(draft: Draft, size: int) -> tuple[str, str]:
    """Add a piece of graph of about this many nodes; give its first and its last node."""
    if size <= 1:
        node = draft.node()
        return node, node
    if size == 2 or draft.chance.random() < 0.3:
        return sequence(draft, size)
    if size > 5 and draft.chance.random() < 0.1:
        return knot(draft, size)
    if size > 6 and draft.flavour == "anything" and draft.chance.random() < 0.2:
        return race(draft, size)
    kinds = (parallel, parallel, choice, several, loop, loop, while_loop)
    return draft.chance.choice(kinds)(draft, size)


def sequence(draft: Draft, size: int) -> tuple[str, str]:
    """One after the other."""
    cut = draft.chance.randrange(1, size)
    first, middle = region(draft, cut)
    after, last = region(draft, size - cut)
    draft.send(middle, after)
    return first, last


def branches(draft: Draft, size: int) -> tuple[str, list[tuple[str, str]], str]:
    """A node, some regions, and the node where they meet."""
    head = draft.node()
    left, wanted = max(size - 2, 1), draft.chance.choice((2, 2, 2, 3, 4))
    parts: list[tuple[str, str]] = []
    while left > 0 and len(parts) < wanted:
        part = left if len(parts) == wanted - 1 else draft.chance.randint(1, left)
        parts.append(region(draft, part))
        left -= part
    return head, parts, draft.node()


def parallel(draft: Draft, size: int) -> tuple[str, str]:
    """All branches at once; some end early, and there may be an empty one."""
    head, parts, meeting = branches(draft, size)
    firsts = [first for first, _ in parts]
    if len(parts) == 1 or draft.chance.random() < 0.15:
        firsts.append(meeting)
    draft.chance.shuffle(firsts)
    draft.rules[head].append(Rule(firsts))
    for i, (_, last) in enumerate(parts):
        if i == 0 or draft.chance.random() < 0.9:
            draft.send(last, meeting)
    return head, meeting


def choice(draft: Draft, size: int) -> tuple[str, str]:
    """Exactly one branch."""
    head, parts, meeting = branches(draft, size)
    for first, last in parts:
        draft.rules[head].append(Rule([first], draft.choice()))
        draft.send(last, meeting)
    if draft.chance.random() < 0.9:
        draft.rules[head].append(Rule([meeting]))
    return head, meeting


def several(draft: Draft, size: int) -> tuple[str, str]:
    """Every branch whose condition holds."""
    head, parts, meeting = branches(draft, size)
    draft.every[head] = True
    for first, last in parts:
        when = draft.choice() if draft.chance.random() < 0.7 else None
        draft.rules[head].append(Rule([first], when))
        draft.send(last, meeting)
    if all(rule.when for rule in draft.rules[head]) and draft.chance.random() < 0.9:
        draft.rules[head].append(Rule([meeting]))
    return head, meeting


def loop(draft: Draft, size: int) -> tuple[str, str]:
    """Do it, and perhaps once more."""
    head, last = region(draft, size - 1)
    out = draft.node()
    draft.rules[last] = [Rule([head], draft.gate(last), gated=True), Rule([out])]
    if draft.flavour == "anything" and draft.chance.random() < 0.1:
        draft.every[last] = True  # loops back and goes on at once
    return head, out


def while_loop(draft: Draft, size: int) -> tuple[str, str]:
    """Ask first."""
    head = draft.node()
    first, last = region(draft, max(size - 2, 1))
    out = draft.node()
    draft.rules[head] = [Rule([first], draft.gate(head), gated=True), Rule([out])]
    draft.send(last, head)
    return head, out


def race(draft: Draft, size: int) -> tuple[str, str]:
    """A fast and a slow way of which the first goes on, in a loop that waits for neither."""
    head, meeting, out = draft.node(), draft.node(), draft.node()
    first, last = region(draft, draft.chance.choice((1, max(1, size - 7))))
    slow = [draft.node() for _ in range(draft.chance.randint(2, 5))]
    draft.rules[head].append(Rule(draft.chance.sample([first, slow[0]], 2)))
    draft.send(last, meeting)
    for node, after in zip(slow, [*slow[1:], meeting], strict=True):
        draft.send(node, after)
    draft.rules[meeting] = [Rule([head], draft.gate(meeting), gated=True), Rule([out])]
    draft.races.add(meeting)
    return head, out


def knot(draft: Draft, size: int) -> tuple[str, str]:
    """A loop that is entered at several places at once."""
    chance, head = draft.chance, draft.node()
    ring = [draft.node() for _ in range(min(chance.choice((2, 2, 3, 4)), max(2, size // 2)))]
    out = draft.node()
    entered = chance.sample(ring, chance.randint(2, len(ring)))
    draft.rules[head].append(Rule(entered))
    for i, node in enumerate(ring):
        after = ring[(i + 1) % len(ring)]
        if chance.random() < 0.6 and draft.names:
            between = draft.node()
            draft.send(between, after)
            after = between
        if chance.random() < 0.8 or i == 0:
            draft.rules[node] = [Rule([after], draft.gate(node), gated=True), Rule([out])]
        else:
            draft.send(node, after)
    return head, out


# ── what breaks the regular order ─────────────────────────────────────────────────────────


def reroute(draft: Draft, node: str, to: str, when: Condition) -> None:
    """Add a way out to a node; what it sent so far is sent if the condition fails, or as well."""
    rules = draft.rules[node]
    if draft.every[node]:
        rules.append(Rule([to], when))
    elif (
        draft.flavour == "anything"
        and not any(r.when for r in rules)
        and draft.chance.random() < 0.4
    ):
        draft.every[node] = True
        rules.append(Rule([to], when if draft.chance.random() < 0.7 else None))
    else:
        rules.insert(0, Rule([to], when))
        if len(rules) == 1:
            rules.append(Rule([]))


def shortcut(draft: Draft) -> None:
    """A way from anywhere to anywhere."""
    node, to = draft.chance.choice(draft.order), draft.chance.choice(draft.order)
    if to not in draft.targets(node):
        reroute(draft, node, to, draft.choice())


def detour(draft: Draft) -> None:
    """A way back over a node of its own, without a condition on its second half."""
    if not draft.names:
        return
    i = draft.chance.randrange(len(draft.order))
    node, to = draft.order[i], draft.chance.choice(draft.order[: i + 1])
    between = draft.node()
    reroute(draft, node, between, draft.choice())
    draft.send(between, to)


def entered_twice(draft: Draft) -> None:
    """Two nodes that lead to each other, over others, each entered from outside."""
    if len(draft.order) < 4 or len(draft.names) < 2:
        return
    one, two = draft.chance.sample(draft.order[1:], 2)
    for node, to in ((one, two), (two, one)):
        between = draft.node()
        reroute(draft, node, between, draft.choice())
        draft.send(between, to)


def error_edge(draft: Draft) -> None:
    """Somewhere to go if a node fails."""
    node, to = draft.chance.choice(draft.order), draft.chance.choice(draft.order)
    named = [] if draft.chance.random() < 0.1 else [to]
    on = draft.chance.choice(("error", *CODES, "error"))
    when = draft.choice() if draft.chance.random() < 0.1 else None
    draft.rules[node].append(Rule(named, when, on))


def routes(draft: Draft) -> None:
    """A node that says itself where to go."""
    node = draft.chance.choice(draft.order)
    if draft.routes.get(node) or any(rule.when for rule in draft.rules[node]):
        return
    named = [*draft.targets(node), draft.chance.choice(draft.order)]
    draft.rules[node] = [rule for rule in draft.rules[node] if rule.on]
    draft.routes[node] = [(to, draft.choice()) for to in dict.fromkeys(named)]


def ghost(draft: Draft) -> None:
    """A condition on a key that is not there."""
    node = draft.chance.choice(draft.order)
    when = draft.known("ghost > 0", lambda s: bool(s["ghost"] > 0))
    draft.rules[node].insert(0, Rule([draft.chance.choice(draft.order)], when))
