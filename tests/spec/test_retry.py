"""What becomes of an attempt that failed: retried, given up, or left to a person."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from engine import inputs
from engine.graph.parts import Retry
from engine.policy import backoff
from tests.spec.story import Story, error, workflow

if TYPE_CHECKING:
    from engine.graph import Graph


def flaky(retry: object = None, **node: object) -> Graph:
    """A node `a` with a policy, and `b` after it."""
    policy = {"max_attempts": 3, "delay": 2, "factor": 3, "max_delay": 10, "jitter": 0}
    given = policy if retry is None else retry
    return workflow({"a": "b"}, {"a": {"retry": given, **node}})


# -- attempts -----------------------------------------------------------------------------


def test_without_a_policy_the_first_error_is_the_last() -> None:
    story = Story(workflow({"a": "b"})).fails("a", "BUSY")

    assert story.last == ["node.failed a BUSY fails", "run.failed BUSY"]


def test_a_failed_attempt_is_made_again_as_often_as_the_policy_says() -> None:
    story = Story(flaky()).fails("a", "BUSY")
    assert story.last == ["node.retrying a BUSY"]
    assert story.active == []

    assert story.time_passes().last == ["node.started a 2"]
    story.fails("a", "BUSY").time_passes()
    assert story.fails("a", "LOST").last == ["node.failed a LOST fails", "run.failed LOST"]


def test_an_attempt_that_succeeds_goes_on_as_if_it_were_the_first() -> None:
    story = Story(flaky(), {"x": 1})
    first = story.activation("a")

    story.fails("a", "BUSY").time_passes()
    assert story.activation("a") == first
    assert story.reads("a") == {"x": 1}
    story.plays("a x=2 -> b", "b -> completed")
    assert story.counts == (2, 2, 0, 0)


def test_the_pause_grows_by_its_factor_up_to_its_cap_from_the_moment_of_the_failure() -> None:
    story = Story(flaky({**BASE, "max_attempts": 5}))

    for pause in (2, 6, 10, 10):
        assert story.later(100).fails("a", "BUSY").wait() == pause
        story.time_passes()


BASE = {"delay": 2, "factor": 3, "max_delay": 10, "jitter": 0}


def test_without_a_delay_the_next_attempt_is_in_the_same_batch() -> None:
    story = Story(flaky({"max_attempts": 3, "delay": 0})).fails("a", "BUSY")

    assert story.last == ["node.retrying a BUSY", "node.started a 2"]
    assert story.due is None
    assert story.fails("a", "BUSY").last == ["node.retrying a BUSY", "node.started a 3"]
    assert story.fails("a", "BUSY").status == "failed"


def test_jitter_stretches_the_pause_by_at_most_its_share_and_differs_from_run_to_run() -> None:
    retry = Retry(max_attempts=9, delay=4, factor=2, max_delay=8, jitter=0.25)
    for attempts, least in ((1, 4.0), (2, 8.0), (5, 8.0)):
        pauses = {
            backoff(retry, error("BUSY"), attempts=attempts, key=f"run {i}:1") for i in range(200)
        }
        assert timedelta(seconds=least) <= min(pauses) < max(pauses)
        assert max(pauses) <= timedelta(seconds=least * 1.25)
        assert len(pauses) > 190
    one = [backoff(retry, error("BUSY"), attempts=2, key="one") for _ in range(2)]
    assert one[0] == one[1]


def test_a_policy_that_would_overflow_is_capped() -> None:
    retry = Retry(max_attempts=1_000, delay=1e9, factor=1_000, max_delay=60, jitter=0)

    assert backoff(retry, error("BUSY"), attempts=999, key="") == timedelta(seconds=60)


@pytest.mark.parametrize(("asked", "pause"), [(1.0, 2), (2.0, 2), (90.5, 90.5)])
def test_who_failed_may_ask_to_be_left_alone_for_longer(asked: float, pause: float) -> None:
    assert Story(flaky()).fails("a", "BUSY", retry_after=asked).wait() == pause


@pytest.mark.parametrize("asked", [1e12, 1e300, float("inf"), float("nan"), -1.0])
def test_an_absurd_wish_to_be_left_alone_does_not_break_the_run(asked: float) -> None:
    story = Story(flaky()).fails("a", "BUSY", retry_after=asked)

    assert story.status == "running"
    assert story.time_passes().active == ["a"]


def test_only_the_errors_that_are_named_are_retried() -> None:
    graph = flaky({"max_attempts": 3, "on": ["BUSY", "TIMEOUT"]})

    assert Story(graph).fails("a", "BUSY").last == ["node.retrying a BUSY"]
    assert Story(graph).fails("a", "LOST").status == "failed"


def test_an_error_that_no_attempt_can_help_is_not_retried() -> None:
    assert Story(flaky()).fails("a", "LOST", retryable=False).status == "failed"


def test_a_rule_takes_an_error_only_when_no_attempt_is_left() -> None:
    rules = [{"on": "error", "to": "c"}, {"to": "b"}]
    graph = workflow({"a": rules}, {"a": {"retry": {"max_attempts": 2}}})

    story = Story(graph).plays("a!BUSY -> ", "time -> a", "a!BUSY -> c", "c -> completed")
    assert story.fired == ["a", "c"]


def test_siblings_go_on_while_a_node_waits_for_its_next_attempt() -> None:
    graph = workflow({"s": ["a", "c"], "a": "d", "c": "d"}, {"a": {"retry": {"max_attempts": 2}}})

    Story(graph).plays("s -> a c", "a!BUSY -> c", "c -> ", "time -> a", "a -> d", "d -> completed")


def test_a_result_of_an_earlier_attempt_is_stale() -> None:
    story = Story(flaky())
    early = story.result("a", patch={"x": "early"})
    story.fails("a", "BUSY")
    assert story.refuses(early).code == "STALE_RESULT"

    story.time_passes()
    assert story.refuses(early).code == "STALE_RESULT"
    assert story.completes("a").active == ["b"]


def test_a_result_of_what_never_ran_is_stale() -> None:
    story = Story(flaky())

    never = story.result("a", patch={})
    for wrong in ({"activation": 99}, {"attempt": 2}, {"attempt": 0}):
        given = msgspec.structs.replace(never, **wrong)
        assert story.refuses(given).code == "STALE_RESULT"


# -- what a tool may not give back --------------------------------------------------------

BAD = {
    "not a number": {"x": float("nan")},
    "infinite": {"x": [1, float("-inf")]},
    "65 bits": {"x": 2**63},
    "a NUL": {"x": "a\0b"},
    "half a surrogate pair": {"x": "\ud800"},
    "a key that is no string": {1: "x"},
    "a key inside that is no string": {"x": {None: 1}},
    "an object of Python": {"x": object()},
    "a set": {"x": {1, 2}},
    "too deep": {"x": [[[[[[[[[[1]]]]]]]]]]},
    "too large": {"x": "x" * 1_001},
    "a list": [1],
    "a word": "x",
}


@pytest.mark.parametrize("patch", BAD.values(), ids=BAD)
def test_bad_output_is_the_error_of_the_node_and_is_retried(patch: object) -> None:
    limits = {"max_patch": 1_000, "max_depth": 9}
    graph = workflow({"a": "b"}, {"a": {"retry": {"max_attempts": 2}}}, limits=limits)
    story = Story(graph, {"y": 1})

    assert story.feed(story.result("a", patch=patch)).last == ["node.retrying a BAD_OUTPUT"]
    story.time_passes().feed(story.result("a", patch=patch))
    assert story.last == ["node.failed a BAD_OUTPUT fails", "run.failed BAD_OUTPUT"]
    assert story.error is not None
    assert "'a'" in story.error.message
    assert story.state == {"y": 1}


def test_an_overwrite_of_a_key_that_was_not_written_is_bad_output() -> None:
    story = Story(flaky())

    story.feed(story.result("a", patch={"x": 1}, overwrites=("y",)))
    assert story.last == ["node.retrying a BAD_OUTPUT"]


def test_what_a_reducer_can_not_take_is_retried_too() -> None:
    graph = workflow(
        {"a": "b"}, {"a": {"retry": {"max_attempts": 2}}}, state={"reducers": {"x": "extend"}}
    )

    story = Story(graph).plays("a x=1 -> ", "time -> a", "a x=[1] -> b")
    assert story.reads("b") == {"x": [1]}


def test_a_patch_that_changes_nothing_is_as_good_as_any() -> None:
    story = Story(flaky())

    assert story.feed(story.result("a", patch=None)).active == ["b"]
    assert story.completes("b").status == "completed"


@pytest.mark.parametrize(
    "fields",
    [
        {"message": "no file \udcff"},
        {"details": {"x": float("nan")}},
        {"details": {"x": 2**70}},
        {"details": {"x": object()}},
        {"cause": ("OSError: \ud800",)},
    ],
    ids=["half a pair", "no number", "too many bits", "no JSON", "half a pair in a cause"],
)
def test_an_error_that_can_not_be_written_down_as_it_is_is_written_down_all_the_same(
    fields: dict[str, object],
) -> None:
    story = Story(flaky()).fails("a", "BUSY", **fields)

    assert story.last == ["node.retrying a BUSY"]
    assert story.time_passes().active == ["a"]


# -- left to a person ---------------------------------------------------------------------

PATIENT = flaky(on_exhausted="pause")


def exhausted() -> Story:
    """A run that waits for a person since `a` has failed for good."""
    story = Story(PATIENT)
    for _ in range(2):
        story.fails("a", "BUSY").time_passes()
    return story.fails("a", "BUSY")


def test_a_node_may_leave_it_to_a_person_when_it_is_exhausted() -> None:
    story = exhausted()

    assert story.last == ["node.failed a BUSY paused", "run.paused exhausted"]
    assert (story.status, story.code, story.active, story.due) == ("paused", "BUSY", [], None)
    assert story.counts[3] == 1


def test_to_resume_gives_the_node_another_series_of_attempts() -> None:
    story = exhausted().does(inputs.Resume)
    assert story.last == ["run.resumed", "node.started a 4"]
    assert story.error is None

    assert story.fails("a", "BUSY").wait() == 2  # the pauses begin anew
    story.time_passes().fails("a", "BUSY").time_passes()
    assert story.fails("a", "BUSY").status == "paused"
    story.does(inputs.Resume).plays("a -> b", "b -> completed")


def test_to_skip_gives_the_result_in_place_of_the_node() -> None:
    story = exhausted()
    (activation,) = story.run.activations

    story.does(inputs.Skip, activation=activation, patch={"x": 1})
    assert story.last == ["node.skipped a", "message.sent a -> b"]
    assert story.does(inputs.Resume).last == ["run.resumed", "node.started b"]
    assert story.reads("b") == {"x": 1}


def test_to_skip_a_node_that_waits_for_its_next_attempt_ends_the_wait() -> None:
    story = Story(flaky()).fails("a", "BUSY")
    (activation,) = story.run.activations

    story.does(inputs.Skip, activation=activation)
    assert (story.active, story.due) == (["b"], None)


def test_a_run_that_waits_for_a_person_records_what_its_siblings_give_back() -> None:
    graph = workflow(
        {"s": ["a", "c", "e"], "a": "d", "c": "d", "e": "f"}, {"a": {"on_exhausted": "pause"}}
    )
    story = Story(graph).plays("s -> a c e", "a!LOST -> paused LOST")
    assert story.active == ["c", "e"]

    story.completes("c").completes("e")
    assert (story.status, story.active) == ("paused", [])
    story.does(inputs.Resume)
    assert story.active == ["a", "f"]
    story.plays("a -> d f", "d -> f", "f -> completed")


def test_two_exhausted_nodes_are_resumed_together() -> None:
    graph = workflow(
        {"s": ["a", "b"]}, {"a": {"on_exhausted": "pause"}, "b": {"on_exhausted": "pause"}}
    )
    story = Story(graph).plays("s -> a b", "b!LOST -> paused LOST", "a!GONE -> paused GONE")

    assert story.does(inputs.Resume).active == ["a", "b"]


def test_a_rule_that_takes_the_error_comes_before_the_person() -> None:
    rules = [{"on": "error", "to": "c"}, {"to": "b"}]
    graph = workflow({"a": rules}, {"a": {"on_exhausted": "pause"}})

    Story(graph).plays("a!LOST -> c", "c -> completed")


# -- a tool that is not there -------------------------------------------------------------


def test_a_missing_tool_pauses_the_run_whatever_the_policies_of_its_node_are() -> None:
    rules = [{"on": "TOOL_MISSING", "to": "c"}, {"on": "error", "to": "c"}, {"to": "b"}]
    policies = {"a": {"retry": {"max_attempts": 5}, "on_exhausted": "fail"}}
    story = Story(workflow({"a": rules}, policies)).fails("a", "TOOL_MISSING")

    assert story.last == ["node.failed a TOOL_MISSING paused", "run.paused exhausted"]
    assert (story.status, story.code, story.active, story.due) == (
        "paused", "TOOL_MISSING", [], None,
    )  # fmt: skip
    assert story.does(inputs.Resume).last == ["run.resumed", "node.started a 2"]
    story.plays("a -> b", "b -> completed")


def test_a_run_that_is_failing_does_not_wait_for_a_missing_tool() -> None:
    graph = workflow({"s": ["a", "b"]}, {"b": {"retry": {"max_attempts": 5}}}, on_failure="drain")
    story = Story(graph).plays("s -> a b", "a!LOST -> b")

    story.fails("b", "TOOL_MISSING")
    assert story.last == ["node.failed b TOOL_MISSING fails", "run.failed LOST"]
