"""A new run that has the first part of another as its own past."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from engine import inputs
from engine.entry import Breakpoint, RunForked
from engine.ids import RunId
from tests.spec.story import NOON, Story, workflow

if TYPE_CHECKING:
    from engine.ids import Json

CHAIN = workflow({"a": "b", "b": "c"})
DIAMOND = workflow({"a": ["b", "c"], "b": "d", "c": "d"})


def fork(**fields: object) -> inputs.Fork:
    """Make the input, as it is fed to a run folded from the past it is to have."""
    given = {"at": NOON, "n": 1, "run_id": RunId("fork"), **fields}
    return inputs.Fork(**given)  # type: ignore[arg-type]  # a test knows its fields


# -- from where ---------------------------------------------------------------------------


def test_a_fork_names_its_origin_and_goes_on_counting_after_it() -> None:
    origin = Story(CHAIN).completes("a", x=1)
    story = origin.forks(actor="ann")

    first = story.batch[0]
    assert isinstance(first, RunForked)
    assert (first.origin, first.at_seq, first.actor) == ("r", 5, "ann")
    assert (first.seq, first.run_id) == (6, "fork")
    assert story.last == ["run.forked"]
    assert story.reads("b") == {"x": 1}
    story.plays("b -> c", "c -> completed")
    origin.plays("b y=1 -> c", "c -> completed")
    assert (origin.state, story.state) == ({"x": 1, "y": 1}, {"x": 1})


def test_a_fork_from_the_middle_does_again_what_came_after_and_nothing_before() -> None:
    origin = Story(DIAMOND).plays("a x=1 -> b c", "b y=1 -> c", "c -> d", "d -> completed")
    middle = origin.log.index("node.completed b")

    story = origin.forks(at=middle).plays("-> c", "c z=1 -> d", "d -> completed")
    assert story.state == {"x": 1, "y": 1, "z": 1}
    assert story.log[:middle] == origin.log[:middle]


@pytest.mark.parametrize("at", range(5))
def test_any_seq_means_the_end_of_its_batch(at: int) -> None:
    story = Story(CHAIN).completes("a").forks(at=at)

    assert story.active == (["a"] if at < 3 else ["b"])


def test_a_fork_of_a_fork_has_both_as_its_past() -> None:
    story = Story(CHAIN).completes("a", x=1).forks().completes("b", y=2).forks()

    assert (story.run.id, story.run.root) == ("fork forked", "r")
    assert story.completes("c").state == {"x": 1, "y": 2}


def test_a_fork_has_a_name_of_its_own() -> None:
    assert Story(CHAIN).refuses(fork(run_id="r")).code == "NOT_APPLICABLE"


def test_a_run_that_has_finished_leaves_nothing_to_go_on_with() -> None:
    story = Story(CHAIN).plays("a -> b", "b -> c", "c -> completed")
    assert story.refuses(fork()).code == "NOT_APPLICABLE"

    leaves = Story(workflow({"a": ["b", "c"]}))
    leaves.plays("a -> b c", "b x=1 -> c", "c x=2 -> failed STATE_CONFLICT")
    refusal = leaves.refuses(fork())
    assert "earlier" in refusal.hint
    before = leaves.log.index("node.completed c") - 1
    leaves.forks(at=before).plays("c x=1 -> completed")


def test_a_run_that_has_not_started_can_not_be_forked() -> None:
    assert Story(CHAIN, begin=False).refuses(fork()).code == "NOT_APPLICABLE"


# -- what is due again --------------------------------------------------------------------


def test_a_fork_of_a_failed_run_gives_what_failed_another_series_of_attempts() -> None:
    graph = workflow({"a": "b"}, {"a": {"retry": {"max_attempts": 2, "delay": 5, "jitter": 0}}})
    origin = Story(graph, {"x": 1}).fails("a", "BUSY").time_passes()
    activation = origin.activation("a")
    origin.fails("a", "BUSY")

    story = origin.forks()
    assert story.last == ["run.forked", "node.started a 3"]
    assert story.activation("a") == activation
    assert story.reads("a") == {"x": 1}
    assert story.error is None
    story.plays("a!BUSY -> ", "time -> a", "a -> b", "b -> completed")


def test_a_fork_finds_the_siblings_of_what_failed_as_they_were() -> None:
    origin = Story(DIAMOND).plays("a -> b c", "b x=1 -> c", "c!LOST -> failed LOST")

    story = origin.forks().plays("-> c", "c -> d", "d -> completed")
    assert story.firings("d") == [["b", "c"]]
    running = Story(DIAMOND).plays("a -> b c", "c!LOST -> failed LOST").forks()
    assert running.active == ["b", "c"]
    assert running.last == ["run.forked", "node.started c 2"]


def test_a_fork_of_a_run_that_drained_fires_what_was_held_back() -> None:
    graph = workflow({"s": ["a", "b"], "b": "d"}, on_failure="drain")
    origin = Story(graph).plays("s -> a b", "a!LOST -> b", "b -> failed LOST")

    story = origin.forks()
    assert story.last == ["run.forked", "node.started a 2", "node.started d"]


def test_a_fork_of_a_cancelled_run_goes_on_where_it_was() -> None:
    origin = Story(DIAMOND).plays("a -> b c", "b -> c").does(inputs.Cancel)

    story = origin.forks()
    assert story.last == ["run.forked"]
    story.plays("c -> d", "d -> completed")


def test_a_fork_of_a_paused_run_goes_on_and_gives_the_exhausted_another_attempt() -> None:
    graph = workflow({"s": ["a", "b"]}, {"a": {"on_exhausted": "pause"}})
    origin = Story(graph).plays("s -> a b", "a!LOST -> paused LOST")

    story = origin.forks()
    assert (story.status, story.active) == ("running", ["a", "b"])
    paused = Story(CHAIN).does(inputs.Pause).completes("a")
    assert paused.forks().last == ["run.forked", "node.started b"]


def test_a_fork_of_a_run_that_was_refused_its_end_is_refused_it_again() -> None:
    graph = workflow(
        {"a": ["b", "c"], "b": "d", "c": [{"when": "stop", "to": None}, {"to": "d"}]},
        {"d": {"join": {"count": 2}}},
    )
    origin = Story(graph).plays("a -> b c", "b -> c", "c stop=true -> failed JOIN_UNSATISFIABLE")

    assert origin.forks().code == "JOIN_UNSATISFIABLE"


# -- time ---------------------------------------------------------------------------------


def test_in_a_fork_the_pauses_between_attempts_keep_their_time() -> None:
    graph = workflow({"a": "b"}, {"a": {"retry": {"max_attempts": 2, "delay": 60, "jitter": 0}}})
    origin = Story(graph).fails("a", "BUSY")

    story = origin.later(20).forks()
    assert story.active == []
    assert story.due == origin.due
    assert story.time_passes().active == ["a"]


def test_in_a_fork_time_outs_of_what_runs_and_the_deadline_begin_anew() -> None:
    graph = workflow({"a": "b"}, {"a": {"timeout": 30}}, limits={"deadline": 40})

    story = Story(graph).later(3_600).forks()
    assert story.wait() == 30
    assert story.completes("a").wait() == 39


@pytest.mark.parametrize("moves", [["a!BUSY -> "], ["a!BUSY -> ", "time -> a"]])
def test_in_a_fork_a_node_between_its_attempts_still_has_its_total_time_out(
    moves: list[str],
) -> None:
    retry = {"max_attempts": 9, "delay": 10, "factor": 1, "jitter": 0}
    graph = workflow({"a": "b"}, {"a": {"retry": retry, "total_timeout": 25}})

    story = Story(graph).plays(*moves).forks()
    while story.status == "running" and story.now < NOON + timedelta(seconds=90):
        assert story.due is not None, "nothing stops the node any more"
        story.time_passes()
        if story.active:
            story.fails("a", "BUSY")
    assert story.code == "TOTAL_TIMEOUT"


# -- mended -------------------------------------------------------------------------------


def test_a_fork_may_patch_what_is_in_flight_before_it_goes_on() -> None:
    origin = Story(CHAIN).plays("a x=1 -> b", "b!LOST -> failed LOST")

    story = origin.forks(patch={"x": 2})
    assert story.last == ["run.forked", "state.patched", "node.started b 2"]
    assert story.reads("b") == {"x": 2}


def test_a_patch_mends_a_conflict_in_a_fork() -> None:
    origin = Story(DIAMOND).plays("a -> b c", "b x=1 -> c", "c x=2 -> failed STATE_CONFLICT")

    assert origin.forks().code == "STATE_CONFLICT"
    story = origin.forks(patch={"x": 3})
    assert story.active == ["d"]
    assert story.reads("d") == {"x": 3}


def test_a_fork_may_skip_what_failed_with_a_result_in_its_place() -> None:
    origin = Story(CHAIN).plays("a -> b", "b!LOST -> failed LOST")

    story = origin.forks(skip={"y": 1})
    assert story.last == [
        "run.forked",
        "node.skipped b",
        "message.sent b -> c",
        "node.started c",
    ]
    assert story.reads("c") == {"y": 1}
    assert origin.forks(skip={}).active == ["c"]


def test_a_fork_may_raise_the_limit_that_stopped_its_origin() -> None:
    loop = workflow({"a": [{"when": "n < 9", "to": "a"}, {"to": None}]}, limits={"max_visits": 2})
    origin = Story(loop).plays("a n=1 -> a", "a n=2 -> failed LOOP_LIMIT")

    assert origin.forks().code == "LOOP_LIMIT"
    story = origin.forks(limits={"max_visits": 3})
    assert story.last == ["run.forked", "limit.raised", "node.started a"]
    story.plays("a n=3 -> failed LOOP_LIMIT")


def test_a_what_if_makes_new_idempotency_keys() -> None:
    origin = Story(CHAIN).completes("a")

    assert origin.forks().run.root == "r"
    assert origin.forks(keep_keys=False).run.root == "fork"


def test_a_fork_numbers_its_commands_anew() -> None:
    origin = Story(CHAIN).does(inputs.Pause).does(inputs.Resume).does(inputs.Pause)
    story = origin.forks()

    assert story.does(inputs.Pause).status == "paused"  # its second command
    assert story.refuses(inputs.Resume(at=story.now, n=1)).code == "DUPLICATE_COMMAND"


def test_breakpoints_are_kept_and_hit_again() -> None:
    origin = Story(CHAIN, breakpoints=[Breakpoint(node="b")]).completes("a")
    assert origin.status == "paused"

    story = origin.forks()
    assert story.last == ["run.forked", "breakpoint.hit before b", "run.paused breakpoint"]


@pytest.mark.parametrize(
    "fields",
    [
        {"skip": {"x": 1}},
        {"limits": {"max_visit": 3}},
        {"limits": {"max_visits": None}},
        {"patch": {"x": float("nan")}},
        {"patch": {"x": 2**63}},
    ],
    ids=["nothing to skip", "no such limit", "no limit", "no number", "65 bits"],
)
def test_a_fork_that_makes_no_sense_is_refused(fields: dict[str, object]) -> None:
    story = Story(CHAIN).completes("a")

    assert story.refuses(fork(**fields)).code in ("NOT_APPLICABLE", "BAD_VALUE")


@pytest.mark.parametrize("skip", [{"x": 1}, {"go": 1}, {"y": float("inf")}])
def test_a_result_that_the_node_could_not_give_skips_nothing(skip: dict[str, Json]) -> None:
    state = {"reducers": {"x": "extend"}, "defaults": {"go": True}}
    graph = workflow({"a": [{"when": "go", "to": "b"}]}, state=state)
    story = Story(graph).fails("a", "LOST")

    assert story.refuses(fork(skip=skip)).code in ("NOT_APPLICABLE", "BAD_VALUE")
