"""What becomes of a run by the actions it is offered, and what it is not offered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine import inputs
from engine.entry import Breakpoint
from tests.spec.evidence import fingerprint
from tests.spec.story import Story, workflow
from tests.spec.test_actions import (
    CHAIN,
    DIAMOND,
    ENDLESS,
    LEAVES,
    PAUSES,
    carried_out,
    fails,
    finished,
    named,
    offered,
)

if TYPE_CHECKING:
    from engine.action import Action
    from engine.ids import Json


def only(story: Story) -> Action:
    """Give the one action that is offered."""
    (action,) = offered(story)
    return action


# -- another attempt ----------------------------------------------------------------------


def test_a_retry_makes_another_attempt_on_the_same_state_and_nothing_else_again() -> None:
    story = Story(CHAIN).plays("a x=1 -> b", "b!LOST -> failed LOST")
    retry, skip = offered(story)
    assert retry.says == (
        "make another attempt of node 'b' in a new run, on the same state; "
        "what has completed is not done again"
    )
    assert skip.says == "go on in a new run as if node 'b' had written nothing"

    again = carried_out(story, retry)
    assert again.last == ["run.forked", "node.started b 2"]
    assert (again.reads("b"), again.run.root) == ({"x": 1}, "r")


def test_a_skip_goes_on_as_if_the_node_had_written_nothing() -> None:
    story = Story(CHAIN).plays("a x=1 -> b", "b!LOST -> failed LOST")
    _, skip = offered(story)

    skipped = carried_out(story, skip)
    assert skipped.last[1:] == ["node.skipped b", "message.sent b -> c", "node.started c"]
    assert skipped.reads("c") == {"x": 1}


def test_where_several_nodes_failed_all_are_named_and_all_get_another_attempt() -> None:
    graph = workflow({"s": ["a", "b"], "a": "d"}, on_failure="drain")
    story = Story(graph).plays("s -> a b", "b!LOST -> a", "a!GONE -> failed LOST")
    retry, skip = offered(story)

    assert "of nodes 'a' and 'b'" in retry.says
    assert carried_out(story, retry).active == ["a", "b"]
    assert carried_out(story, skip).active == ["d"]


def test_what_says_itself_that_it_can_not_be_helped_is_retried_last() -> None:
    assert named(offered(fails("NO_WORD", retryable=False)())) == ["fork skip", "retry"]
    assert named(offered(fails("NO_WORD")())) == ["retry", "fork skip"]


@pytest.mark.parametrize("code", ["MISSING_INPUT", "MISSING_OUTPUT", "BAD_RESULT"])
def test_before_a_retry_that_would_fail_the_same_way_it_is_said_what_to_mend(code: str) -> None:
    *_, retry = offered(fails(code, retryable=False)())

    assert retry.name == "retry"
    assert "mend its tool first" in retry.says


def test_a_node_is_not_skipped_if_its_rules_need_what_it_writes() -> None:
    graph = workflow({"a": [{"when": "ok", "to": "b"}]})

    assert named(offered(Story(graph).fails("a", "LOST"))) == ["retry"]
    assert named(offered(Story(graph, {"ok": True}).fails("a", "LOST"))) == ["retry", "fork skip"]


def test_a_node_is_not_skipped_if_the_run_would_then_fail_at_once() -> None:
    rules = [{"when": "has(state.ok)", "to": "d"}, {"to": None}]
    graph = workflow({"a": ["b", "c"], "b": "d", "c": rules}, {"d": {"join": {"count": 2}}})

    story = Story(graph).plays("a -> b c", "b -> c", "c!LOST -> failed LOST")
    assert named(offered(story)) == ["retry"]
    story = Story(graph).plays("a ok=true -> b c", "b -> c", "c!LOST -> failed LOST")
    assert named(offered(story)) == ["retry", "fork skip"]


def test_what_a_tool_calls_like_a_limit_of_the_engine_is_the_error_of_a_tool() -> None:
    for code in ("LOOP_LIMIT", "DEADLINE_EXCEEDED", "STATE_CONFLICT", "TOO_MANY_MESSAGES"):
        assert named(offered(fails(code)())) == ["retry", "fork skip"]
        assert "raise_limits" not in str(offered(fails(code, PAUSES)()))


@pytest.mark.parametrize(
    "details", [{}, {"parameter": 1}, {"parameter": ["text"]}, {"key": "text"}, {"size": "large"}]
)
@pytest.mark.parametrize("code", ["MISSING_INPUT", "CONDITION_MISSING_KEY", "STATE_TOO_LARGE"])
def test_details_that_a_tool_made_up_change_nothing(code: str, details: dict[str, object]) -> None:
    found = offered(fails(code, CHAIN, {"txt": 1}, details=details)())

    assert set(named(found)) <= {"retry", "fork skip"}


# -- a key that is not there --------------------------------------------------------------


def test_a_missing_input_is_taken_from_the_key_with_a_name_close_to_its_own() -> None:
    state = {"txt": ["hello"], "other": 1}
    story = fails("MISSING_INPUT", CHAIN, state, details={"parameter": "text"}, retryable=False)()
    patch, *_ = offered(story)
    assert patch.says == "make another attempt in a new run, with the value of 'txt' as 'text'"

    assert carried_out(story, patch).reads("a") == {**state, "text": ["hello"]}


def test_a_missing_input_of_a_paused_run_is_given_to_its_node_alone() -> None:
    graph = workflow({"s": ["a", "b"]}, {"a": {"on_exhausted": "pause"}})
    story = Story(graph).completes("s", txt="hello")
    story.fails("a", "MISSING_INPUT", details={"parameter": "text"}, retryable=False)
    patch, resume, *_ = offered(story)
    assert patch.says == "give node 'a' the value of 'txt' as 'text'; then resume the run"

    carried_out(story, patch)
    assert "patch" not in str(named(offered(story))[0])  # it is there now
    carried_out(story, resume)
    assert story.reads("a") == {"text": "hello", "txt": "hello"}
    assert story.reads("b") == {"txt": "hello"}


def test_a_missing_input_with_few_values_may_be_any_of_them() -> None:
    known = {"parameter": "loud", "values": [True, None]}
    story = fails("MISSING_INPUT", CHAIN, {"x": 1}, details=known, retryable=False)()
    true, null, *others = offered(story)

    assert named(others) == ["fork skip", "retry"]
    assert true.says == "make another attempt in a new run, with true as 'loud'"
    assert carried_out(story, true).reads("a") == {"x": 1, "loud": True}
    assert carried_out(story, null).reads("a") == {"x": 1, "loud": None}


def test_a_missing_input_of_a_paused_run_may_be_any_of_few_values() -> None:
    known = {"parameter": "loud", "values": [True]}
    story = fails("MISSING_INPUT", PAUSES, details=known, retryable=False)()
    patch, resume, *_ = offered(story)
    assert patch.says == "give node 'a' true as 'loud'; then resume the run"
    assert resume.says.endswith("or give the run a patch that has 'loud'")

    carried_out(story, patch)
    assert carried_out(story, offered(story)[0]).reads("a") == {"loud": True}


@pytest.mark.parametrize("values", [[1, 2, 3, 4, 5], [], {}, "yes", None])
def test_of_a_missing_input_with_any_other_values_none_is_made_up(values: Json) -> None:
    known = {"parameter": "n", "values": values}
    found = offered(fails("MISSING_INPUT", details=known, retryable=False)())

    assert named(found) == ["fork skip", "retry"]
    assert found[1].says.endswith("or fork the run with a patch that has 'n'")


# -- limits -------------------------------------------------------------------------------


def test_a_loop_at_its_limit_goes_on_with_twice_as_much() -> None:
    story = Story(ENDLESS(limits={"max_visits": 2})).plays(
        "a -> b", "b n=1 -> a", "a -> b", "b n=2 -> failed LOOP_LIMIT"
    )
    action = only(story)
    assert action.arguments == {"limits": {"max_visits": 4}, "keep_keys": True}
    assert action.says == "go on in a new run with the limit max_visits raised from 2 to 4"

    again = carried_out(story, action)
    again.plays("a -> b", "b n=3 -> a", "a -> b", "b n=4 -> failed LOOP_LIMIT")
    assert only(again).arguments["limits"] == {"max_visits": 8}


def test_the_limit_of_one_node_is_not_raised_to_less_than_the_others_have() -> None:
    story = Story(ENDLESS({"a": {"max_visits": 1}})).plays("a -> b", "b n=1 -> failed LOOP_LIMIT")

    action = only(story)
    assert action.arguments["limits"] == {"max_visits": 1_000}
    assert carried_out(story, action).run.limits.max_visits == 1_000


def test_a_limit_is_raised_as_far_as_it_takes() -> None:
    graph = workflow({"a": "b"}, limits={"max_state": 1_000})
    story = Story(graph).completes("a", x="x" * 5_000)
    raised, _ = offered(story)
    assert raised.arguments["limits"] == {"max_state": 8_000}

    assert carried_out(story, raised).completes("a", x="x" * 5_000).active == ["b"]


@pytest.mark.parametrize(("limit", "raised"), [(150, 200), (200, None)])
def test_a_limit_is_not_raised_beyond_what_is_allowed(limit: int, raised: int | None) -> None:
    deep: object = 1
    for _ in range(201):
        deep = [deep]
    graph = workflow({"a": "b"}, limits={"max_depth": limit})
    story = Story(graph).completes("a", x=deep)  # type: ignore[arg-type]  # it is JSON

    limits = [each.arguments.get("limits") for each in offered(story)]
    assert limits == [*([{"max_depth": raised}] if raised else []), None, None]


def test_at_a_limit_it_is_no_use_to_resume_until_the_limit_is_raised() -> None:
    graph = ENDLESS({"a": {"max_visits": 1, "on_limit": "pause"}})
    story = Story(graph).plays("a -> b", "b n=1 -> paused LOOP_LIMIT")
    assert named(offered(story)) == ["raise_limits limits resume", "cancel"]

    story.does(inputs.RaiseLimit, limit="max_visits", value=3)
    assert named(offered(story)) == ["resume", "cancel"]


def test_what_ran_out_of_time_has_it_again_in_a_new_run_or_twice_as_much() -> None:
    graph = workflow({"a": "b"}, limits={"deadline": 40})
    story = Story(graph).later(30).plays("time -> failed DEADLINE_EXCEEDED")
    twice, retry = offered(story)

    assert twice.arguments["limits"] == {"deadline": 80}
    assert (carried_out(story, twice).wait(), carried_out(story, retry).wait()) == (80, 40)


# -- branches that can't meet -------------------------------------------------------------


def test_a_conflict_is_settled_by_what_one_of_the_branches_wrote() -> None:
    story = Story(DIAMOND).plays("a -> b c", "b x=1 -> c", "c x=2 -> failed STATE_CONFLICT")
    first, second = offered(story)

    assert first.says == "go on in a new run with 'x' = 1 as 'b' wrote it, in all branches"
    assert second.says == "go on in a new run with 'x' = 2 as 'c' wrote it, in all branches"
    assert carried_out(story, first).reads("d") == {"x": 1}
    assert carried_out(story, second).reads("d") == {"x": 2}


def test_a_conflict_of_several_keys_is_settled_by_all_that_one_branch_wrote() -> None:
    story = Story(DIAMOND).plays(
        "a z=0 -> b c", "b x=1 y=[1] z=1 -> c", "c x=2 y=[2] -> failed STATE_CONFLICT"
    )

    settled = [carried_out(story, each).reads("d") for each in offered(story)]
    assert settled == [{"x": 1, "y": [1], "z": 1}, {"x": 2, "y": [2], "z": 1}]


def test_a_value_that_several_wrote_is_offered_once_and_never_more_than_four_are() -> None:
    wide = workflow({"a": list("bcdefg"), **dict.fromkeys("bcdefg", "z")})
    story = Story(wide).completes("a")
    for node, x in zip("bcdefg", (1, 1, 2, 3, 4, 5), strict=True):
        story.completes(node, x=x)

    assert [each.arguments["patch"] for each in offered(story)] == [{"x": x} for x in (1, 2, 3, 4)]


def test_who_differs_in_very_many_keys_is_not_asked_to_choose() -> None:
    for keys, choices in ((8, 2), (9, 0)):
        story = Story(DIAMOND).completes("a")
        story.completes("b", **{f"k{n}": 1 for n in range(keys)})
        story.completes("c", **{f"k{n}": 2 for n in range(keys)})
        assert len(offered(story)) == choices


def test_a_value_that_was_written_over_on_the_way_is_not_offered() -> None:
    graph = workflow({"a": ["b", "c", "e"], "b": "d", "c": "d", "e": "d"})
    story = Story(graph).plays("a x=0 -> b c e", "e -> b c", "b x=1 -> c")
    story.completes("c", x=2)

    assert [each.arguments["patch"] for each in offered(story)] == [{"x": 1}, {"x": 2}]


def test_a_value_of_any_size_is_taken_from_who_wrote_it_and_not_from_the_error() -> None:
    long = "x" * 150_000
    story = Story(DIAMOND).completes("a").completes("b", x=long).completes("c", x="short")
    assert story.error is not None
    assert isinstance(story.error.details["writes"], str)

    assert [each.arguments["patch"] for each in offered(story)] == [{"x": long}, {"x": "short"}]
    assert max(len(each.says) for each in offered(story)) < 200


def test_in_the_end_the_node_that_came_last_runs_again_after_the_others() -> None:
    story = Story(LEAVES).plays("a -> b c", "c x=1 -> b", "b x=2 -> failed STATE_CONFLICT")
    action = only(story)
    assert action.says == (
        "run node 'b' again in a new run, with 'x' = 1 as 'c' wrote it; what it writes then "
        "takes the place of that"
    )

    again = carried_out(story, action)
    assert (again.active, again.reads("b")) == (["b"], {"x": 1})
    assert again.completes("b", x=2).status == "completed"
    assert again.state == {"x": 2}


def test_in_the_end_a_node_that_wrote_none_of_it_runs_again_on_what_is_chosen() -> None:
    graph = workflow({"a": ["b", "c", "d"]})
    story = Story(graph).plays("a -> b c d", "b x=1 -> c d", "c x=2 -> d")
    first, second = offered(story.completes("d", y=3))
    assert first.says == "run node 'd' again in a new run, with 'x' = 1 as 'b' wrote it"

    assert carried_out(story, first).completes("d", y=3).state == {"x": 1, "y": 3}
    assert carried_out(story, second).completes("d", y=3).state == {"x": 2, "y": 3}


def test_nothing_goes_back_before_the_end_without_the_log_or_into_the_log_of_another_run() -> None:
    story = Story(LEAVES).plays("a -> b c", "c x=1 -> b", "b x=2 -> failed STATE_CONFLICT")
    assert offered(story, log=False) == ()

    fork = Story(LEAVES).plays("a -> b c", "c x=1 -> b").fails("b", "LOST").forks(skip={"x": 2})
    assert fork.code == "STATE_CONFLICT"
    assert offered(fork) == ()


# -- paused -------------------------------------------------------------------------------


def test_each_node_that_is_given_up_can_be_skipped_by_itself() -> None:
    nodes = {name: {"on_exhausted": "pause"} for name in "ab"}
    story = Story(workflow({"s": ["a", "b"], "a": "c"}, nodes))
    story.plays("s -> a b", "a!LOST -> paused LOST", "b!GONE -> paused GONE")
    resume, a, b, _ = offered(story)
    assert resume.says == "go on and make another attempt of nodes 'a' and 'b'"
    assert (a.says, b.arguments["patch"]) == (
        "take it that node 'a' wrote nothing; then resume the run",
        {},
    )

    carried_out(story, a)
    assert named(offered(story)) == ["resume", "skip activation patch", "cancel"]
    carried_out(story, b)
    assert [each.says for each in offered(story)] == ["go on", "end the run now"]
    assert story.does(inputs.Resume).active == ["c"]


def test_a_run_that_is_paused_while_it_drains_finishes_what_has_started_and_fails() -> None:
    graph = workflow({"s": ["a", "b"]}, on_failure="drain")
    story = Story(graph).plays("s -> a b", "a!LOST -> b").does(inputs.Pause)
    resume, cancel = offered(story)

    assert (resume.says, cancel.name) == (
        "let what has started finish; the run fails then",
        "cancel",
    )
    assert carried_out(story, resume).completes("b").code == "LOST"


def test_at_a_breakpoint_a_run_goes_on_or_takes_one_step() -> None:
    def make() -> Story:
        return Story(CHAIN, breakpoints=[Breakpoint(node="b")]).completes("a")

    resume, step, cancel = offered(make())
    assert carried_out(make(), resume).status == "running"
    assert carried_out(make(), step).status == "paused"
    assert carried_out(make(), step).active == ["b"]
    assert carried_out(make(), cancel).status == "cancelled"


# -- nothing ------------------------------------------------------------------------------


def test_a_run_that_goes_on_was_completed_or_cancelled_is_offered_nothing() -> None:
    for story in (
        Story(CHAIN),
        Story(CHAIN).does(inputs.Cancel),
        finished(Story(CHAIN), {}),
        Story(workflow({"s": ["a", "b"]}, on_failure="drain")).plays("s -> a b", "a!LOST -> b"),
    ):
        assert offered(story) == ()


def test_who_changes_what_an_action_holds_changes_nothing_of_the_run() -> None:
    state = {"txt": ["hello"]}
    story = fails("MISSING_INPUT", CHAIN, state, details={"parameter": "text"})()
    conflict = Story(DIAMOND).plays("a -> b c", "b x=[1] -> c", "c x=[2] -> failed STATE_CONFLICT")

    for each, key in ((story, "text"), (conflict, "x")):
        before = fingerprint(each.run)
        patch = offered(each)[0].arguments["patch"]
        assert isinstance(patch, dict)
        assert isinstance(patch[key], list)
        patch[key].append("more")
        assert fingerprint(each.run) == before


def test_the_same_run_read_from_its_log_is_offered_the_same() -> None:
    graph = workflow({"s": ["a", "b"], "a": "c"}, on_failure="drain")
    for story in (
        Story(graph).plays("s x=1 -> a b", "b!LOST -> a", "a -> failed LOST"),
        Story(DIAMOND).plays("a -> b c", "b x=1 -> c", "c x=2 -> failed STATE_CONFLICT"),
    ):
        assert offered(story) == offered(Story(story.graph, past=story.entries))
