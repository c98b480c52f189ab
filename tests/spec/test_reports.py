"""What is told of a run that has failed, or is paused with an error."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from engine.report import Report, RunFailed
from engine.run import fold
from tests.spec.evidence import fingerprint
from tests.spec.story import NOON, Story, workflow

CHAIN = workflow({"a": "b", "b": "c"}, name="chain")


def reported(story: Story, *, log: bool = True) -> Report:
    """Give the report with all there is to know."""
    entries = story.entries if log else ()
    return Report.of(story.run, lambda: fold(story.graph, story.entries), log=entries)


def lost() -> Story:
    """A run that failed in its second node."""
    return Story(CHAIN).completes("a", x=[1]).fails("b", "LOST", details={"tried": [1]})


# -- what it says -------------------------------------------------------------------------


def test_a_report_says_what_failed_where_on_what_and_what_can_be_done() -> None:
    report = reported(lost())

    assert (report.run_id, report.graph_id, report.status) == ("r", "chain", "failed")
    assert (report.error.code, report.error.details) == ("LOST", {"tried": [1]})
    assert (report.node, report.activation, report.attempt) == ("b", 4, 1)
    assert (report.messages, report.state) == ((4,), {"x": [1]})
    assert [each.name for each in report.actions] == ["retry", "fork"]


def test_nobody_looks_for_actions_who_can_not_fold_the_run_again() -> None:
    report = Report.of(lost().run)

    assert report.actions == ()
    assert (report.node, report.state) == ("b", {"x": [1]})


def test_a_node_that_could_not_fire_is_told_with_what_it_was_to_run_on() -> None:
    graph = workflow({"a": ["b", "c"], "b": "d", "c": "d"})
    story = Story(graph).plays("a -> b c", "b x=1 -> c", "c x=2 -> failed STATE_CONFLICT")
    report = reported(story)

    assert (report.node, report.attempt) == ("d", 0)
    assert len(report.messages) == 2


def test_the_failure_of_a_run_as_a_whole_has_no_node() -> None:
    graph = workflow({"a": "b"}, limits={"deadline": 40})
    report = reported(Story(graph, {"x": 1}).time_passes())

    assert (report.node, report.activation, report.attempt) == (None, None, None)
    assert (report.messages, report.state) == ((), {"x": 1})


def test_a_run_that_is_paused_with_an_error_can_be_reported_on_too() -> None:
    graph = workflow({"a": "b"}, {"a": {"on_exhausted": "pause"}})
    report = reported(Story(graph, {"x": 1}).fails("a", "LOST"))

    assert (report.status, report.node, report.attempt) == ("paused", "a", 1)
    assert report.state == {"x": 1}
    assert [each.name for each in report.actions] == ["resume", "skip", "cancel"]


def test_the_attempts_before_the_last_are_told_where_the_log_is_there() -> None:
    retry = {"max_attempts": 3, "delay": 0}
    graph = workflow({"s": ["a", "b"]}, {"a": {"retry": retry}, "b": {"retry": retry}})
    story = Story(graph).completes("s").fails("a", "BUSY").fails("b", "ELSEWHERE")
    story.fails("a", "SLOW").fails("a", "LOST")

    earlier = reported(story).earlier
    assert [(each.attempt, each.error.code) for each in earlier] == [(1, "BUSY"), (2, "SLOW")]
    assert earlier[0].at == NOON + timedelta(seconds=2)
    assert reported(story, log=False).earlier == ()


def test_the_attempts_of_the_run_it_was_forked_from_are_told_too() -> None:
    story = lost().forks().fails("b", "GONE")

    assert [each.error.code for each in reported(story).earlier] == ["LOST"]


def test_of_very_many_attempts_the_last_are_told() -> None:
    graph = workflow({"a": "b"}, {"a": {"retry": {"max_attempts": 30, "delay": 0}}})
    story = Story(graph)
    while story.status == "running":
        story.fails("a", "BUSY")

    assert [each.attempt for each in reported(story).earlier] == [*range(10, 30)]


def test_who_changes_what_a_report_holds_changes_nothing_of_the_run() -> None:
    story = lost()
    before = fingerprint(story.run)
    for report in (reported(story), Report.of(story.run)):
        report.state["x"] = report.error.details["tried"] = None
    for state in (reported(story).state["x"], reported(story).error.details["tried"]):
        assert isinstance(state, list)
        state.append(2)
    assert fingerprint(story.run) == before

    graph = workflow({"a": "b"}, limits={"deadline": 40})
    late = Story(graph, {"x": [1]}).time_passes()
    value = reported(late).state["x"]
    assert isinstance(value, list)
    value.append(2)
    assert late.state == {"x": [1]}


def test_a_report_can_be_sent_as_json_with_its_actions() -> None:
    sent = msgspec.json.decode(msgspec.json.encode(reported(lost())))

    assert sent["error"] == {"code": "LOST", "message": "it broke", "details": {"tried": [1]}}
    assert sent["actions"][1]["arguments"] == {"skip": {}, "keep_keys": True}


# -- as text ------------------------------------------------------------------------------


def test_as_text_a_report_is_read_from_top_to_bottom() -> None:
    graph = workflow({"a": "b"}, {"a": {"retry": {"max_attempts": 2, "delay": 0}}}, name="review")
    story = Story(graph, {"text": "hello", "n": 1}).fails("a", "BUSY")
    story.fails("a", "LOST", hint="look into\nthe cellar", cause=("OSError: gone", "KeyError: 'x'"))

    assert str(reported(story)).splitlines() == [
        "run 'r' of graph 'review' failed at node 'a' (attempt 2): LOST",
        "  it broke",
        "  caused by  OSError: gone",
        "             KeyError: 'x'",
        "  before     attempt 1: BUSY: it broke",
        '  state      text = "hello"',
        "             n = 1",
        "  hint       look into",
        "             the cellar",
        "  what can be done:",
        (
            "    1. make another attempt of node 'a' in a new run, on the same state; what has "
            "completed is not done again"
        ),
        "       retry()",
        "    2. go on in a new run as if node 'a' had written nothing",
        "       fork(skip={}, keep_keys=True)",
    ]


def test_as_text_a_report_leaves_out_what_there_is_not() -> None:
    graph = workflow({"a": "b"}, {"b": {"on_limit": "pause"}}, limits={"max_activations": 1})
    paused = Story(graph).completes("a")

    lines = str(Report.of(paused.run)).splitlines()
    assert lines == [
        "run 'r' of graph '' is paused: ACTIVATION_LIMIT",
        "  the run has fired 1 nodes, its limit",
        "  hint       raise the limit max_activations",
    ]
    assert str(reported(paused)).splitlines()[3:] == [
        "  what can be done:",
        "    1. go on with the limit max_activations raised from 1 to 2",
        "       raise_limits(limits={'max_activations': 2}, resume=True)",
        "    2. end the run now",
        "       cancel()",
    ]


def test_as_text_a_node_that_could_not_fire_has_no_attempt() -> None:
    graph = workflow({"a": "b"}, {"b": {"max_visits": 1}}, limits={"max_activations": 1})

    first = str(Report.of(Story(graph).completes("a").run)).splitlines()[0]
    assert first.endswith("failed at node 'b' (before it could run): ACTIVATION_LIMIT")


def test_as_text_long_values_are_cut_and_many_keys_counted() -> None:
    state = {"long": "x" * 1_000, **{f"k{n}": n for n in range(40)}}
    lines = str(Report.of(Story(CHAIN, state).fails("a", "LOST").run)).splitlines()

    assert max(map(len, lines)) < 100
    assert lines[-1] == "             and 21 keys more"


def test_what_a_tool_says_can_not_command_the_terminal() -> None:
    state = {"\x1b[2J": "\x9b31m"}
    text = str(reported(Story(CHAIN, state).fails("a", "LOST", hint="\x1b]0;x\x07\t\u202e")))

    assert all(each.isprintable() for each in text.splitlines())
    assert "\\x1b]0;x\\x07\\t\\u202e" in text


# -- as an exception ----------------------------------------------------------------------


def test_as_an_exception_it_is_one_line_with_the_report_beside_it() -> None:
    report = reported(lost())
    failed = RunFailed(report)

    assert str(failed) == "run 'r' of graph 'chain' failed at node 'b': it broke"
    assert (failed.code, failed.details) == ("LOST", {"tried": [1]})
    assert failed.report is report
