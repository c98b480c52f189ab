"""What is due when: time-outs, deadlines, and the clock of a run."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from engine import inputs
from tests.spec.story import NOON, Story, workflow

if TYPE_CHECKING:
    from engine.graph import Graph


def timed(**node: object) -> Graph:
    """A node `a` with time-outs, and `b` after it."""
    return workflow({"a": "b"}, {"a": node})


RETRY = {"max_attempts": 3, "delay": 10, "factor": 1, "jitter": 0}

# -- the clock ----------------------------------------------------------------------------


def test_all_entries_of_a_batch_have_the_time_of_the_input() -> None:
    story = Story(timed()).later(5).completes("a")

    assert {each.at for each in story.batch} == {NOON + timedelta(seconds=6)}


def test_the_time_of_a_run_never_goes_back() -> None:
    story = Story(timed()).later(60).completes("a")
    then = story.batch[-1].at

    late = msgspec.structs.replace(story.result("b", patch={}), at=NOON)
    assert {each.at for each in story.feed(late).batch} == {then}


def test_without_time_outs_nothing_is_ever_due() -> None:
    story = Story(workflow({"a": ["b", "c"]})).completes("a")

    assert story.due is None
    assert story.refuses(inputs.Timer(at=NOON + timedelta(days=365))).code == "NOT_APPLICABLE"


def test_a_timer_that_comes_too_early_is_refused() -> None:
    story = Story(timed(timeout=30))

    assert story.due == NOON + timedelta(seconds=30)
    early = story.refuses(inputs.Timer(at=story.due - timedelta(microseconds=1)))
    assert early.code == "NOT_APPLICABLE"
    assert story.time_passes().code == "TIMEOUT"


def test_a_timer_rings_at_its_deadline_however_late_the_host_is() -> None:
    story = Story(timed(timeout=30)).later(3_600).time_passes()

    assert {each.at for each in story.batch} == {NOON + timedelta(seconds=30)}


# -- attempts -----------------------------------------------------------------------------


def test_an_attempt_that_takes_too_long_fails_with_the_time_out_it_had() -> None:
    story = Story(timed(timeout=30)).time_passes()

    assert story.last == ["node.failed a TIMEOUT fails", "run.failed TIMEOUT"]
    assert story.error is not None
    assert "30.0 s" in story.error.message


def test_each_attempt_has_a_time_out_of_its_own_and_its_result_is_stale_afterwards() -> None:
    story = Story(timed(timeout=30, retry=RETRY))
    late = story.result("a", patch={})

    assert story.time_passes().last == ["node.retrying a TIMEOUT"]
    assert story.refuses(late).code == "STALE_RESULT"
    story.time_passes()
    assert story.wait() == 30
    assert story.completes("a").due is None


def test_a_rule_may_take_a_time_out() -> None:
    graph = workflow({"a": [{"on": "TIMEOUT", "to": "c"}, {"to": "b"}]}, {"a": {"timeout": 1}})

    Story(graph).plays("time -> c", "c -> completed")


def test_all_attempts_and_the_pauses_between_them_share_the_total_time_out() -> None:
    story = Story(timed(total_timeout=25, retry=RETRY)).later(9).fails("a", "BUSY")
    assert story.wait() == 10

    story.time_passes()
    assert story.wait() == 5
    assert story.time_passes().last == [
        "node.failed a TOTAL_TIMEOUT fails",
        "run.failed TOTAL_TIMEOUT",
    ]


def test_the_total_time_out_comes_in_a_pause_too() -> None:
    story = Story(timed(total_timeout=15, retry=RETRY)).later(9).fails("a", "BUSY")

    assert story.wait() == 5
    assert story.time_passes().code == "TOTAL_TIMEOUT"


def test_of_two_deadlines_the_earlier_is_named() -> None:
    graph = workflow({"s": ["a", "b"]}, {"a": {"timeout": 60}, "b": {"timeout": 30}})
    story = Story(graph).completes("s")

    assert story.wait() == 30
    story.completes("b")
    assert story.wait() == 59


def test_what_is_due_together_is_decided_together_in_the_order_in_which_it_was_set() -> None:
    nodes = {name: {"timeout": 30} for name in "abc"}
    graph = workflow({"s": ["b", "a", "c"]}, nodes, on_failure="drain")

    assert Story(graph).completes("s").time_passes().last == [
        "node.failed b TIMEOUT fails",
        "node.failed a TIMEOUT fails",
        "node.failed c TIMEOUT fails",
        "run.failed TIMEOUT",
    ]


def test_with_fail_fast_the_first_of_them_is_enough() -> None:
    nodes = {name: {"timeout": 30} for name in "ab"}

    story = Story(workflow({"s": ["b", "a"]}, nodes)).completes("s").time_passes()
    assert story.last == ["node.failed b TIMEOUT fails", "run.failed TIMEOUT"]


# -- the run ------------------------------------------------------------------------------


def test_a_run_that_takes_too_long_fails_at_its_deadline() -> None:
    graph = workflow({"a": "b"}, limits={"deadline": 60})
    story = Story(graph).completes("a").later(3_600).time_passes()

    assert story.last == ["run.failed DEADLINE_EXCEEDED"]
    assert story.run.now == NOON + timedelta(seconds=60)
    assert story.counts[3] == 1


@pytest.mark.parametrize(("deadline", "due"), [(600, 600), (1, 1), (None, None)])
def test_the_deadline_can_be_moved(deadline: int | None, due: int | None) -> None:
    story = Story(workflow({"a": "b"}, limits={"deadline": 60}))

    story.does(inputs.RaiseLimit, limit="deadline", value=deadline)
    assert story.due == (None if due is None else NOON + timedelta(seconds=due))


# -- pauses -------------------------------------------------------------------------------


def test_while_a_run_is_paused_no_attempt_begins_but_time_outs_and_the_deadline_go_on() -> None:
    graph = workflow(
        {"s": ["a", "b"]},
        {"a": {"retry": RETRY}, "b": {"timeout": 40}},
        limits={"deadline": 100},
    )
    story = Story(graph).plays("s -> a b", "a!BUSY -> b").does(inputs.Pause)

    assert story.wait() == 38  # not the retry
    assert story.time_passes().last == ["node.failed b TIMEOUT fails", "run.failed TIMEOUT"]
    story = Story(graph).plays("s -> a b", "a!BUSY -> b", "b -> ").does(inputs.Pause)
    assert story.due == NOON + timedelta(seconds=100)
    assert story.time_passes().code == "DEADLINE_EXCEEDED"


def test_an_attempt_that_came_due_in_a_pause_is_made_when_the_run_goes_on() -> None:
    story = Story(timed(retry=RETRY)).fails("a", "BUSY").does(inputs.Pause).later(3_600)
    assert story.wait() is None

    overdue = story.does(inputs.Resume).wait()
    assert overdue is not None
    assert overdue < -3_500
    assert story.time_passes().active == ["a"]
    assert story.batch[0].at == story.now  # the run's time does not go back for it


def test_an_attempt_without_delay_waits_for_the_end_of_a_pause() -> None:
    story = Story(timed(retry={"max_attempts": 2, "delay": 0})).does(inputs.Pause)

    assert story.fails("a", "BUSY").last == ["node.retrying a BUSY"]
    story.does(inputs.Resume).plays("time -> a", "a -> b")


def test_an_exhausted_node_has_no_time_outs_until_it_is_resumed() -> None:
    story = Story(timed(timeout=30, total_timeout=50, on_exhausted="pause")).fails("a", "BUSY")
    assert story.due is None

    story.later(1_000).does(inputs.Resume)
    assert story.wait() == 30
    assert story.time_passes().last == ["node.failed a TIMEOUT paused", "run.paused exhausted"]
