"""What follows from the edges of a graph: docs/semantics.md, section 1 and 3.1; and its cost."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import pytest

from engine import inputs
from engine.ask import active, deadline
from engine.decide import step
from engine.graph.parts import Node, Routing, Rule
from engine.graph.plan import Plan
from tests.spec.story import NOON, started, workflow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

    from engine.graph import Graph
    from engine.ids import Json
    from engine.run import Run


def rules(*targets: str) -> list[object]:
    """Conditional ways, the last without a condition."""
    return [*({"when": f"to_{t}", "to": t} for t in targets[:-1]), {"to": targets[-1]}]


DIAMOND = workflow({"a": ["b", "c"], "b": "d", "c": "d"})
NESTED = workflow({"a": ["b", "c"], "b": ["x", "y"], "x": "i", "y": "i", "i": "d", "c": "d"})
ROUND = workflow({"a": ["b", "c"], "b": "d", "c": "d", "d": rules("a", "e")})
INTO_ONE = workflow({"a": ["b", "c"], "b": "d", "c": "d", "d": rules("b", "e")})
TO_FORK = workflow({"a": ["b", "c"], "b": rules("a", "d"), "c": "d"})
SELF = workflow({"s": "a", "a": rules("a", "b")})
TWO_ENTRIES = workflow({"a": ["h", "m"], "h": "m", "m": rules("h", "z")})
CIRCLE = workflow(
    {
        "a": ["p", "q"],
        "p": "x",
        "q": "y",
        "x": rules("u", "e"),
        "u": "y",
        "y": rules("v", "e"),
        "v": "x",
    }
)
GOTO = workflow({"a": ["b", "c"], "b": "d", "c": "d", "d": None}, {"d": {"routes": ["b"]}})

# -- edges --------------------------------------------------------------------------------


def names(plan: Plan, numbers: Iterable[int]) -> set[str]:
    return {plan.names[number] for number in numbers}


@pytest.mark.parametrize(
    ("graph", "order"),
    [
        (NESTED, "a b c x y d i"),
        (workflow({"a": ["c", "b"], "b": "d", "c": "e"}), "a c b e d"),
        (workflow({"a": [{"when": "p", "to": ["z", "y"]}, {"to": "x"}]}), "a z y x"),
        (workflow({"a": "x"}, {"a": {"routes": ["y", "b"]}, "y": {}, "b": {}}), "a x y b"),
    ],
)
def test_nodes_are_ordered_as_they_are_discovered(graph: Graph, order: str) -> None:
    assert list(graph.nodes) == list(graph.plan.names) == order.split()


@pytest.mark.parametrize(
    ("graph", "splits"),
    [
        (DIAMOND, {"b": "a", "c": "a", "d": "a"}),
        (NESTED, {"b": "a", "c": "a", "d": "a", "x": "b", "y": "b", "i": "b"}),
        (ROUND, {"b": "a", "c": "a", "d": "a", "e": "d"}),
        (INTO_ONE, {"b": "a", "c": "a", "d": "a", "e": "d"}),
        (SELF, {"a": "s", "b": "a"}),
        (TWO_ENTRIES, {"h": "a", "m": "a", "z": "m"}),
        (workflow({"a": rules("b", "c"), "b": rules("a", "c"), "c": "a"}), {"b": "a", "c": "a"}),
        (workflow({"a": "b", "b": ["c", "d"], "c": "d", "d": "e"}),
         {"b": "a", "c": "b", "d": "b", "e": "d"}),
    ],
)  # fmt: skip
def test_the_split_of_a_node_is_the_last_that_every_path_passes(
    graph: Graph, splits: dict[str, str]
) -> None:
    plan = graph.plan

    found = {name: plan.split[i] for i, name in enumerate(plan.names)}
    assert found.pop(graph.entry) == -1  # the start
    assert {name: plan.names[split] for name, split in found.items()} == splits


@pytest.mark.parametrize(
    ("graph", "closing"),
    [
        (DIAMOND, set()),
        (ROUND, {"d a"}),
        (INTO_ONE, {"d b"}),
        (TO_FORK, {"b a"}),
        (SELF, {"a a"}),
        (TWO_ENTRIES, {"m h"}),
        (CIRCLE, set()),
        (GOTO, {"d b"}),
        (workflow({"a": "b", "b": "c", "c": rules("b", "d")}), {"c b"}),
        (workflow({"a": "b", "b": {"all": [{"when": "p", "to": "a"}, {"to": "c"}]}}), {"b a"}),
        # an edge that is always taken closes nothing
        (workflow({"a": rules("b", "c"), "b": "a"}), set()),
        # nor does one that comes from beside, where the node does not lead
        (workflow({"a": rules("b", "c"), "b": rules("c", "d"), "c": "d"}), set()),
    ],
)
def test_an_edge_closes_a_loop_if_the_node_comes_back_along_it_by_condition(
    graph: Graph, closing: set[str]
) -> None:
    assert {f"{source} {target}" for source, target in graph.plan.closing} == closing


@pytest.mark.parametrize(
    ("graph", "tracked"),
    [
        (DIAMOND, "a"),
        (NESTED, "a b"),
        (workflow({"a": "b", "b": "c"}), ""),
        (SELF, "s"),  # the round of `a`; its passes do not matter to an ordinary join
        (workflow({"a": rules("b", "c"), "b": None, "c": None}), ""),
        (TWO_ENTRIES, "a h m"),  # the loop is open at `h`: passes count all round it
    ],
)
def test_messages_carry_only_the_nodes_that_some_join_asks_for(graph: Graph, tracked: str) -> None:
    assert names(graph.plan, graph.plan.tracked) == set(tracked.split())


def test_a_node_with_one_incoming_edge_is_never_tested() -> None:
    plan = ROUND.plan

    tested = {plan.names[i] for i, join in enumerate(plan.joins) if join is not None}
    assert tested == {"a", "d"}  # the start is an edge into `a`


@pytest.mark.parametrize(("graph", "circular"), [(CIRCLE, "x y"), (ROUND, ""), (DIAMOND, "")])
def test_only_joins_that_can_wait_for_each_other_are_looked_at_for_circles(
    graph: Graph, circular: str
) -> None:
    plan = graph.plan

    found = {plan.names[i] for i, join in enumerate(plan.joins) if join and join.circular}
    assert found == set(circular.split())


def test_a_message_can_deliver_from_where_it_reaches_the_node_beside_its_split() -> None:
    plan = NESTED.plan
    join = plan.joins[plan.index["d"]]
    assert join is not None

    along = {plan.names[i]: slots for i, slots in join.delivers.items()}
    assert along == {"c": 1, "b": 2, "x": 2, "y": 2, "i": 2}  # `c` stands before `i`
    assert join.feeds == sum(1 << plan.index[name] for name in along)


# -- cost ---------------------------------------------------------------------------------


def planned(edges: dict[str, list[str]], entry: str) -> float:
    """Plan a graph that is known to be one; give the seconds it took."""
    nodes = {name: Node(name=name, tool=name) for name in edges}
    routing = {name: Routing((Rule(to=tuple(to)),)) for name, to in edges.items()}
    began = time.process_time()
    Plan.of(nodes, routing, entry)
    return time.process_time() - began


def test_a_fan_out_of_a_thousand_branches_is_planned_in_well_under_a_second() -> None:
    branches = [f"n{i}" for i in range(1_000)]

    edges = {"a": branches, **{name: ["z"] for name in branches}, "z": []}
    assert planned(edges, "a") < 0.5


def test_a_chain_of_five_thousand_nodes_is_planned_in_well_under_a_second() -> None:
    edges = {f"n{i}": [f"n{i + 1}"] for i in range(4_999)}

    assert planned({**edges, "n4999": []}, "n0") < 0.5


def test_a_chain_of_a_thousand_diamonds_is_planned_in_well_under_a_second() -> None:
    edges: dict[str, list[str]] = {}
    for i in range(1_000):
        edges |= {f"a{i}": [f"b{i}", f"c{i}"], f"b{i}": [f"a{i + 1}"], f"c{i}": [f"a{i + 1}"]}

    assert planned({**edges, "a1000": []}, "a0") < 0.5


def test_a_loop_of_a_thousand_nodes_is_planned_in_well_under_a_second() -> None:
    edges = {f"n{i}": [f"n{(i + 1) % 1_000}"] for i in range(1_000)}

    assert planned(edges, "n0") < 0.5


def completed(run: Run, order: int = 0) -> Iterator[int]:
    """Complete whatever is active, oldest (0) or youngest (-1) first, and `slow` in the end.

    Yields the calls that each step makes. The node `d` adds 1 to the key `n`.
    """
    count = 0

    def profile(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    while active(run):
        live = sorted(active(run).items())
        fast = [(each, what.node) for each, what in live if what.node != "slow"]
        chosen, node = fast[order] if fast else (live[0][0], "slow")
        patch: dict[str, Json] = {"n": 1} if node == "d" else {}
        given = inputs.Result(at=NOON, activation=chosen, attempt=1, patch=patch)
        count = 0
        sys.setprofile(profile)
        try:
            step(run, given)
        finally:
            sys.setprofile(None)
        yield count
        deadline(run)  # as a host does
    assert run.status == "completed"


def calls(graph: Graph, order: int = 0) -> int:
    return sum(completed(started(graph), order))


def fan(width: int, join: object) -> Graph:
    branches = [f"n{i}" for i in range(width)]
    edges = {"a": branches, **dict.fromkeys(branches, "z"), "z": "e"}
    return workflow(edges, {"z": {"join": join}} if join else {})


@pytest.mark.parametrize("order", [0, -1], ids=["oldest first", "youngest first"])
@pytest.mark.parametrize(
    "join",
    [None, {"count": "all"}, {"batch": "all"}, {"count": 1}, {"count": 1, "rest": "cancel"}],
    ids=str,
)
def test_the_work_of_a_join_grows_with_its_branches_and_not_with_their_square(
    join: dict[str, object] | None, order: int
) -> None:
    found = []
    for width in (50, 500):
        given = {k: width if v == "all" else v for k, v in (join or {}).items()}
        found.append(calls(fan(width, given), order))

    assert found[1] < 15 * found[0]


def test_the_work_of_a_step_does_not_grow_with_the_length_of_a_chain() -> None:
    found = [calls(workflow({f"n{i}": f"n{i + 1}" for i in range(length)})) for length in (20, 400)]

    assert found[1] < 25 * found[0]


JOINS: list[object] = [None, "first", {"count": 2}, {"count": 1, "rest": "cancel"}, {"batch": 2}]


def loop(passes: int, join: object, *, beside: bool = False, **node: object) -> Graph:
    """Go round two parallel branches, perhaps beside a branch that takes long."""
    back = [{"when": f"n < {passes}", "to": "a"}, {"to": None}]
    return workflow(
        {"s": ["a", "slow"] if beside else "a", "a": ["b", "c"], "b": "d", "c": "d", "d": back},
        {"a": node, "d": {"join": join, **node}, **({"slow": {"timeout": 1}} if beside else {})},
        state={"reducers": {"n": "sum"}, "defaults": {"n": 0}},
    )


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a slow branch"])
@pytest.mark.parametrize("join", JOINS, ids=str)
def test_neither_a_run_nor_the_work_of_a_pass_grows_with_the_number_of_passes(
    join: object, *, beside: bool
) -> None:
    run = started(loop(200, join, beside=beside, timeout=3_600))

    costs, largest = [], 0
    for cost in completed(run):
        groups = sum(map(len, run.waiting.groups.values()))
        largest = max(largest, groups, len(run.timers), len(run.messages), len(run.branches))
        costs.append(cost)
    assert sum(costs[-140:-40]) < 1.1 * sum(costs[40:140])
    assert largest < 50
