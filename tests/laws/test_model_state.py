"""What the reference model says of state and of endings, by hand-made schedules."""

from __future__ import annotations

import pytest

from tests.laws.model import NodeFault
from tests.laws.play import DIAMOND, Play

# ── state ─────────────────────────────────────────────────────────────────────────────────


def test_a_branch_does_not_see_what_its_sibling_wrote() -> None:
    play = Play(DIAMOND).done("a", x=1).done("b", y=2)
    assert play.of("c").state == {"x": 1}
    assert play.done("c", z=3).of("j").state == {"x": 1, "y": 2, "z": 3}


def test_branches_that_disagree_fail_the_firing_that_merges_them() -> None:
    play = Play(DIAMOND).done("a").done("b", x=1).done("c", x=2)
    assert play.ended() == "STATE_CONFLICT"
    assert play.model.error == ("STATE_CONFLICT", "j", ("x",))


def test_one_and_one_point_zero_disagree() -> None:
    assert Play(DIAMOND).done("a").done("b", x=1).done("c", x=1.0).ended() == "STATE_CONFLICT"
    assert Play(DIAMOND).done("a").done("b", x=1).done("c", x=1).of("j").state == {"x": 1}


def test_leaves_that_disagree_fail_the_run_at_its_end() -> None:
    play = Play({"a": ["b", "c"]}).done("a").done("b", x=1)
    assert play.active() == "c"
    assert play.done("c", x=2).ended() == "STATE_CONFLICT"


@pytest.mark.parametrize("order", ["bc", "cb"])
def test_reducers_take_writes_in_the_order_of_edges_not_of_arrival(order: str) -> None:
    play = Play(DIAMOND, {"log": ["s"]}, reducers={"log": "append"}).done("a", log="a")
    for node in order:
        play.done(node, log=node)
    assert play.of("j").state == {"log": ["s", "a", "b", "c"]}


def test_a_write_before_a_fork_is_reduced_once_after_the_join() -> None:
    play = Play(DIAMOND, {"n": 1}, reducers={"n": "sum"})
    play.done("a", n=10).done("b", n=100).done("c", n=1000)
    assert play.of("j").state == {"n": 1111}


def test_floats_are_summed_as_if_rounded_once() -> None:
    play = Play(DIAMOND, {"n": 1e16}, reducers={"n": "sum"})
    play.done("a", n=1.0).done("b", n=1.0).done("c", n=-1e16)
    assert play.of("j").state == {"n": 2.0}


def test_an_overwrite_sets_the_value_and_skips_the_reducer() -> None:
    play = Play({"a": "b"}, {"n": 5}, reducers={"n": "sum"})
    play.model.complete(play.of("a"), {"n": 1}, sets=["n"])
    assert play.of("b").state == {"n": 1}


def test_a_value_that_a_reducer_cannot_take_is_the_error_of_its_node() -> None:
    play = Play({"a": "b"}, {"n": 5}, reducers={"n": "sum"})
    with pytest.raises(NodeFault, match="REDUCER_FAILED"):
        play.done("a", n="five")


def test_what_a_person_wrote_reaches_every_branch_and_is_no_conflict() -> None:
    play = Play(DIAMOND).done("a", x=1).done("b", x=2)
    play.model.patch({"x": 3})
    assert play.done("c").of("j").state == {"x": 3}


# ── endings ───────────────────────────────────────────────────────────────────────────────


def test_a_condition_on_a_key_of_a_sibling_is_a_node_error() -> None:
    edges = {"a": ["b", "c"], "b": [{"when": "x > 0", "to": "z"}, {"to": None}]}
    play = Play(edges).done("a").done("c", x=1)
    with pytest.raises(NodeFault, match="CONDITION_MISSING_KEY"):
        play.done("b")


def test_no_rule_that_holds_is_an_error_unless_all_of_them_lead_back() -> None:
    loop = {"a": "b", "b": [{"when": "again", "to": "a"}]}
    assert Play(loop).done("a").done("b", again=False).ended() == "completed"
    with pytest.raises(NodeFault, match="NO_ROUTE"):
        Play({"a": [{"when": "again", "to": "b"}]}).done("a", again=False)


def test_a_node_may_only_go_where_it_said_it_may_go() -> None:
    nodes = {"a": {"routes": ["b", "c"]}, "b": {}, "c": {}}
    assert Play({}, nodes=nodes).goes("a", "c").active() == "c"
    assert Play({}, nodes=nodes).goes("a", "c", "b").active() == "b c"
    with pytest.raises(NodeFault, match="ROUTE_NOT_DECLARED"):
        Play({}, nodes=nodes).goes("a", "a")


def test_an_error_nobody_takes_fails_the_run_at_once() -> None:
    play = Play(DIAMOND).done("a").fails("b")
    assert play.ended() == "BROKEN"
    assert play.model.open == 2


def test_draining_lets_what_runs_finish_and_fires_nothing_more() -> None:
    play = Play({**DIAMOND, "c": "d"}, on_failure="drain").done("a").fails("b")
    assert (play.model.status, play.active()) == ("running", "c")
    assert play.done("c").ended() == "BROKEN"
    assert play.model.open == 2


def test_the_final_state_takes_ended_branches_in_the_order_of_nodes() -> None:
    play = Play({"a": ["b", "c"]}, reducers={"log": "append"}).done("a")
    play.done("c", log="c").done("b", log="b")
    assert play.model.final == {"log": ["b", "c"]}
