"""The reference model gives what the table of corners says, by hand-made schedules.

A mismatch of core and model only means something if the model is right; these examples are
the reason to believe it is. They name nodes and orders, never internals of the model.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.laws.play import DIAMOND, Play, document
from tests.laws.shape import Shape

# ── section 1 ─────────────────────────────────────────────────────────────────────────────


def test_nodes_are_ordered_by_breadth_first_discovery() -> None:
    edges = {"a": [{"when": "left", "to": "z"}, {"to": ["c", "b"]}], "z": "d", "c": "e"}
    assert Shape(document(edges)).order[1:] == ["a", "z", "c", "b", "d", "e"]


def test_the_split_of_a_node_is_the_last_one_that_every_path_to_it_passes() -> None:
    shape = Shape(document({"a": ["b", "c"], "b": "j", "c": "j", "j": "k"}))
    assert [shape.split[t] for t in "bcjk"] == ["a", "a", "a", "j"]
    assert shape.split["a"] == "<start>"


def test_a_conditional_way_back_closes_a_loop() -> None:
    loop = {"a": "b", "b": "c", "c": [{"when": "again", "to": "b"}, {"to": "d"}]}
    assert Shape(document(loop)).loops == {("c", "b")}


def test_an_error_edge_is_conditional() -> None:
    loop = {"a": "b", "b": {"all": [{"to": "c"}, {"on": "error", "to": "a"}]}}
    assert Shape(document(loop)).loops == {("b", "a")}


# ── the default rule ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("order", ["bc", "cb"])
def test_a_join_waits_for_every_branch(order: str) -> None:
    play = Play(DIAMOND).done("a").done(order[0])
    assert play.active() == order[1]
    assert play.done(order[1]).active() == "j"
    assert play.done("j").ended() == "completed"


def test_a_join_waits_for_an_uneven_branch() -> None:
    play = Play({"a": ["b", "j"], "b": "c", "c": "j"}).done("a")
    assert play.done("b").active() == "c"
    assert play.done("c").active() == "j"
    assert play.done("j").ended() == "completed"


def test_a_branch_that_was_not_chosen_blocks_nobody() -> None:
    edges = {"a": [{"when": "left", "to": "b"}, {"to": "c"}], "b": "j", "c": "j"}
    assert Play(edges, {"left": True}).done("a").done("b").active() == "j"


def test_a_loop_around_parallel_branches_takes_each_pass_by_itself() -> None:
    edges = {
        "a": {"all": [{"to": "b"}, {"when": "left", "to": "c"}]},
        "b": "j",
        "c": "j",
        "j": [{"when": "again", "to": "a"}, {"to": "z"}],
    }
    play = (
        Play(edges, {"left": True}).done("a").done("c").done("b").done("j", again=True, left=False)
    )
    assert play.done("a").done("b").active() == "j"
    assert play.done("j", again=False).done("z").ended() == "completed"
    assert play.firings("z") == 1


def test_two_threads_at_the_head_of_a_loop_both_loop() -> None:
    edges = {
        "a": ["b", "c"],
        "b": "h",
        "c": "h",
        "h": "k",
        "k": [{"when": "again", "to": "h"}, {"to": None}],
    }
    play = Play(edges, nodes={"h": {"join": "each"}}).done("a").done("b").done("c")
    assert play.active() == "h h"
    play.done("h").done("h").done("k", again=True).done("k", again=True)
    assert play.active() == "h h"


def test_a_loop_back_into_one_of_two_branches_does_not_hold_the_branch_up() -> None:
    edges = {
        "a": ["b", "c"],
        "b": "d",
        "d": [{"when": "again", "to": "b"}, {"to": "j"}],
        "c": "j",
    }
    play = Play(edges).done("a")
    assert play.active() == "b c"
    play.done("b").done("d", again=True)
    assert play.active() == "b c"
    assert play.done("c").active() == "b"
    assert play.done("b").done("d", again=False).active() == "j"


def test_a_way_back_to_the_fork_begins_a_round_that_the_late_sibling_is_not_of() -> None:
    edges = {
        "a": ["b", "c"],
        "b": [{"when": "again", "to": "a"}, {"to": "j"}],
        "c": "j",
    }
    play = Play(edges).done("a").done("b", again=True).done("a").done("b", again=False)
    assert play.active() == "c c"
    first, second = sorted(play.model.active(), key=lambda a: a.number)
    play.model.complete(first, {})
    assert play.active() == "c j"  # the sibling of the first pass goes on alone
    play.model.complete(second, {})
    assert play.active() == "j j"


def test_a_self_loop_and_an_entry_with_incoming_edges() -> None:
    play = Play({"a": [{"when": "again", "to": "a"}, {"to": "z"}]})
    play.done("a", again=True).done("a", again=True).done("a", again=False).done("z")
    assert play.ended() == "completed"
    assert play.firings("a") == 3


def test_two_messages_of_a_round_on_an_edge_queue() -> None:
    edges = {"a": ["b", "c", "q"], "b": "h", "c": "h", "h": "j", "q": "j"}
    play = Play(edges, nodes={"h": {"join": "each"}}).done("a").done("b").done("c")
    play.done("h").done("h")
    assert play.active() == "q"
    assert play.done("q").active() == "j j"
    assert [len(a.messages) for a in play.model.active()] == [2, 1]


def test_a_vicious_circle_is_decided_at_once_beside_a_slow_branch() -> None:
    edges = {
        "a": ["s", "p", "q"],
        "p": "x",
        "q": "y",
        "x": [{"when": "again", "to": "u"}, {"to": "z"}],
        "u": "y",
        "y": [{"when": "again", "to": "v"}, {"to": "z"}],
        "v": "x",
    }
    play = Play(edges).done("a").done("p")
    assert play.active() == "q s"
    assert play.done("q").active() == "s x"  # both wait for each other; x stands first
    assert play.done("x", again=True).done("u").active() == "s y"
    assert play.done("y", again=False).active() == "s z"


# ── joins ─────────────────────────────────────────────────────────────────────────────────


def three(**join: Any) -> dict[str, Any]:
    return {
        "edges": {"a": ["b", "c", "d"], "b": "j", "c": "j", "d": "j"},
        "nodes": {"j": {"join": join}},
    }


def test_the_first_fires_and_the_late_ones_are_withdrawn() -> None:
    play = Play(**three(count=1)).done("a").done("c")
    assert play.active() == "b d j"
    play.done("b").done("d").done("j")
    assert play.ended() == "completed"
    assert (play.firings("j"), play.model.withdrawn) == (1, 2)


def test_cancel_withdraws_what_could_still_come() -> None:
    play = Play(**three(count=1, rest="cancel")).done("a").done("c")
    assert play.active() == "j"
    assert play.done("j").ended() == "completed"


def test_first_in_a_loop_takes_its_rest_with_its_round() -> None:
    edges = {
        "a": ["b", "c"],
        "b": "j",
        "c": "j",
        "j": [{"when": "again", "to": "a"}, {"to": "z"}],
    }
    play = Play(edges, nodes={"j": {"join": "first"}}).done("a").done("b").done("j", again=True)
    play.done("a")
    first, second = (a for a in play.model.active() if a.node == "c")
    play.model.complete(second, {})
    assert play.active() == "b c j"
    play.model.complete(first, {})
    play.done("b").done("j", again=False).done("z")
    assert play.ended() == "completed"
    assert play.model.withdrawn == 2


def test_a_count_that_cannot_be_reached_fails_as_soon_as_that_is_certain() -> None:
    edges = {"a": [{"when": "left", "to": "b"}, {"to": ["b", "c"]}], "b": "j", "c": "j"}
    play = Play(edges, {"left": True}, nodes={"j": {"join": {"count": 2}}}).done("a").done("b")
    assert play.ended() == "JOIN_UNSATISFIABLE"


def test_of_more_than_n_exactly_the_first_n_are_taken_in_the_order_of_edges() -> None:
    play = Play(**three(count=2)).done("a")
    play.model.pause()
    play.done("d", k="d").done("c", k="d").done("b", k="b")
    play.model.resume()
    assert [m.source for m in play.of("j").messages] == ["c", "d"]
    assert play.model.withdrawn == 1


def test_a_condition_decides_when_a_join_fires() -> None:
    play = Play(**three(when="arrived >= 2")).done("a").done("b")
    assert play.active() == "c d"
    assert play.done("d").active() == "c j"


def test_a_condition_that_no_longer_can_hold_fails_the_run() -> None:
    play = Play(**three(when="never")).done("a").done("b").done("d")
    assert play.done("c").ended() == "JOIN_UNSATISFIABLE"


def test_a_blocked_round_waits_until_the_one_before_is_complete() -> None:
    edges = {
        "a": ["b", "c"],
        "b": "j",
        "c": "j",
        "j": [{"when": "again", "to": "a"}, {"to": None}],
    }
    play = Play(edges, nodes={"j": {"join": {"count": 1, "rest": "block"}}})
    play.done("a").done("b").done("j", again=True).done("a")
    late = play.of("c")
    play.done("b")
    assert play.active() == "c c"  # the second round has what it needs, but is held back
    play.model.complete(late, {})
    assert play.active() == "c j"


def test_of_errors_in_one_step_one_that_fails_the_run_keeps_the_others_from_firing() -> None:
    edges = {"a": ["b", "c"], "b": [{"on": "error", "to": "d"}], "c": None}
    play = Play(edges, on_failure="drain").done("a").fail_together("b", "c")
    assert play.ended() == "BROKEN"
    assert play.firings("d") == 0
    assert (play.model.sent, play.model.consumed, play.model.open) == (4, 2, 2)


def test_a_branch_that_fails_in_the_step_of_the_winner_is_late_and_not_cancelled() -> None:
    by_error = [{"on": "error", "to": "j"}]
    edges = {"a": ["b", "c"], "b": by_error, "c": by_error}
    play = Play(edges, nodes={"j": {"join": {"count": 1, "rest": "cancel"}}}).done("a")
    assert play.fail_together("b", "c").done("j").ended() == "completed"
    assert (play.model.consumed, play.model.withdrawn) == (4, 1)


def test_five_messages_make_two_batches_of_two_and_one_of_one() -> None:
    edges = {"a": list("bcdef"), **dict.fromkeys("bcdef", "j")}
    play = Play(edges, nodes={"j": {"join": {"batch": 2}}}).done("a")
    for node in "bcdef":
        play.done(node)
    assert [len(a.messages) for a in play.model.active()] == [2, 2, 1]


def test_a_join_all_of_whose_branches_were_withdrawn_never_runs() -> None:
    edges = {"a": ["b", "c", "d"], "b": "j", "c": ["j", "k"], "d": ["j", "k"], "j": "z"}
    play = Play(edges, nodes={"j": {"join": {"count": 1, "rest": "cancel"}}}).done("a").done("b")
    play.done("j").done("z")
    assert play.ended() == "completed"
    assert play.firings("k") == 0


def test_a_join_waits_for_the_outcome_of_a_node_with_an_error_edge_into_it() -> None:
    edges = {
        "a": ["b", "c"],
        "b": [{"on": "error", "to": "j"}, {"to": "z"}],
        "c": "j",
    }
    play = Play(edges).done("a").done("c")
    assert play.active() == "b"
    assert play.done("b").active() == "j z"
    assert Play(edges).done("a").done("c").fails("b").active() == "j"
