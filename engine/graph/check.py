"""Whether the parts of a draft fit together: names, entry, paths, joins and loops.

This module knows which graphs are none. It does not know how a document spells one. What
depends on a part that could not be read is not reported: it would be a guess, and gone when
the cause is mended. A name that is nearly right is taken for what was meant.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from engine.graph.nodes import MAX_NODES
from engine.graph.problems import listed, shown
from engine.graph.reach import components
from engine.graph.words import ENDS, STARTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.graph.document import Draft
    from engine.graph.edges import RoutingDraft
    from engine.graph.nodes import Mention
    from engine.graph.problems import Pointer, Problems


def check(draft: Draft, problems: Problems) -> list[str]:
    """Report what does not fit; give the nodes in node order, as far as it can be known."""
    if not draft.readable:
        return []
    if not draft.nodes:
        problems.add(
            "EMPTY_GRAPH",
            draft.nodes_path,
            "the graph has no node",
            'the smallest graph is {"nodes": ["extract"]}',
        )
        return []
    if len(draft.nodes) > MAX_NODES:
        problems.add(
            "TOO_MANY_NODES",
            draft.nodes_path,
            f"the graph has {len(draft.nodes):,} nodes, at most {MAX_NODES:,} are allowed",
            "split it into several graphs",
        )
        return []
    return _Checker(draft, problems).check()


def sure_targets(draft: Draft, routing: RoutingDraft) -> tuple[Mention, ...]:
    """Give the targets that every successful completion sends to (docs/semantics.md 1.5)."""
    if draft.nodes[routing.source.name].routes:
        return ()
    successes = routing.successes
    if routing.every:
        return tuple(m for rule in successes if rule.default for m in rule.to)
    return successes[0].to if successes and successes[0].default else ()


class _Checker:
    """Carries the edges of one draft, by name."""

    def __init__(self, draft: Draft, problems: Problems) -> None:
        self.draft = draft
        self.problems = problems
        self.nodes: Mapping[str, object] = draft.nodes
        self.out: dict[str, dict[str, Pointer]] = {name: {} for name in draft.nodes}
        """Source to target to where the edge is named first."""
        self.complete = draft.sound
        """Every edge is known, at least nearly."""

    def check(self) -> list[str]:
        """Run all checks."""
        self._find_edges()
        entry = self._entry()
        if entry is None:
            order = list(self.nodes)
        else:
            order = self._reached(entry)
            reached = set(order)
            lost = [name for name in self.nodes if name not in reached]
            if self.complete:
                self._report_unreachable(entry, lost)
                self._check_joins(entry)
            order += lost
        if self.draft.sound:
            self._check_loops(order)
        return order

    # --- names ------------------------------------------------------------------------------

    def _find_edges(self) -> None:
        for routing in self.draft.routing.values():
            source: str | None = routing.source.name
            if source not in self.nodes:
                message = f"there is no node {shown(routing.source.name)} to lead from"
                source = self._meant(routing.source, message, STARTS)
            words = (
                f"the edge from {shown(routing.source.name)} leads nowhere: there is no node ",
                "",
            )
            for rule in routing.rules:
                self._lead(source, rule.to, words, ENDS)
        for name, node in self.draft.nodes.items():
            if node.routes:
                words = (f"{shown(name)} can't go to ", ": there is no such node")
                self._lead(name, node.routes, words, ())

    def _lead(
        self,
        source: str | None,
        mentions: Iterable[Mention],
        words: tuple[str, str],
        foreign: Iterable[str],
    ) -> None:
        """Note the edges from a node, if it is known, and report those that lead nowhere.

        Args:
            source: The node; None: there is none of that name.
            mentions: Where they lead.
            words: What is said before and behind a name that no node has.
            foreign: Names that mean something elsewhere.
        """
        out = self.out[source] if source is not None else dict[str, "Pointer"]()
        for mention in mentions:
            target: str | None = mention.name
            if target not in self.nodes:
                message = shown(mention.name).join(words)
                target = self._meant(mention, message, foreign)
            if target is not None:
                out.setdefault(target, mention.path)

    def _meant(self, mention: Mention, message: str, foreign: Iterable[str]) -> str | None:
        """Report a name that no node has; give the one that is nearly it."""
        name = mention.name
        if name in foreign:
            hint = (
                'write "entry": "<name>" to say which node is the first'
                if foreign is STARTS
                else "to end the branch write null"
            )
            self.problems.add("UNKNOWN_NODE", mention.path, message, hint)
            return None
        near = self.problems.nearest(name, self.nodes)
        if near is None:
            self.complete = False
            hint = self._all_nodes
        else:
            hint = f"did you mean {near!r}?"
        self.problems.add("UNKNOWN_NODE", mention.path, message, hint)
        return near

    @cached_property
    def _all_nodes(self) -> str:
        return f"the nodes are {listed(self.nodes)}"

    def _entry(self) -> str | None:
        """Find the entry, named or not; None if there is none to be found."""
        named = self.draft.entry
        if named is not None:
            if named.name in self.nodes:
                return named.name
            return self._meant(named, f"there is no node {shown(named.name)} to begin at", ())
        if not self.draft.entry_readable:
            return None
        targets = {target for into in self.out.values() for target in into}
        free = [name for name in self.nodes if name not in targets]
        if len(free) == 1:
            return free[0]
        if self.complete:
            candidates = free or self._first_of_loops()
            reason = "several nodes have no" if free else "every node has an"
            self.problems.add(
                "NO_ENTRY",
                (),
                f"it is not said where the graph begins: {reason} incoming edge, and it could be "
                f"{listed(candidates, 'or')}",
                f'write "entry": {shown(candidates[0])}'
                + (", or another of them" if candidates[1:] else ""),
            )
        return None

    def _first_of_loops(self) -> list[str]:
        """Name the nodes from which a graph that is nothing but loops can be reached."""
        names = list(self.nodes)
        component = components(_numbered(names, self.out))
        fed = {
            component[target]
            for source, successors in enumerate(_numbered(names, self.out))
            for target in successors
            if component[source] != component[target]
        }
        return [name for i, name in enumerate(names) if component[i] not in fed]

    # --- paths ------------------------------------------------------------------------------

    def _reached(self, entry: str) -> list[str]:
        """Give what is reached from the entry, in node order (docs/semantics.md 1.3)."""
        order = [entry]
        seen = {entry}
        for name in order:  # grows while it is walked: breadth first
            for target in self.out[name]:
                if target not in seen:
                    seen.add(target)
                    order.append(target)
        return order

    def _report_unreachable(self, entry: str, lost: list[str]) -> None:
        for name in lost:
            self.problems.add(
                "UNREACHABLE_NODE",
                self.draft.nodes[name].path,
                f"no path leads from the entry {shown(entry)} to {shown(name)}",
                "lead an edge to it, or take it out",
            )

    def _check_joins(self, entry: str) -> None:
        incoming = dict.fromkeys(self.nodes, 0)
        incoming[entry] = 1  # the start is an edge
        for targets in self.out.values():
            for target in targets:
                incoming[target] += 1
        for name, draft in self.draft.nodes.items():
            join = draft.node.join
            if join is not None and (join.count or 0) > max(incoming[name], 1):
                self.problems.add(
                    "JOIN_COUNT",
                    (*draft.path, "join", "count"),
                    f"{shown(name)} waits for {join.count} edges, and {incoming[name]} lead to it",
                    f"write at most {max(incoming[name], 1)}",
                )

    # --- loops ------------------------------------------------------------------------------

    def _check_loops(self, order: list[str]) -> None:
        """Report the loops of which every edge is always taken."""
        sure: dict[str, dict[str, Pointer]] = {name: {} for name in order}
        for name, routing in self.draft.routing.items():
            # A node whose error is taken by a rule can leave the loop by failing.
            if name in self.nodes and all(rule.on is None for rule in routing.rules):
                targets = sure_targets(self.draft, routing)
                sure[name] = {m.name: m.path for m in targets if m.name in self.nodes}
        out = _numbered(order, sure)
        members: dict[int, list[int]] = {}
        for node, component in enumerate(components(out)):
            members.setdefault(component, []).append(node)
        for loop in sorted(members.values()):
            if len(loop) == 1 and loop[0] not in out[loop[0]]:
                continue
            path = [order[node] for node in _cycle(loop, out)]
            if path[0] in self._cancellable:
                continue
            self.problems.add(
                "LOOP_WITHOUT_EXIT",
                sure[path[-1]][path[0]],
                f"the loop {' -> '.join(shown(name) for name in [*path, path[0]][:10])} can never "
                "end: each of its edges is always taken",
                'give one of them a condition: [{"when": "...", "to": '
                f'{shown(path[0])}}}, {{"to": null}}]',
            )

    @cached_property
    def _cancellable(self) -> set[str]:
        """The nodes that lead to a join which cancels what it no longer waits for."""
        found = {
            name
            for name, draft in self.draft.nodes.items()
            if draft.node.join is not None and draft.node.join.rest == "cancel"
        }
        into: dict[str, list[str]] = {}
        for source, targets in self.out.items() if found else ():
            for target in targets:
                into.setdefault(target, []).append(source)
        waiting = list(found)
        while waiting:
            more = [source for source in into.get(waiting.pop(), ()) if source not in found]
            found.update(more)
            waiting += more
        return found


def _numbered(names: list[str], out: Mapping[str, Iterable[str]]) -> list[list[int]]:
    index = {name: i for i, name in enumerate(names)}
    return [[index[target] for target in out[name]] for name in names]


def _cycle(loop: list[int], out: list[list[int]]) -> list[int]:
    """Give a shortest cycle through the first node of a strongly connected component."""
    first = loop[0]
    inside = set(loop)
    before: dict[int, int] = {}
    queue = [first]
    for node in queue:  # grows while it is walked
        for target in out[node]:
            if target == first:
                path = [node]
                while path[-1] != first:
                    path.append(before[path[-1]])
                return path[::-1]
            if target in inside and target not in before:
                before[target] = node
                queue.append(target)
    return [first]
