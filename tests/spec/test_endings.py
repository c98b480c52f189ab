"""How a run ends: docs/semantics.md, section 5."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine import inputs
from engine.entry import Counts, RunCancelled, RunCompleted, RunFailed
from engine.errors import InvalidValue, NotApplicable, Refused, RunOver
from engine.ids import RunId
from tests.spec.story import NOON, Story, error, workflow

if TYPE_CHECKING:
    from engine.inputs import AnyInput

WIDE = workflow({"s": ["a", "b", "c"], "a": "d", "b": "d"})
DRAIN = workflow(
    {"s": ["a", "b", "c"], "a": "d", "b": "d"},
    {"b": {"retry": {"max_attempts": 2, "delay": 5, "jitter": 0}}},
    on_failure="drain",
)


# -- completed ----------------------------------------------------------------------------


def test_a_run_is_completed_when_nothing_is_left_to_do() -> None:
    story = Story(WIDE).plays("s -> a b c", "c -> a b", "a -> b", "b -> d", "d -> completed")

    end = story.batch[-1]
    assert isinstance(end, RunCompleted)
    assert end.messages == Counts(sent=6, consumed=6, withdrawn=0, open=0)


def test_the_state_in_the_end_is_the_merge_of_all_branches_that_ended() -> None:
    story = Story(WIDE).plays("s x=0 -> a b c", "c x=0 z=1 -> a b", "a y=1 -> b", "b -> d")

    story.plays("d y=2 -> completed")
    assert story.state == {"x": 0, "y": 2, "z": 1}
    assert story.view.conflicts == ()


def test_a_run_that_ends_with_one_branch_shows_exactly_its_state() -> None:
    story = Story(workflow({"a": "b"}), {"x": [1, {"y": None}]}).plays("a z=1.5 -> b")

    assert story.completes("b", x=[]).state == {"x": [], "z": 1.5}


def test_a_run_of_which_every_branch_was_withdrawn_ends_with_its_initial_state() -> None:
    graph = workflow(
        {"z": ["c", "h"], "h": "c", "c": "p", "p": [{"when": "x > 0", "to": "h"}, {"to": None}]},
        {"c": {"join": "first"}, "h": {"join": "first"}},
        state={"defaults": {"x": 1}},
    )
    story = Story(graph, {"y": 2}).plays("z x=2 -> c h", "h -> c", "c -> p", "p -> completed")

    assert story.state == {"x": 1, "y": 2}


# -- conflicts ----------------------------------------------------------------------------


def test_branches_that_end_with_different_values_fail_the_run_in_the_end() -> None:
    leaves = workflow({"a": ["b", "c"]})
    story = Story(leaves).plays("a -> b c", "c x=1 -> b", "b x=2 -> failed STATE_CONFLICT")

    assert story.last == ["node.completed b", "run.failed STATE_CONFLICT"]
    assert story.error is not None
    assert story.error.details == {
        "key": "x",
        "writes": [{"node": "b", "value": 2}, {"node": "c", "value": 1}],
    }
    assert "the end of the run" in story.error.message
    assert story.view.conflicts == ("x",)
    assert story.counts == (3, 3, 0, 0)
    Story(leaves).plays("a -> b c", "c x=2 -> b", "b x=2 -> completed")


def test_what_can_not_be_reduced_in_the_end_fails_the_run() -> None:
    leaves = workflow({"a": ["b", "c"]}, state={"reducers": {"x": "min"}})

    Story(leaves).plays("a -> b c", "c x=1 -> b", 'b x="one" -> failed REDUCER_FAILED')


# -- failed -------------------------------------------------------------------------------


def test_by_default_the_first_error_ends_the_run_at_once() -> None:
    story = Story(WIDE).plays("s -> a b c", "a x=1 -> b c", "b!LOST -> failed LOST")

    end = story.batch[-1]
    assert isinstance(end, RunFailed)
    assert (end.node, end.attempt, end.error) == ("b", 1, error("LOST"))
    assert end.messages == Counts(sent=5, consumed=2, withdrawn=0, open=3)
    assert (story.active, story.due, story.state) == ([], None, {"x": 1})


def test_a_run_that_drains_lets_what_has_started_finish_and_fires_nothing() -> None:
    story = Story(DRAIN).plays("s -> a b c", "c!LOST -> a b")
    assert story.last == ["node.failed c LOST fails"]
    assert story.status == "running"

    story.plays("a x=1 -> b", "b!BUSY -> ", "time -> b", "b -> failed LOST")
    assert story.last == ["node.completed b", "message.sent b -> d", "run.failed LOST"]
    assert story.counts == (6, 3, 0, 3)  # c's, and the two at d
    end = story.batch[-1]
    assert isinstance(end, RunFailed)
    assert (end.node, end.attempt) == ("c", 1)


def test_a_run_that_drains_fails_with_the_first_of_several_errors() -> None:
    story = Story(DRAIN).plays("s -> a b c", "c!LOST -> a b", "a!GONE -> b")

    assert story.last == ["node.failed a GONE fails"]
    story.plays("b -> failed LOST")


def test_a_run_that_drains_pauses_for_nobody() -> None:
    graph = workflow({"s": ["a", "b"]}, {"b": {"on_exhausted": "pause"}}, on_failure="drain")

    Story(graph).plays("s -> a b", "a!LOST -> b", "b!GONE -> failed LOST")


def test_a_run_that_drains_still_lets_rules_take_errors() -> None:
    rules = [{"on": "error", "to": "c"}, {"to": None}]
    graph = workflow({"s": ["a", "b"], "b": rules}, on_failure="drain")

    story = Story(graph).plays("s -> a b", "a!LOST -> b", "b!GONE -> failed LOST")
    assert "c" not in story.fired
    assert story.last[0] == "node.failed b GONE routed"


def test_a_node_that_could_not_fire_drains_too() -> None:
    graph = workflow({"a": ["b", "c", "k"], "b": "d", "c": "d"}, on_failure="drain")

    story = Story(graph).plays("a -> b c k", "b x=1 -> c k", "c x=2 -> k")
    assert story.last[-1] == "node.failed d STATE_CONFLICT fails"
    story.plays("k -> failed STATE_CONFLICT")
    end = story.batch[-1]
    assert isinstance(end, RunFailed)
    assert (end.node, end.attempt) == ("d", 0)


def test_a_failed_run_says_on_which_messages_the_node_ran() -> None:
    story = Story(WIDE).plays("s -> a b c", "a -> b c", "b -> c d")
    activation = story.activation("d")

    story.fails("d", "LOST", hint="try it by hand", cause=("OSError: gone",))
    end = story.batch[-1]
    assert isinstance(end, RunFailed)
    assert end.activation == activation
    assert (end.error.hint, end.error.cause) == ("try it by hand", ("OSError: gone",))


# -- final --------------------------------------------------------------------------------


def completed() -> Story:
    return Story(workflow({"a": None})).completes("a", x=1)


def failed() -> Story:
    return Story(workflow({"a": "b"})).fails("a", "LOST")


def drained() -> Story:
    return Story(DRAIN).plays("s -> a b c", "c!LOST -> a b", "a -> b", "b -> failed LOST")


def cancelled() -> Story:
    story = Story(workflow({"a": ["b", "c"]}, limits={"deadline": 60})).completes("a")
    return story.does(inputs.Cancel)


ANY: list[AnyInput] = [
    inputs.Result(at=NOON, activation=1, attempt=1, patch={}),  # type: ignore[arg-type]  # an id
    inputs.Result(at=NOON, activation=1, attempt=1, error=error("LOST")),  # type: ignore[arg-type]  # as above
    inputs.Timer(at=NOON.replace(year=2030)),
    inputs.Pause(at=NOON, n=90),
    inputs.Resume(at=NOON, n=91),
    inputs.Step(at=NOON, n=92),
    inputs.SetBreakpoints(at=NOON, n=93, breakpoints=()),
    inputs.Patch(at=NOON, n=94, patch={"x": 2}),
    inputs.Skip(at=NOON, n=95, activation=1),  # type: ignore[arg-type]  # as above
    inputs.RaiseLimit(at=NOON, n=96, limit="max_visits", value=5),
    inputs.Cancel(at=NOON, n=97),
    inputs.Start(at=NOON, run_id=RunId("again")),
]


@pytest.mark.parametrize("given", ANY, ids=lambda given: type(given).__name__)
@pytest.mark.parametrize("over", [completed, failed, drained, cancelled])
def test_a_run_that_has_ended_takes_nothing_any_more(over: object, given: AnyInput) -> None:
    story = over()  # type: ignore[operator]  # one of the four

    refusal = story.refuses(given)
    assert isinstance(refusal, NotApplicable if isinstance(given, inputs.Start) else RunOver)


def test_a_command_that_ended_the_run_is_still_known_by_its_number() -> None:
    story = Story(workflow({"a": None}))
    cancel = story.command(inputs.Cancel)
    end = story.feed(cancel).batch[-1]

    assert isinstance(end, RunCancelled)
    assert end.messages == Counts(sent=1, consumed=0, withdrawn=0, open=1)
    assert story.refuses(cancel).code == "DUPLICATE_COMMAND"


# -- the beginning ------------------------------------------------------------------------


def test_a_run_that_goes_on_can_not_be_started_again() -> None:
    story = Story(WIDE)

    assert story.refuses(inputs.Start(at=NOON, run_id=RunId("r"))).code == "NOT_APPLICABLE"


@pytest.mark.parametrize(
    "given",
    [given for given in ANY if not isinstance(given, inputs.Start)],
    ids=lambda given: type(given).__name__,
)
def test_before_a_run_is_started_it_takes_nothing_else(given: AnyInput) -> None:
    story = Story(WIDE, begin=False)

    assert isinstance(story.refuses(given), Refused)


@pytest.mark.parametrize(
    "state", [{"x": float("nan")}, {"x": {1: 2}}, {"x\0": 1}, {"x": "y" * 2_000}, {"x": b"1"}]
)
def test_a_state_that_can_not_be_stored_starts_nothing(state: dict[str, object]) -> None:
    story = Story(workflow({"a": None}, limits={"max_state": 1_000}), begin=False)

    given = inputs.Start(at=NOON, run_id=RunId("r"), state=state)  # type: ignore[arg-type]  # is it?
    assert isinstance(story.refuses(given), InvalidValue)
