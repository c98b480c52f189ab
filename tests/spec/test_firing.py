"""Which node fires when: docs/semantics.md, sections 2 and 3, without a `join`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.spec.story import Story, outcomes, workflow

if TYPE_CHECKING:
    from engine.graph import Graph
    from engine.ids import Json

DIAMOND = workflow({"a": ["b", "c"], "b": "d", "c": "d"})
ROUND = workflow(  # a loop round parallel branches
    {"a": ["b", "c"], "b": "d", "c": "d", "d": [{"when": "again", "to": "a"}, {"to": "e"}]}
)


def test_a_sequence_runs_one_node_after_the_other() -> None:
    chain = Story(workflow({"a": "b", "b": "c"}))

    chain.plays("-> a", "a -> b", "b -> c", "c -> completed")

    assert chain.fired == ["a", "b", "c"]


def test_one_step_is_one_batch_of_result_messages_and_firings() -> None:
    story = Story(DIAMOND)
    assert story.last == ["run.started", "message.sent -> a", "node.started a"]

    assert story.completes("a").last == [
        "node.completed a",
        "message.sent a -> b",
        "message.sent a -> c",
        "node.started b",
        "node.started c",
    ]
    assert story.completes("b").last == ["node.completed b", "message.sent b -> d"]
    assert story.completes("c").last == [
        "node.completed c",
        "message.sent c -> d",
        "node.started d",
    ]
    assert story.completes("d").last == ["node.completed d", "run.completed"]


def test_an_activation_is_named_by_the_first_message_it_consumed() -> None:
    story = Story(DIAMOND).plays("a -> b c", "c -> b", "b -> d")

    sent = {each: i for i, each in enumerate(story.log) if each.startswith("message.sent")}
    first = sent["message.sent b -> d"]  # the first in the order of the merge, not of arrival
    assert story.activation("d") == first
    assert story.run.activations[story.activation("d")].messages == (
        first,
        sent["message.sent c -> d"],
    )


# -- meeting ------------------------------------------------------------------------------


def test_a_join_waits_for_every_branch() -> None:
    Story(DIAMOND).plays("-> a", "a -> b c", "b -> c", "c -> d", "d -> completed")
    Story(DIAMOND).plays("-> a", "a -> b c", "c -> b", "b -> d", "d -> completed")


def test_a_join_waits_for_a_branch_that_is_longer() -> None:
    uneven = workflow({"a": ["b", "c"], "b": "x", "x": "y", "y": "d", "c": "d"})

    Story(uneven).plays("a -> b c", "c -> b", "b -> x", "x -> y", "y -> d", "d -> completed")


def test_a_join_waits_for_an_edge_that_leads_there_directly() -> None:
    shortcut = workflow({"a": ["b", "d"], "b": "d"})

    Story(shortcut).plays("a -> b", "b -> d", "d -> completed")


@pytest.mark.parametrize(
    ("chosen", "moves"),
    [
        ({"p": True, "q": True}, ["a -> b c", "b -> c", "c -> d", "d -> completed"]),
        ({"p": True, "q": False}, ["a -> b", "b -> d", "d -> completed"]),
        ({"p": False, "q": True}, ["a -> c", "c -> d", "d -> completed"]),
    ],
)
def test_a_branch_that_was_not_chosen_never_blocks(
    chosen: dict[str, Json], moves: list[str]
) -> None:
    rules = [{"when": "p", "to": "b"}, {"when": "q", "to": "c"}]
    multi_choice = workflow({"a": {"all": rules}, "b": "d", "c": "d"})

    Story(multi_choice, chosen).plays(*moves)


def test_a_branch_that_ends_on_its_way_frees_the_join() -> None:
    maybe = workflow({"a": ["b", "c"], "b": [{"when": "stop", "to": None}, {"to": "d"}], "c": "d"})

    Story(maybe).plays("a -> b c", "c -> b", "b stop=true -> d", "d -> completed")
    Story(maybe).plays("a -> b c", "c -> b", "b stop=false -> d", "d -> completed")


def test_of_nested_joins_the_inner_waits_for_its_own_branches_only() -> None:
    nested = workflow({"a": ["b", "c"], "b": ["x", "y"], "x": "i", "y": "i", "i": "d", "c": "d"})

    Story(nested).plays(
        "a -> b c", "b -> c x y", "x -> c y", "y -> c i", "i -> c", "c -> d", "d -> completed"
    )


def test_branches_of_a_branch_meet_the_rest_at_the_outer_join() -> None:
    ragged = workflow({"a": ["b", "c"], "b": ["x", "y"], "x": "d", "y": "d", "c": "d"})

    Story(ragged).plays("a -> b c", "c -> b", "b -> x y", "y -> x", "x -> d", "d -> completed")


def test_two_joins_can_overlap() -> None:
    overlap = workflow({"a": ["b", "c", "e"], "b": "p", "c": ["p", "q"], "e": "q"})

    Story(overlap).plays("a -> b c e", "b -> c e", "c -> e p", "e -> p q", "p -> q")


def test_a_join_waits_for_the_outcome_of_a_node_whose_error_leads_there() -> None:
    guarded = workflow({"a": ["b", "c"], "b": [{"on": "error", "to": "d"}, {"to": "e"}], "c": "d"})

    success = Story(guarded).plays("a -> b c", "c -> b", "b -> d e", "d -> e", "e -> completed")
    assert success.fired.count("d") == 1
    Story(guarded).plays("a -> b c", "c -> b", "b!BROKEN -> d", "d -> completed")


def test_of_time_outs_at_one_moment_one_that_fails_the_run_keeps_the_others_from_firing() -> None:
    nodes = {name: {"timeout": 30} for name in "bc"}
    edges = {"a": ["b", "c"], "b": [{"on": "error", "to": "d"}]}
    story = Story(workflow(edges, nodes, on_failure="drain")).completes("a").time_passes()

    assert story.last == [
        "node.failed b TIMEOUT routed",
        "message.sent b -> d",
        "node.failed c TIMEOUT fails",
        "run.failed TIMEOUT",
    ]
    assert story.counts == (4, 2, 0, 2)  # d's, and c's


def test_a_branch_that_times_out_at_the_moment_of_the_winner_is_late_and_not_cancelled() -> None:
    by_error = [{"on": "error", "to": "j"}]
    nodes = {name: {"timeout": 30} for name in "bc"} | {
        "j": {"join": {"count": 1, "rest": "cancel"}}
    }
    story = Story(workflow({"a": ["b", "c"], "b": by_error, "c": by_error}, nodes)).completes("a")

    assert story.time_passes().last == [
        "node.failed b TIMEOUT routed",
        "message.sent b -> j",
        "node.failed c TIMEOUT routed",
        "message.sent c -> j",
        "node.started j",
        "message.withdrawn j by j",
    ]
    story.plays("j -> completed")
    assert story.counts == (5, 4, 1, 0)


def test_what_fires_by_itself_does_so_in_the_order_of_sending_and_joins_in_node_order() -> None:
    fan = workflow({"a": ["z", "y", "j", "x"], "y": "j", "x": "k", "z": "k"})

    assert Story(fan).completes("a").last[-3:] == [
        "node.started z",
        "node.started y",
        "node.started x",
    ]
    wide = workflow({"a": ["b", "c"], "b": [{"when": "p", "to": ["k", "j"]}], "c": ["j", "k"]})
    story = Story(wide).plays("a -> b c", "b p=true -> c", "c -> j k")
    assert story.last[-2:] == ["node.started k", "node.started j"]  # k was discovered first


# -- loops --------------------------------------------------------------------------------


def test_a_self_loop_runs_until_its_condition_is_false() -> None:
    loop = workflow({"a": [{"when": "n < 3", "to": "a"}, {"to": "b"}]})

    Story(loop).plays("-> a", "a n=1 -> a", "a n=2 -> a", "a n=3 -> b", "b -> completed")


def test_an_entry_with_incoming_edges_starts_at_once_for_the_start_is_an_edge() -> None:
    loop = workflow({"a": "b", "b": [{"when": "again", "to": "a"}, {"to": None}]})

    Story(loop).plays("-> a", "a -> b", "b again=true -> a", "a -> b", "b again=false -> completed")


def test_a_loop_never_waits_for_itself() -> None:
    loop = workflow(
        {"s": "a", "a": "b", "b": [{"when": "again", "to": "a"}, {"to": "c"}], "c": None}
    )

    Story(loop).plays("s -> a", "a -> b", "b again=true -> a", "a -> b", "b again=false -> c")


def test_a_loop_may_have_several_ways_back_and_out() -> None:
    loop = workflow(
        {
            "s": "a",
            "a": [{"when": "k == 1", "to": "x"}, {"to": "b"}],
            "b": [{"when": "k == 2", "to": "a"}, {"to": "c"}],
            "c": [{"when": "k == 3", "to": "a"}, {"to": "y"}],
        },
        state={"defaults": {"k": 0}},
    )

    Story(loop).plays(
        "s -> a", "a -> b", "b k=2 -> a", "a -> b", "b k=3 -> c", "c -> a", "a k=1 -> x"
    )
    Story(loop).plays("s -> a", "a -> b", "b -> c", "c -> y", "y -> completed")


def test_an_inner_loop_runs_anew_in_each_pass_of_the_outer() -> None:
    nested = workflow(
        {
            "a": "b",
            "b": [{"when": "inner", "to": "b"}, {"to": "c"}],
            "c": [{"when": "outer", "to": "a"}, {"to": None}],
        },
        state={"defaults": {"inner": False, "outer": False}},
    )

    Story(nested).plays(
        "a -> b", "b inner=true -> b", "b inner=false -> c", "c outer=true -> a",
        "a -> b", "b inner=true -> b", "b inner=false -> c", "c outer=false -> completed",
    )  # fmt: skip


def test_in_a_loop_round_parallel_branches_each_pass_is_by_itself() -> None:
    story = Story(ROUND).plays(
        "a -> b c", "b -> c", "c -> d", "d again=true -> a",
        "a -> b c", "c -> b", "b -> d", "d again=false -> e", "e -> completed",
    )  # fmt: skip
    assert Counter(story.fired) == {"a": 2, "b": 2, "c": 2, "d": 2, "e": 1}


def test_a_branch_not_taken_in_one_pass_of_a_loop_does_not_end_it_twice() -> None:
    rules = [{"when": "p", "to": "b"}, {"to": "c"}]
    skipping = workflow(
        {"a": {"all": rules}, "b": "d", "c": "d", "d": [{"when": "again", "to": "a"}, {"to": "e"}]}
    )

    story = Story(skipping, {"p": True}).plays(
        "a -> b c", "b -> c", "c -> d", "d again=true p=false -> a",
        "a -> c", "c -> d", "d again=false -> e", "e -> completed",
    )  # fmt: skip
    assert story.fired.count("e") == 1


def test_a_loop_back_into_one_of_two_branches_starts_that_branch_at_once() -> None:
    back = workflow(
        {"a": ["b", "c"], "b": "d", "c": "d", "d": [{"when": "again", "to": "b"}, {"to": "e"}]}
    )

    Story(back).plays(
        "a -> b c", "c -> b", "b -> d", "d again=true -> b", "b -> d", "d again=false -> e"
    )


def test_the_late_sibling_of_a_branch_that_looped_back_meets_only_its_own_pass() -> None:
    early = workflow({"a": ["b", "c"], "b": [{"when": "again", "to": "a"}, {"to": "d"}], "c": "d"})

    story = Story(early).plays(
        "a -> b c", "b again=true -> a c", "a -> b c c", "c first=1 -> b c d",
        "d -> b c", "b again=false -> c", "c -> d", "d -> completed",
    )  # fmt: skip
    assert story.fired.count("d") == 2
    late = Story(early).plays("a -> b c", "b again=true -> a c", "a -> b c c", "c#2 -> b c")
    late.plays("b again=false -> c d", "d -> c", "c -> d", "d -> completed")


def test_a_node_that_loops_back_and_goes_on_at_once_runs_as_two_threads() -> None:
    pump = workflow({"a": {"all": [{"when": "n < 2", "to": "a"}, {"to": "b"}]}, "b": "c"})

    story = Story(pump).plays("a n=1 -> a b", "a n=2 -> b b", "b -> b c", "b -> c c", "c -> c")
    assert story.completes("c").status == "completed"
    assert Counter(story.fired) == {"a": 2, "b": 2, "c": 2}


def test_two_threads_at_a_loop_head_both_go_round() -> None:
    threads = workflow(
        {"a": ["b", "c"], "b": "h", "c": "h", "h": [{"when": "again", "to": "h"}, {"to": "x"}]},
        {"h": {"join": "each"}, "x": {"join": "each"}},
        state={"reducers": {"again": "last"}},
    )

    story = Story(threads).plays(
        "a -> b c", "b -> c h", "c -> h h", "h again=true -> h h", "h again=true -> h h",
        "h again=false -> h x", "h again=false -> x x", "x -> x", "x -> completed",
    )  # fmt: skip
    assert Counter(story.fired) == {"a": 1, "b": 1, "c": 1, "h": 4, "x": 2}


def test_messages_of_one_round_on_one_edge_queue_and_a_firing_takes_one_of_each_edge() -> None:
    queue = workflow(
        {"a": ["b", "c", "k"], "b": "m", "c": "m", "m": "j", "k": "j"}, {"m": {"join": "each"}}
    )

    story = Story(queue).plays("a -> b c k", "b -> c k m", "c -> k m m", "m -> k m", "m -> k")
    story.plays("k -> j j", "j -> j", "j -> completed")
    assert story.firings("j") == [["k", "m"], ["m"]]


def test_what_a_batch_made_of_two_rounds_belongs_to_the_later_activation_of_each_split() -> None:
    edges = {
        "u": ["w", "f"],
        "f": [{"when": "again", "to": "u"}, {"to": None}],
        "w": "y",
        "y": ["l", "r"],
        "l": "r",
        "r": [{"when": "more", "to": "y"}, {"to": None}],
    }
    nodes = {"y": {"join": "first"}, "l": {"join": {"batch": 2}}}
    state = {"defaults": {"again": False, "more": False}}
    story = Story(workflow(edges, nodes, state=state))
    story.plays("u -> f w", "f again=true -> u w", "u again=false -> f w w", "f -> w w")

    # the second round of `u` is faster, so `y` fires for the first one last
    story.plays("w#2 -> w y", "w -> y y", "y -> y", "y one=1 -> l", "l -> r r")
    assert story.firings("r") == [["y"], ["y", "l"]]
    assert [story.reads(r).get("one") for r in ("r#1", "r#2")] == [None, 1]
    story.plays("r -> r", "r more=true -> y")


# -- the law ------------------------------------------------------------------------------


def tool(node: str, state: dict[str, Json]) -> dict[str, Json]:
    """Write what depends on nothing but the node and what it reads; loops go round twice."""
    seen = state.get(f"seen_{node}", 0)
    assert isinstance(seen, int)
    return {f"seen_{node}": seen + 1}


def again(node: str, to: str, times: int = 2) -> dict[str, Json]:
    return {"when": f"seen_{node} < {times}", "to": to}


@pytest.mark.parametrize(
    "graph",
    [
        DIAMOND,
        workflow({"a": ["b", "c"], "b": ["x", "y"], "x": "d", "y": "d", "c": "d"}),
        workflow({"a": ["b", "c"], "b": "d", "c": "d", "d": [again("d", "a"), {"to": "e"}]}),
        workflow({"a": ["b", "c"], "b": "d", "c": "d", "d": [again("d", "b"), {"to": "e"}]}),
        workflow({"a": ["b", "c"], "b": [again("b", "a"), {"to": "d"}], "c": "d"}),
        workflow({"a": ["b", "c"], "b": [again("b", "b", 3), {"to": "d"}], "c": "d"}),
        workflow({"a": ["h", "m"], "h": "m", "m": [again("m", "h"), {"to": "z"}]}),
        workflow(
            {
                "a": ["b", "c"],
                "b": [again("b", "c"), {"to": "d"}],
                "c": [again("c", "b"), {"to": "d"}],
            }
        ),
    ],
    ids=[
        "diamond",
        "nested",
        "loop round branches",
        "loop into one branch",
        "branch back to the fork",
        "self-loop in a branch",
        "loop entered at two places",
        "branches that cross",
    ],
)
def test_firings_and_states_are_the_same_under_every_schedule(graph: Graph) -> None:
    assert len(outcomes(graph, tool)) == 1
