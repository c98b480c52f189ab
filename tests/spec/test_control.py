"""What people may ask of a run while it goes on, and what follows."""

from __future__ import annotations

import pytest

from engine import inputs
from engine.entry import Breakpoint
from engine.errors import DuplicateCommand
from tests.spec.story import Story, workflow

CHAIN = workflow({"a": "b", "b": "c"})
DIAMOND = workflow({"a": ["b", "c"], "b": "d", "c": "d"})


# -- pause and resume ---------------------------------------------------------------------


def test_a_paused_run_fires_nothing_but_records_what_comes_back() -> None:
    story = Story(DIAMOND).completes("a").does(inputs.Pause)
    assert (story.status, story.active) == ("paused", ["b", "c"])

    assert story.completes("b", x=1).last == ["node.completed b", "message.sent b -> d"]
    assert story.completes("c").last == ["node.completed c", "message.sent c -> d"]
    assert (story.active, story.state) == ([], {"x": 1})
    assert story.does(inputs.Resume).last == ["run.resumed", "node.started d"]


def test_what_came_together_in_a_pause_fires_together() -> None:
    wide = workflow({"s": ["a", "b"], "a": "x", "b": "y"})
    story = Story(wide).completes("s").does(inputs.Pause).completes("b").completes("a")

    assert story.does(inputs.Resume).last[1:] == ["node.started y", "node.started x"]


def test_a_run_whose_last_node_comes_back_in_a_pause_is_completed() -> None:
    assert Story(workflow({"a": None})).does(inputs.Pause).completes("a").status == "completed"


def test_a_run_that_fails_in_a_pause_has_failed() -> None:
    story = Story(CHAIN).does(inputs.Pause).fails("a", "LOST")

    assert story.status == "failed"


@pytest.mark.parametrize("command", [inputs.Resume, inputs.Step])
def test_what_is_not_paused_can_not_go_on(command: type[inputs.Resume | inputs.Step]) -> None:
    story = Story(CHAIN)

    refusal = story.refuses(story.command(command))
    assert refusal.code == "NOT_APPLICABLE"
    assert "not paused" in refusal.message


def test_what_is_paused_can_not_be_paused() -> None:
    story = Story(CHAIN).does(inputs.Pause)

    assert story.refuses(story.command(inputs.Pause)).code == "NOT_APPLICABLE"


# -- step by step -------------------------------------------------------------------------


def test_a_step_fires_one_node_and_the_run_stays_paused() -> None:
    wide = workflow({"s": ["a", "b"], "a": "x", "b": "y"})
    story = Story(wide).completes("s").does(inputs.Pause).completes("b").completes("a")

    assert story.does(inputs.Step).last == ["run.stepped", "node.started y"]
    assert (story.status, story.active) == ("paused", ["y"])
    assert story.does(inputs.Step).last == ["run.stepped", "node.started x"]
    assert story.completes("x").status == "paused"
    assert story.completes("y").status == "completed"


def test_a_step_for_which_nothing_is_due_fires_the_first_node_that_will_be() -> None:
    story = Story(CHAIN).does(inputs.Pause).does(inputs.Step)
    assert story.last == ["run.stepped"]

    assert story.completes("a").last[-1] == "node.started b"
    assert story.completes("b").last == ["node.completed b", "message.sent b -> c"]


def test_steps_can_be_given_in_advance_and_are_lost_at_a_resume() -> None:
    story = Story(CHAIN).does(inputs.Pause).does(inputs.Step).does(inputs.Step)
    story.completes("a").completes("b")
    assert story.active == ["c"]

    story = Story(CHAIN).does(inputs.Pause).does(inputs.Step)
    story.does(inputs.Resume).does(inputs.Pause).completes("a")
    assert story.active == []


def test_a_step_fires_a_join_with_all_that_it_waited_for() -> None:
    story = Story(DIAMOND).completes("a").does(inputs.Pause).completes("b").completes("c")

    assert story.does(inputs.Step).last == ["run.stepped", "node.started d"]
    assert story.firings("d") == [["b", "c"]]


def test_of_several_joins_that_are_due_a_step_fires_the_first() -> None:
    graph = workflow({"a": ["b", "c"], "b": ["y", "x"], "c": ["x", "y"]})
    story = Story(graph).completes("a").does(inputs.Pause).completes("b").completes("c")

    assert story.does(inputs.Step).last == ["run.stepped", "node.started y"]
    assert story.does(inputs.Step).last == ["run.stepped", "node.started x"]


# -- breakpoints --------------------------------------------------------------------------


