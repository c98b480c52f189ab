"""Where a run is stopped before it does harm, and how a limit is raised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine import inputs
from tests.spec.story import Story, workflow

if TYPE_CHECKING:
    from engine.graph import Graph


def endless(**rest: object) -> Graph:
    """A loop of two nodes that would never be left."""
    return workflow({"a": "b", "b": [{"when": "n < 9", "to": "a"}, {"to": None}]}, **rest)  # type: ignore[arg-type]  # nodes among them


def test_a_loop_that_does_not_end_is_stopped_and_named_with_what_its_conditions_saw() -> None:
    story = Story(endless(limits={"max_visits": 2})).plays(
        "a -> b", "b n=1 -> a", "a -> b", "b n=2 -> failed LOOP_LIMIT"
    )

    assert story.last[-2:] == ["node.failed a LOOP_LIMIT fails", "run.failed LOOP_LIMIT"]
    assert story.error is not None
    assert story.error.details == {
        "limit": "max_visits",
        "value": 2,
        "loop": ["a", "b"],
        "conditions": {"n < 9": {"n": 2}},
    }


def test_a_node_may_have_a_limit_of_its_own_and_leave_it_to_a_person() -> None:
    nodes = {"a": {"max_visits": 2, "on_limit": "pause"}}
    story = Story(endless(nodes=nodes)).plays("a -> b", "b n=1 -> a", "a -> b")
    assert story.completes("b", n=2).last[-1] == "run.paused limit"
    assert story.code == "LOOP_LIMIT"

    assert story.does(inputs.Resume).last == ["run.resumed", "run.paused limit"]
    story.does(inputs.RaiseLimit, limit="max_visits", value=3).does(inputs.Resume)
    story.plays("a -> b", "b n=9 -> completed")


def test_a_limit_raised_to_the_default_of_the_graph_counts_for_nodes_with_less() -> None:
    nodes = {"a": {"max_visits": 1, "on_limit": "pause"}}
    story = Story(endless(nodes=nodes)).plays("a -> b", "b n=1 -> paused LOOP_LIMIT")

    story.does(inputs.RaiseLimit, limit="max_visits", value=1_000).does(inputs.Resume)
    assert story.active == ["a"]


def test_a_run_that_fires_too_often_in_all_is_stopped() -> None:
    story = Story(endless(limits={"max_activations": 3})).plays(
        "a -> b", "b n=1 -> a", "a -> failed ACTIVATION_LIMIT"
    )

    assert story.last[-2] == "node.failed b ACTIVATION_LIMIT fails"


def test_a_run_with_too_many_messages_in_flight_is_stopped() -> None:
    graph = workflow({"a": ["b", "c", "d"]}, limits={"max_in_flight": 2})

    assert Story(graph).completes("a").last[-1] == "run.failed TOO_MANY_MESSAGES"


SMALL = {"max_state": 1_000}


def test_a_state_that_grows_too_large_is_stopped() -> None:
    state = {"reducers": {"x": "extend"}}
    story = Story(workflow({"a": "b", "b": "c"}, state=state, limits=SMALL))

    story.completes("a", x=["x" * 600])
    assert story.status == "running"
    assert story.completes("b", x=["x" * 600]).code == "STATE_TOO_LARGE"
    assert story.error is not None
    assert story.error.details == {"limit": "max_state", "value": 1_000, "size": 1_213}


def test_what_is_written_over_does_not_count() -> None:
    loop = workflow({"a": [{"when": "n < 9", "to": "a"}, {"to": None}]}, limits=SMALL)
    story = Story(loop)

    for n in range(10):
        story.completes("a", n=n, x="x" * 900)
    assert story.status == "completed"


def test_of_several_branches_each_is_measured_by_what_it_has_itself() -> None:
    graph = workflow({"a": ["b", "c"], "b": "b2", "b2": None, "c": "c2"}, limits=SMALL)
    story = Story(graph).completes("a").completes("c", x="x" * 600).completes("b", y="y" * 500)

    assert story.completes("b2", z="z" * 400).status == "running"
    story = Story(graph).completes("a").completes("c", x="x" * 600).completes("b", y="y" * 500)
    assert story.completes("c2", z="z" * 450).code == "STATE_TOO_LARGE"


def test_what_only_became_too_large_where_branches_met_stops_at_the_next_write() -> None:
    graph = workflow({"a": ["b", "c"], "b": "d", "c": "d", "d": "e"}, limits=SMALL)
    story = Story(graph).completes("a").completes("b", x="x" * 600).completes("c", y="y" * 600)

    assert story.active == ["d"]
    assert story.completes("d", z=1).code == "STATE_TOO_LARGE"


def test_the_limit_of_the_state_can_be_raised() -> None:
    story = Story(workflow({"a": "b"}, limits=SMALL))

    story.does(inputs.RaiseLimit, limit="max_state", value=2_000).completes("a", x="x" * 1_500)
    assert story.active == ["b"]


@pytest.mark.parametrize(
    ("limit", "value"),
    [("max_visit", 5), ("max_visits", 0), ("max_visits", None), ("max_visits", 2.5),
     ("max_visits", True), ("deadline", 0), ("deadline", float("nan"))],
)  # fmt: skip
def test_a_limit_that_makes_no_sense_is_refused(limit: str, value: object) -> None:
    story = Story(workflow({"a": "b"}))

    given = story.command(inputs.RaiseLimit, limit=limit, value=value)
    assert story.refuses(given).code == "NOT_APPLICABLE"
