"""The way that a run has taken, read from its log alone."""

from __future__ import annotations

import pytest

from engine import inputs
from engine.ask import active
from engine.diagram import NodePath, RunPath
from engine.entry import Breakpoint
from tests.spec.story import Story, workflow

CHAIN = workflow({"a": "b", "b": "c"})
DIAMOND = workflow({"a": ["b", "c"], "b": "d", "c": "d"})
LOOP = workflow({"a": "b", "b": [{"when": "n < 3", "to": "a"}, {"to": None}]}, entry="a")


def path(story: Story) -> RunPath:
    """Give the way of a run, after it was held against the run that its log folds to."""
    found = RunPath.of(story.entries)
    run = story.run
    assert (found.run_id, found.status, found.seq) == (run.id, run.status, run.next_seq - 1)
    visits = {run.plan.names[node]: times for node, times in run.visits.items()}
    assert {name: each.visits for name, each in found.nodes.items() if each.visits} == visits
    sent = sum(times for (_, to), times in found.edges.items() if to is not None)
    assert sent == run.sent
    if run.status == "running":
        running = {name for name, each in found.nodes.items() if each.status == "running"}
        assert running == {each.node for each in active(run).values()}
        waiting = {run.plan.names[m.node] for m in run.messages.values() if m.holder is None}
        going = {
            name for name, each in found.nodes.items() if each.status in ("waiting", "running")
        }
        assert waiting <= going
    return found


def statuses(story: Story) -> dict[str, str]:
    """Give the status of each node that something came to."""
    return {name: each.status for name, each in path(story).nodes.items()}


def test_a_node_runs_and_then_it_is_completed() -> None:
    story = Story(CHAIN)
    assert statuses(story) == {"a": "running"}

    story.completes("a")
    assert statuses(story) == {"a": "completed", "b": "running"}

    story.completes("b").completes("c")
    assert statuses(story) == {"a": "completed", "b": "completed", "c": "completed"}
    assert path(story).status == "completed"


def test_the_edges_are_counted_from_the_start_to_where_branches_end() -> None:
    story = Story(DIAMOND).completes("a").completes("b").completes("c").completes("d")

    assert path(story).edges == {
        (None, "a"): 1, ("a", "b"): 1, ("a", "c"): 1, ("b", "d"): 1, ("c", "d"): 1, ("d", None): 1,
    }  # fmt: skip


def test_a_join_waits_for_what_has_not_come() -> None:
    story = Story(DIAMOND).completes("a").completes("b")

    assert statuses(story) == {"a": "completed", "b": "completed", "c": "running", "d": "waiting"}


def test_a_loop_is_counted_each_time_round() -> None:
    again = ["a -> b", "b n=1 -> a", "a -> b", "b n=2 -> a", "a -> b", "b n=3 -> completed"]
    story = Story(LOOP).plays(*again)

    assert path(story).nodes == {"a": NodePath("completed", 3), "b": NodePath("completed", 3)}
    assert path(story).edges == {(None, "a"): 1, ("a", "b"): 3, ("b", "a"): 2, ("b", None): 1}


def test_a_node_waits_between_its_attempts() -> None:
    graph = workflow({"a": "b"}, {"a": {"retry": {"max_attempts": 2}}})
    story = Story(graph).fails("a", "BAD")
    assert path(story).nodes == {"a": NodePath("waiting", 1)}

    story.time_passes()
    assert path(story).nodes == {"a": NodePath("running", 1)}


def test_a_node_waits_for_a_person_who_skips_it() -> None:
    graph = workflow({"a": "b"}, {"a": {"on_exhausted": "pause"}})
    story = Story(graph).fails("a", "BAD")
    assert (path(story).status, statuses(story)) == ("paused", {"a": "waiting"})

    story.does(inputs.Skip, activation=min(story.run.activations))
    assert statuses(story) == {"a": "completed", "b": "waiting"}

    story.does(inputs.Resume)
    assert statuses(story) == {"a": "completed", "b": "running"}


def test_an_error_that_a_rule_takes_is_a_failure_that_goes_on() -> None:
    graph = workflow({"a": [{"on": "error", "to": "b"}, {"to": None}]})
    story = Story(graph).fails("a", "BAD")

    assert statuses(story) == {"a": "failed", "b": "running"}
    assert path(story).edges == {(None, "a"): 1, ("a", "b"): 1}


def test_a_run_that_fails_stops_what_was_running() -> None:
    story = Story(DIAMOND).completes("a").fails("b", "BAD")

    assert path(story).status == "failed"
    assert statuses(story) == {"a": "completed", "b": "failed", "c": "stopped"}


def test_a_node_that_could_not_fire_has_failed_without_a_visit() -> None:
    story = Story(DIAMOND).plays("a -> b c", "b x=1 -> c", "c x=2 -> failed STATE_CONFLICT")

    assert path(story).nodes["d"] == NodePath("failed", 0)


def test_what_is_not_wanted_any_more_is_withdrawn() -> None:
    joined = {"d": {"join": {"count": 1, "rest": "cancel"}}}
    graph = workflow({"a": ["b", "c"], "b": "d", "c": "d"}, joined)
    story = Story(graph).completes("a").completes("b")

    assert statuses(story) == {
        "a": "completed", "b": "completed", "c": "withdrawn", "d": "running",
    }  # fmt: skip


def test_a_cancelled_run_leaves_its_nodes_stopped() -> None:
    story = Story(CHAIN).completes("a").does(inputs.Cancel)

    assert (path(story).status, statuses(story)) == (
        "cancelled",
        {"a": "completed", "b": "stopped"},
    )


def test_a_breakpoint_keeps_a_node_waiting() -> None:
    story = Story(CHAIN, breakpoints=[Breakpoint(node="b")]).completes("a")

    assert (path(story).status, statuses(story)) == ("paused", {"a": "completed", "b": "waiting"})


def test_the_fork_of_a_failed_run_runs_again() -> None:
    fork = Story(CHAIN).completes("a").fails("b", "BAD").forks()

    assert path(fork).status == "running"
    assert statuses(fork) == {"a": "completed", "b": "running"}


def test_the_fork_of_a_run_that_could_not_join_begins_where_it_was() -> None:
    failed = Story(DIAMOND).plays("a -> b c", "b x=1 -> c", "c x=2 -> failed STATE_CONFLICT")
    fork = failed.forks(patch={"x": 3})

    assert statuses(fork)["d"] == "running"


def test_a_log_has_at_least_one_entry() -> None:
    with pytest.raises(ValueError, match="got none"):
        RunPath.of([])