def test_at_a_breakpoint_before_a_node_the_run_pauses_and_then_goes_on_through_it() -> None:
    story = Story(CHAIN, breakpoints=[Breakpoint(node="b")]).completes("a")
    assert story.last[-2:] == ["breakpoint.hit before b", "run.paused breakpoint"]
    assert (story.status, story.active) == ("paused", [])

    assert story.does(inputs.Resume).last == ["run.resumed", "node.started b"]
    story.plays("b -> c")


def test_at_a_breakpoint_after_a_node_its_result_is_there_and_nothing_fires() -> None:
    story = Story(CHAIN, breakpoints=[Breakpoint(node="a", where="after")]).completes("a", x=1)

    assert story.last == [
        "node.completed a",
        "message.sent a -> b",
        "breakpoint.hit after a",
        "run.paused breakpoint",
    ]
    assert story.state == {"x": 1}
    assert story.does(inputs.Resume).active == ["b"]


def test_a_breakpoint_is_hit_in_each_pass_of_a_loop() -> None:
    loop = workflow({"a": [{"when": "n < 2", "to": "a"}, {"to": None}]})
    story = Story(loop, breakpoints=[Breakpoint(node="a")])
    assert story.status == "paused"

    story.does(inputs.Resume).completes("a", n=1)
    assert story.status == "paused"
    assert story.does(inputs.Resume).completes("a", n=2).status == "completed"


def test_a_breakpoint_before_a_join_sees_what_the_join_will_read() -> None:
    point = Breakpoint(node="d", when="x == 1 && y == 2")
    story = Story(DIAMOND, breakpoints=[point]).completes("a").completes("c", y=2)

    assert story.completes("b", x=1).last[-2:] == [
        "breakpoint.hit before d",
        "run.paused breakpoint",
    ]
    assert story.does(inputs.Resume).reads("d") == {"x": 1, "y": 2}


@pytest.mark.parametrize(("x", "status"), [(1, "running"), (2, "paused")])
def test_a_breakpoint_may_have_a_condition(x: int, status: str) -> None:
    for where in ("before", "after"):
        point = Breakpoint(node="b" if where == "before" else "a", where=where, when="x > 1")
        assert Story(CHAIN, breakpoints=[point]).completes("a", x=x).status == status


def test_a_condition_of_a_breakpoint_that_can_not_be_evaluated_counts_as_a_hit() -> None:
    story = Story(CHAIN, breakpoints=[Breakpoint(node="b", when="x > 1")]).completes("a")

    hit = story.batch[-2]
    assert story.status == "paused"
    assert "'x'" in getattr(hit, "problem", "")


def test_breakpoints_can_be_set_while_the_run_goes_on_and_replace_those_before() -> None:
    story = Story(CHAIN, breakpoints=[Breakpoint(node="b")])

    story.does(inputs.SetBreakpoints, breakpoints=(Breakpoint(node="c"),)).completes("a")
    assert story.active == ["b"]
    assert story.completes("b").status == "paused"
    story.does(inputs.SetBreakpoints, breakpoints=()).does(inputs.Resume).plays("c -> completed")


@pytest.mark.parametrize(
    "point",
    [Breakpoint(node="bb"), Breakpoint(node="b", when="x >"), Breakpoint(node="b", when="1")],
)
def test_a_breakpoint_that_makes_no_sense_is_refused(point: Breakpoint) -> None:
    story = Story(CHAIN)

    given = story.command(inputs.SetBreakpoints, breakpoints=(Breakpoint(node="c"), point))
    assert story.refuses(given).code == "NOT_APPLICABLE"


def test_a_step_stops_at_a_breakpoint_instead_of_firing() -> None:
    story = Story(CHAIN, breakpoints=[Breakpoint(node="b")]).does(inputs.Pause).completes("a")

    assert story.does(inputs.Step).last == [
        "run.stepped",
        "breakpoint.hit before b",
        "run.paused breakpoint",
    ]
    assert story.does(inputs.Step).last == ["run.stepped", "node.started b"]


# -- numbers ------------------------------------------------------------------------------


def test_a_command_that_is_delivered_twice_counts_once() -> None:
    story = Story(CHAIN)
    pause = story.command(inputs.Pause)
    seq = story.feed(pause).batch[0].seq

    duplicate = story.refuses(pause)
    assert isinstance(duplicate, DuplicateCommand)
    assert duplicate.seq == seq
    story.does(inputs.Resume)
    assert isinstance(story.refuses(pause), DuplicateCommand)


def test_a_command_is_known_by_its_number_whatever_it_says() -> None:
    story = Story(CHAIN).does(inputs.Patch, patch={"x": 1})

    again = story.command(inputs.Cancel, n=1)
    assert story.refuses(again).code == "DUPLICATE_COMMAND"


def test_a_command_that_was_refused_may_come_again_with_its_number() -> None:
    story = Story(CHAIN)
    resume = story.command(inputs.Resume)
    story.refuses(resume)

    story.does(inputs.Pause)
    assert story.feed(resume).status == "running"


