"""Nodes with a `join`: docs/semantics.md 3.3 to 3.7."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from engine import inputs
from tests.spec.story import Story, workflow

if TYPE_CHECKING:
    from engine.graph import Graph
    from engine.ids import Json


def three_into(join: object, *, then: object = None) -> Graph:
    """A fork of three branches that meet at `j`."""
    edges = {"a": ["b", "c", "d"], "b": "j", "c": "j", "d": "j", "j": then}
    return workflow(edges, {"j": {"join": join}})


def looped(join: object) -> Graph:
    """Two branches that meet at `j`, and go round again from their fork."""
    rules = [{"when": "again", "to": "a"}, {"to": "e"}]
    nodes = {"j": {"join": join}}
    return workflow({"a": ["b", "c"], "b": "j", "c": "j", "j": rules}, nodes)


# -- first and count ----------------------------------------------------------------------


def test_first_goes_on_with_the_first_branch_and_withdraws_the_others_as_they_come() -> None:
    story = Story(three_into("first", then="e")).plays("a -> b c d", "c -> b d j", "j -> b d e")

    assert story.completes("d").last == [
        "node.completed d",
        "message.sent d -> j",
        "message.withdrawn j by j",
    ]
    story.plays("e -> b", "b -> completed")
    assert story.firings("j") == [["c"]]
    assert story.counts == (8, 6, 2, 0)


def test_what_a_withdrawn_message_wrote_goes_with_it() -> None:
    story = Story(three_into("first")).plays("a -> b c d", "b x=1 -> c d j", "c x=2 y=2 -> d j")

    story.plays("d -> j", "j -> completed")
    assert story.state == {"x": 1}


def test_count_fires_as_soon_as_n_edges_have_a_message_and_merges_them_in_edge_order() -> None:
    story = Story(three_into({"count": 2})).plays("a -> b c d", "d -> b c", "b -> c j")

    assert story.firings("j") == [["b", "d"]]
    story.plays("c -> j", "j -> completed")


def test_a_count_of_all_edges_waits_for_every_one_of_them() -> None:
    Story(three_into({"count": 3})).plays("a -> b c d", "b -> c d", "c -> d", "d -> j")


def test_of_more_than_n_messages_the_first_n_are_taken() -> None:
    story = Story(three_into({"count": 2})).plays("a -> b c d").does(inputs.Pause)

    story.completes("d").completes("c").completes("b").does(inputs.Resume)

    assert story.firings("j") == [["c", "d"]]
    assert story.last[1:] == ["node.started j", "message.withdrawn j by j"]


def test_in_a_pause_nothing_is_withdrawn_until_the_run_goes_on() -> None:
    story = Story(three_into("first")).plays("a -> b c d", "b -> c d j").does(inputs.Pause)

    assert story.completes("c").last == ["node.completed c", "message.sent c -> j"]
    assert story.does(inputs.Resume).last == ["run.resumed", "message.withdrawn j by j"]


def test_two_messages_of_one_edge_count_as_one() -> None:
    graph = workflow(
        {"a": ["b", "c", "k"], "b": "m", "c": "m", "m": "j", "k": "j"},
        {"m": {"join": "each"}, "j": {"join": {"count": 2}}},
    )

    story = Story(graph).plays("a -> b c k", "b -> c k m", "m -> c k", "c -> k m", "m -> k")
    story.plays("k -> j", "j -> completed")
    assert story.firings("j") == [["k", "m"]]
    assert story.counts == (9, 8, 1, 0)


def test_a_second_message_of_an_edge_that_has_delivered_is_late_too() -> None:
    graph = workflow(
        {"a": ["b", "c", "k"], "b": "m", "c": "m", "m": "j", "k": "j"},
        {"m": {"join": "each"}, "j": {"join": "first"}},
    )

    story = Story(graph).plays("a -> b c k", "k -> b c j", "b -> c j m", "m -> c j")
    story.plays("c -> j m", "m -> j", "j -> completed")
    assert story.firings("j") == [["k"]]


def test_first_in_a_loop_is_armed_again_for_each_pass() -> None:
    story = Story(looped("first")).plays(
        "a -> b c", "b -> c j", "j again=true -> a c", "a -> b c c", "c#2 -> b c j",
        "c late=1 -> b j", "b late=2 -> j", "j again=false -> e", "e -> completed",
    )  # fmt: skip
    assert story.firings("j") == [["b"], ["c"]]
    assert story.counts[2] == 2
    assert "late" not in story.state


def test_first_at_a_loop_that_comes_back_beside_the_fork_counts_passes() -> None:
    rules = [{"when": "again", "to": "b"}, {"to": "e"}]
    graph = workflow({"a": ["b", "c"], "b": "j", "c": "j", "j": rules}, {"j": {"join": "first"}})

    story = Story(graph).plays("a -> b c", "b -> c j", "j again=true -> b c", "b -> c j")
    story.plays("c -> j", "j again=false -> e", "e -> completed")
    assert story.firings("j") == [["b"], ["b"]]


# -- what can't be satisfied --------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "moves"),
    [
        ({"p": 1}, ["a -> b", "b -> failed JOIN_UNSATISFIABLE"]),
        ({"p": 2}, ["a -> b c", "b -> c", "c -> j"]),
        ({"p": 3}, ["a -> b c", "b -> c", "c stop=true -> failed JOIN_UNSATISFIABLE"]),
    ],
)
def test_a_join_that_can_not_be_satisfied_fails_the_run_when_that_is_certain(
    chosen: dict[str, Json], moves: list[str]
) -> None:
    graph = workflow(
        {
            "a": {"all": [{"to": "b"}, {"when": "p > 1", "to": "c"}]},
            "b": "j",
            "c": [{"when": "stop", "to": None}, {"to": "j"}],
        },
        {"j": {"join": {"count": 2}}},
        state={"defaults": {"stop": False}},
    )

    story = Story(graph, chosen).plays(*moves)

    if story.status == "failed":
        assert story.last[-2:] == [
            "node.failed j JOIN_UNSATISFIABLE fails",
            "run.failed JOIN_UNSATISFIABLE",
        ]
        assert story.error is not None
        assert story.error.details == {"arrived": 1, "edges": 2}
        assert story.counts[3] == 1  # what waits there stays open


def test_a_join_is_not_given_up_while_enough_can_still_come() -> None:
    graph = workflow(
        {"a": ["b", "c", "d"], "b": "j", "c": "j", "d": [{"when": "go", "to": "j"}, {"to": None}]},
        {"j": {"join": {"count": 2}}},
    )

    Story(graph).plays("a -> b c d", "d go=false -> b c", "b -> c", "c -> j", "j -> completed")


def test_nothing_is_unsatisfiable_where_no_message_came() -> None:
    graph = workflow(
        {"a": [{"when": "skip", "to": None}, {"to": ["b", "c"]}], "b": "j", "c": "j"},
        {"j": {"join": {"count": 2}}},
    )

    Story(graph).plays("a skip=true -> completed")


# -- when ---------------------------------------------------------------------------------


def test_a_condition_over_what_arrived_decides_when_to_fire() -> None:
    story = Story(three_into({"when": "arrived * 2 > total"})).plays("a -> b c d", "c -> b d")

    story.plays("b -> d j", "d -> j", "j -> completed")
    assert story.firings("j") == [["b", "c"]]


def test_a_condition_sees_the_messages_in_edge_order_with_node_and_state() -> None:
    when = "messages.exists(m, m.node == 'c' && m.state.ok) || messages[0].state.ok"
    story = Story(three_into({"when": when}), {"ok": False}).plays(
        "a -> b c d", "d ok=true -> b c j"
    )
    assert story.firings("j") == [["d"]]

    story = Story(three_into({"when": when}), {"ok": False}).plays("a -> b c d", "b -> c d")
    story.plays("d ok=true -> c", "c ok=true -> j")
    assert story.firings("j") == [["b", "c", "d"]]


def test_a_condition_is_looked_at_again_when_a_person_patches_what_waits() -> None:
    graph = three_into({"when": "messages.exists(m, m.state.ok)", "rest": "block"})
    story = Story(graph, {"ok": False}).plays("a -> b c d", "b -> c d")

    assert story.does(inputs.Patch, patch={"ok": True}).last == ["state.patched", "node.started j"]


def test_a_patch_may_take_away_what_a_condition_held_for_while_it_was_blocked() -> None:
    graph = workflow(
        {"a": {"all": [{"when": "n < 2", "to": "a"}, {"to": ["b", "c"]}]}, "b": "j", "c": "j"},
        {"j": {"join": {"when": "messages.exists(m, m.state.ok)", "rest": "block"}}},
        state={"defaults": {"ok": False}, "reducers": {"ok": "last"}},
    )
    story = Story(graph).plays("a n=1 ok=true -> a b c", "a n=2 -> b b c c", "b -> b c c j")
    story.plays("b -> c c j").does(inputs.Patch, patch={"ok": False}, node="j")

    story.plays("j -> c c", "c -> c", "c ok=true -> j", "j -> completed")
    assert story.firings("j") == [["b"], ["b", "c"]]


def test_a_condition_that_did_not_hold_in_the_end_is_unsatisfiable() -> None:
    story = Story(three_into({"when": "messages.all(m, m.state.ok)  && arrived == 3"}))

    story.plays(
        "a ok=true -> b c d", "b -> c d", "c -> d", "d ok=false -> failed JOIN_UNSATISFIABLE"
    )


def test_a_condition_that_can_not_be_evaluated_is_the_error_of_the_join() -> None:
    story = Story(three_into({"when": "messages[0].state.vote == 'yes'"}))

    story.plays("a -> b c d", "b -> failed CONDITION_MISSING_KEY")
    assert story.last[-2] == "node.failed j CONDITION_MISSING_KEY fails"


# -- each and batch -----------------------------------------------------------------------


def test_each_fires_once_for_every_message() -> None:
    story = Story(three_into("each")).plays("a -> b c d", "c -> b d j", "b -> d j j", "j -> d j")

    story.plays("d -> j j", "j -> j", "j -> completed")
    assert story.firings("j") == [["c"], ["b"], ["d"]]


FIVE = workflow(
    {"a": ["p", "q", "r", "s", "t"], **dict.fromkeys("pqrst", "j")}, {"j": {"join": {"batch": 2}}}
)


def test_five_messages_in_batches_of_two_are_two_and_two_and_one() -> None:
    story = Story(FIVE).plays("a -> p q r s t", "t -> p q r s", "p -> j q r s", "r -> j q s")

    story.plays("q -> j j s", "j -> j s", "j -> s", "s -> j", "j -> completed")
    assert story.firings("j") == [["p", "t"], ["q", "r"], ["s"]]


def test_the_last_batch_comes_as_soon_as_nothing_else_can_reach_the_node() -> None:
    rules = [{"when": "stop", "to": None}, {"to": "j"}]
    graph = workflow({"a": ["p", "q"], "p": "j", "q": rules}, {"j": {"join": {"batch": 2}}})

    story = Story(graph).plays("a -> p q", "p -> q", "q stop=true -> j", "j -> completed")
    assert story.firings("j") == [["p"]]


def test_batches_know_no_rounds() -> None:
    pump = {"all": [{"when": "n < 2", "to": "a"}, {"to": ["b", "c"]}]}
    graph = workflow({"a": pump, "b": "j", "c": "j"}, {"j": {"join": {"batch": 3}}})

    story = Story(graph).plays("a n=1 -> a b c", "a n=2 -> b b c c", "c -> b b c", "b#2 -> b c")
    story.plays("b -> c j", "c -> j j", "j -> j", "j -> completed")
    assert story.firings("j") == [["b", "b", "c"], ["c"]]


# -- what becomes of the rest -------------------------------------------------------------


def test_cancel_withdraws_what_runs_waits_or_backs_off_on_its_way_to_the_join() -> None:
    graph = workflow(
        {"a": ["b", "c", "d"], "b": "j", "c": "x", "d": "x", "x": "j", "e": None} | {"j": "e"},
        {"j": {"join": {"count": 1, "rest": "cancel"}}, "d": {"retry": {"max_attempts": 2}}},
    )
    story = Story(graph).plays("a -> b c d", "c -> b d", "d!BUSY -> b")
    assert story.wait() is not None

    assert story.completes("b").last == [
        "node.completed b",
        "message.sent b -> j",
        "node.started j",
        "message.withdrawn d by j (cancel)",
        "message.withdrawn x by j (cancel)",
    ]
    assert story.active == ["j"]
    assert story.wait() is None
    story.plays("j -> e", "e -> completed")
    assert story.counts == (7, 5, 2, 0)


def test_a_cancelled_activation_vanishes_and_its_result_is_stale() -> None:
    story = Story(three_into({"count": 1, "rest": "cancel"})).plays("a -> b c d")
    late = story.result("c", patch={"x": 1})

    story.plays("b -> j")
    assert story.refuses(late).code == "STALE_RESULT"
    story.plays("j -> completed")
    assert story.counts == (5, 3, 2, 0)
    assert story.state == {}


def test_an_activation_is_cancelled_with_all_that_it_holds() -> None:
    graph = workflow(
        {"a": ["b", "c", "f"], "b": "x", "c": "x", "x": "j", "f": "j"},
        {"j": {"join": {"count": 1, "rest": "cancel"}}},
    )

    story = Story(graph).plays("a -> b c f", "b -> c f", "c -> f x", "f -> j", "j -> completed")
    assert story.counts == (7, 5, 2, 0)


def test_a_join_whose_branches_were_all_withdrawn_never_runs() -> None:
    graph = workflow(
        {"a": ["fast", "b", "c"], "fast": "r", "b": ["r", "d"], "c": ["r", "d"]},
        {"r": {"join": {"count": 1, "rest": "cancel"}}},
    )

    story = Story(graph).plays("a -> b c fast", "fast -> r", "r -> completed")
    assert "d" not in story.fired


def test_what_was_completed_before_the_race_was_lost_is_not_undone() -> None:
    graph = workflow(
        {"a": ["b", "c"], "b": "j", "c": ["j", "log"]},
        {"j": {"join": {"count": 1, "rest": "cancel"}}},
    )

    story = Story(graph).plays("a -> b c", "c done=true -> j log", "log -> j", "j -> completed")
    assert story.state == {"done": True}


def test_cancel_leaves_other_rounds_alone() -> None:
    rules = [{"when": "again", "to": "a"}, {"to": "e"}]
    graph = workflow(
        {"s": ["a", "k"], "k": "z", "a": ["b", "c"], "b": "j", "c": "j", "j": rules},
        {"j": {"join": {"count": 1, "rest": "cancel"}}, "e": {}},
    )

    story = Story(graph).plays("s -> a k", "a -> b c k", "b -> j k", "j again=true -> a k")
    story.plays("a -> b c k", "c -> j k", "j again=false -> e k", "k -> e z", "e -> z")
    assert story.counts[2] == 2


def test_block_lets_no_other_round_through_until_this_one_is_complete() -> None:
    story = Story(looped({"count": 1, "rest": "block"})).plays(
        "a -> b c", "b -> c j", "j again=true -> a c", "a -> b c c", "b -> c c"
    )
    assert story.completes("c").last == [
        "node.completed c",
        "message.sent c -> j",
        "message.withdrawn j by j",
        "node.started j",
    ]
    story.plays("j again=false -> c e", "c -> e", "e -> completed")
    assert story.firings("j") == [["b"], ["b"]]


def test_blocked_rounds_are_let_through_in_their_order_each_with_the_first_that_came() -> None:
    spread = workflow(  # `a` begins a round of b and c, and another one at once
        {"a": {"all": [{"when": "n < 3", "to": "a"}, {"to": ["b", "c"]}]}, "b": "j", "c": "j"},
        {"j": {"join": {"count": 1, "rest": "block"}}},
    )
    story = Story(spread).plays("a n=1 -> a b c", "a n=2 -> a b b c c", "a n=3 -> b b b c c c")

    story.plays("b -> b b c c c j", "c#3 -> b b c c j", "b -> b c c j", "c -> b c j j")
    story.plays("c -> b j j j")
    assert story.firings("j") == [["b"], ["b"], ["c"]]
    story.plays("b -> j j j", "j -> j j", "j -> j", "j -> completed")


def test_a_cancelling_join_may_withdraw_what_a_blocking_one_held_back_and_waited_for() -> None:
    rules = [{"when": "again", "to": "b"}, {"to": "r"}]
    graph = workflow(
        {"a": ["b", "c", "k"], "b": "e", "c": "e", "e": rules, "k": "r"},
        {
            "e": {"join": {"count": 1, "rest": "block"}},
            "r": {"join": {"count": 1, "rest": "cancel"}},
        },
    )
    story = Story(graph).plays("a -> b c k", "b -> c e k", "e again=true -> b c k", "b -> c k")

    story.plays("k -> r", "r -> completed")
    assert story.counts == (8, 6, 2, 0)


def test_withdrawn_messages_are_counted_at_the_end() -> None:
    story = Story(three_into("first")).plays("a -> b c d", "b -> c d j", "c -> d j", "d -> j")

    story.plays("j -> completed")
    assert Counter(word.split()[0] for word in story.log)["message.withdrawn"] == 2
