"""Branches that end in one run and write the same key: a clash that can be foreseen.

The end of a run merges all branches that ended. Where two of them wrote different values to
a key without a reducer, it fails with `STATE_CONFLICT`, after all the work has been done.

This module looks for two nodes at which a branch can end, which declare that they write one
key, and which two messages of one completion can both reach without meeting and without
coming back to their fork. It does not know what a node writes that does not declare it. It
is advice: in a graph so large that the search would take long, it stops looking.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from engine.graph.plan import BEFORE_ALL
from engine.graph.problems import shown
from engine.graph.reach import immediate_dominators

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.graph.document import Draft
    from engine.graph.edges import RoutingDraft
    from engine.graph.plan import Plan
    from engine.graph.problems import Pointer, Problems

# Steps along edges; about 0.2 s.
_PATIENCE: Final = 100_000


def warn_of_leaves(
    draft: Draft, plan: Plan, out: Sequence[Sequence[int]], problems: Problems
) -> None:
    """Warn of each key that two branches of one run can write before they end."""
    leaves = _Leaves(draft, plan, out)
    writers = leaves.writers()
    for fork, targets in leaves.forks() if writers else ():
        branch = leaves.branches(fork, targets)
        leaves.patience -= sum(map(len, writers.values()))
        if leaves.patience < 0:
            return
        for key, nodes in list(writers.items()):
            reached = [node for node in nodes if node in branch]
            apart = [node for node in reached if branch[node] != branch[reached[0]]]
            if not apart:
                continue
            del writers[key]
            one, other = plan.names[reached[0]], plan.names[apart[0]]
            problems.warn(
                "LEAF_CONFLICT",
                leaves.path(other, key),
                f"branches that end at {shown(one)} and at {shown(other)} can be in one run, and "
                f"both write {shown(key)}: where the values differ, the run fails",
                f'say how they meet: "state": {{"reducers": {{{shown(key)}: "append"}}}}, or lead '
                "both to one node",
            )


class _Leaves:
    """Carries one graph, its leaves, and how long we still search."""

    def __init__(self, draft: Draft, plan: Plan, out: Sequence[Sequence[int]]) -> None:
        self.draft = draft
        self.plan = plan
        self.out = out
        self.patience = _PATIENCE

    def writers(self) -> dict[str, list[int]]:
        """Give the keys without reducer that several leaves declare to write, and those leaves."""
        writers: dict[str, list[int]] = {}
        for number, name in enumerate(self.plan.names):
            node = self.draft.nodes[name].node
            keys = sorted(node.outputs) if node.output is None else [node.output]
            if keys and self._can_end(name, number):
                for key in keys:
                    if key not in self.draft.state.reducers:
                        writers.setdefault(key, []).append(number)
        return {key: nodes for key, nodes in sorted(writers.items()) if len(nodes) > 1}

    def _can_end(self, name: str, number: int) -> bool:
        """Tell whether a branch can end at a node."""
        routing = self.draft.routing.get(name)
        successes = routing.successes if routing else []
        if not successes or any(not rule.to for rule in successes):
            return True
        component = self.plan.component
        return all(rule.conditional for rule in successes) and all(
            component[self.plan.index[mention.name]] == component[number]
            for rule in successes
            for mention in rule.to
        )

    def forks(self) -> Iterator[tuple[int, list[int]]]:
        """Give each node that can send several messages at once, and along which edges."""
        for number, name in enumerate(self.plan.names):
            routing = self.draft.routing.get(name)
            together = [*_together(routing)] if routing else []
            together.append(list(self.draft.nodes[name].node.routes))
            for names in together:
                targets = {self.plan.index[each] for each in names} - {number}
                if len(targets) > 1:
                    yield number, sorted(targets)

    def branches(self, fork: int, targets: Sequence[int]) -> dict[int, int]:
        """Number the branches of a fork: give each node the one it belongs to.

        Two nodes are of different branches if messages can reach both on paths that share no
        node but the fork (Menger 1927: there are two such paths unless one node cuts both
        off). The branches are what hangs from the fork in its tree of dominators; where every
        two paths share a node, the messages meet there and go on as one.
        """
        names = [fork, *targets]
        number = {name: i for i, name in enumerate(names)}
        out: list[list[int]] = [list(range(1, len(names)))]
        for name in islice(names, 1, None):  # grows while it is walked
            for target in self.out[name]:
                if target not in number:
                    number[target] = len(names)
                    names.append(target)
            out.append([number[target] for target in self.out[name] if target != fork])
            self.patience -= 1 + len(self.out[name])
        into: list[list[int]] = [[] for _ in names]
        for source, successors in enumerate(out):
            for target in successors:
                into[target].append(source)
        into[0].append(BEFORE_ALL)
        split = immediate_dominators(0, out, into)
        branch: dict[int, int] = {}
        for i in range(1, len(names)):
            chain: list[int] = []
            here = i
            while here not in branch and split[here] != 0:
                chain.append(here)
                here = split[here]
            found = branch.setdefault(here, here)
            branch.update(dict.fromkeys(chain, found))
        return {names[i]: found for i, found in branch.items()}

    def path(self, name: str, key: str) -> Pointer:
        """Point to where a node declares that it writes a key."""
        draft = self.draft.nodes[name]
        if draft.node.output is None:
            return (*draft.path, "outputs", key)
        return (*draft.path, "output")


def _together(routing: RoutingDraft) -> Iterator[list[str]]:
    """Give the targets that one completion can send to at once, for each way it can end."""
    if not routing.every:
        for rule in routing.rules:
            yield [mention.name for mention in rule.to]
        return
    for outcome in (True, False):
        rules = [rule for rule in routing.rules if (rule.on is None) is outcome]
        yield [mention.name for rule in rules for mention in rule.to]