def test_every_command_that_was_taken_is_known_again() -> None:
    story = Story(CHAIN)
    taken = [
        story.command(inputs.Pause),
        story.command(inputs.Step),
        story.command(inputs.Patch, patch={"x": 1}),
        story.command(inputs.RaiseLimit, limit="max_visits", value=5),
        story.command(inputs.SetBreakpoints, breakpoints=()),
        story.command(inputs.Skip, activation=story.activation("a")),
        story.command(inputs.Resume),
        story.command(inputs.Cancel),
    ]
    for given in taken:
        seq = story.feed(given).batch[0].seq  # type: ignore[arg-type]  # they are inputs
        duplicate = story.refuses(given)  # type: ignore[arg-type]  # as above
        assert isinstance(duplicate, DuplicateCommand)
        assert duplicate.seq == seq


# -- patch and skip -----------------------------------------------------------------------


def test_a_patch_reaches_what_is_running_what_waits_and_what_backs_off() -> None:
    graph = workflow(
        {"a": ["b", "c", "k"], "b": "d", "c": "d"}, {"c": {"retry": {"max_attempts": 2}}}
    )
    story = Story(graph).plays("a x=1 -> b c k", "b -> c k", "c!BUSY -> k")

    story.does(inputs.Patch, patch={"x": 2}, actor="ann")
    assert [each.state for each in story.view.branches] == [{"x": 2}] * 3
    assert getattr(story.batch[0], "actor", "") == "ann"
    story.plays("time -> c k")
    assert story.reads("c") == {"x": 2}


def test_a_patch_may_be_for_what_is_at_one_node() -> None:
    story = Story(DIAMOND).completes("a", x=1).does(inputs.Patch, patch={"x": 2}, node="c")

    assert (story.reads("b"), story.reads("c")) == ({"x": 1}, {"x": 2})


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"patch": {}}, "empty"),
        ({"patch": {"x": 1}, "node": "bb"}, "did you mean 'b'"),
        ({"patch": {"x": 1}, "node": "d"}, "messages are at b, c"),
        ({"patch": {"x": float("nan")}}, "nan"),
        ({"patch": {"x": 2**63}}, "64 bits"),
        ({"patch": {1: 1}}, "key"),
    ],
)
def test_a_patch_that_makes_no_sense_is_refused(fields: dict[str, object], word: str) -> None:
    story = Story(DIAMOND).completes("a")

    assert word in str(story.refuses(story.command(inputs.Patch, **fields)))


def test_a_node_that_runs_can_be_skipped_and_its_own_result_is_stale() -> None:
    story = Story(DIAMOND).completes("a")
    late = story.result("b", patch={"x": "late"})

    story.does(inputs.Skip, activation=late.activation, patch={"x": "given"})
    assert story.last == ["node.skipped b", "message.sent b -> d"]
    assert story.refuses(late).code == "STALE_RESULT"
    assert story.completes("c").reads("d") == {"x": "given"}


def test_to_skip_follows_the_rules_of_the_node_and_its_reducers() -> None:
    rules = [{"when": "size(x) > 1", "to": "c"}, {"to": "b"}]
    graph = workflow({"a": rules}, state={"reducers": {"x": "append"}, "defaults": {"x": [0]}})
    story = Story(graph)

    story.does(inputs.Skip, activation=story.activation("a"), patch={"x": 1})
    assert story.active == ["c"]
    assert story.reads("c") == {"x": [0, 1]}


@pytest.mark.parametrize("patch", [{"x": 1}, {"go": "?"}, {"x": float("nan")}])
def test_to_skip_with_a_result_the_node_could_not_give_is_refused(patch: dict[str, object]) -> None:
    graph = workflow({"a": [{"when": "go", "to": "b"}]}, state={"reducers": {"x": "extend"}})
    story = Story(graph)

    story.refuses(story.command(inputs.Skip, activation=story.activation("a"), patch=patch))
    assert story.active == ["a"]


def test_to_skip_what_is_not_there_is_refused_and_told_what_is() -> None:
    story = Story(DIAMOND).completes("a")

    refusal = story.refuses(story.command(inputs.Skip, activation=1))
    assert "no activation 1" in refusal.message
    assert "(b)" in refusal.hint


# -- cancel -------------------------------------------------------------------------------


def test_to_cancel_ends_the_run_at_once_and_its_messages_stay_open() -> None:
    story = Story(DIAMOND).completes("a", x=1).completes("b").does(inputs.Cancel, reason="enough")

    assert story.last == ["run.cancelled"]
    assert (story.status, story.active, story.due, story.state) == ("cancelled", [], None, {"x": 1})
    assert story.counts == (4, 2, 0, 2)
    assert getattr(story.batch[0], "reason", "") == "enough"
