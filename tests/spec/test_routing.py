"""Where a node that has ended sends its messages: docs/semantics.md 2.1 and 5."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.spec.story import Story, workflow

if TYPE_CHECKING:
    from engine.graph import Graph
    from engine.ids import Json


def ways(*rules: object, every: bool = False) -> Graph:
    """A node `a` with rules."""
    way: object = {"all": list(rules)} if every else list(rules)
    return workflow({"a": way})


# -- rules --------------------------------------------------------------------------------


@pytest.mark.parametrize(("x", "goes"), [(9, "b"), (5, "c"), (1, "d")])
def test_the_first_rule_that_holds_wins(x: int, goes: str) -> None:
    graph = ways({"when": "x > 7", "to": "b"}, {"when": "x > 3", "to": "c"}, {"to": "d"})

    Story(graph).plays(f"a x={x} -> {goes}", f"{goes} -> completed")


@pytest.mark.parametrize(("x", "goes"), [(9, "b c d"), (5, "c d"), (1, "d")])
def test_of_all_rules_every_one_that_holds_is_taken(x: int, goes: str) -> None:
    graph = ways(
        {"when": "x > 7", "to": "b"}, {"when": "x > 3", "to": ["c"]}, {"to": "d"}, every=True
    )

    Story(graph).plays(f"a x={x} -> {goes}")


def test_two_rules_that_name_one_target_are_one_message() -> None:
    graph = ways({"when": "x > 0", "to": ["b", "c"]}, {"to": ["c", "d"]}, every=True)

    story = Story(graph).plays("a x=1 -> b c d")
    assert [word for word in story.last if word.startswith("message")] == [
        "message.sent a -> b",
        "message.sent a -> c",
        "message.sent a -> d",
    ]


def test_a_rule_to_nothing_ends_the_branch() -> None:
    graph = ways({"when": "stop", "to": None}, {"to": ["b", "c", "d"]})

    Story(graph).plays("a stop=true -> completed")
    Story(graph).plays("a stop=false -> b c d")


def test_rules_read_the_state_after_the_write_of_their_own_node() -> None:
    state = {"reducers": {"log": "append"}, "defaults": {"log": []}}
    graph = workflow({"a": [{"when": "size(log) < 3", "to": "a"}, {"to": "b"}]}, state=state)

    Story(graph).plays("a log=1 -> a", "a log=2 -> a", "a log=3 -> b")


def test_rules_read_what_was_overwritten() -> None:
    state = {"reducers": {"log": "append"}, "defaults": {"log": [1, 2]}}
    graph = workflow({"a": [{"when": "log == []", "to": "c"}, {"to": "b"}]}, state=state)

    assert Story(graph).overwrites("a", log=[]).active == ["c"]
    assert Story(graph).completes("a", log=[]).active == ["b"]


def test_rules_read_nothing_that_a_sibling_wrote() -> None:
    rules = [{"when": "x == 1", "to": "d"}, {"to": "e"}]
    graph = workflow({"a": ["b", "c"], "b": None, "c": rules}, state={"defaults": {"x": 0}})

    Story(graph).plays("a -> b c", "b x=1 -> c", "c -> e")


# -- no rule holds ------------------------------------------------------------------------


def test_where_no_rule_holds_the_run_fails_and_shows_conditions_and_values() -> None:
    graph = ways({"when": "x > 7 && ok", "to": ["b", "c"]}, {"when": "x < 0", "to": "d"})

    story = Story(graph, {"ok": True}).plays("a x=1 -> failed NO_ROUTE")
    assert story.last == ["node.failed a NO_ROUTE fails", "run.failed NO_ROUTE"]
    assert story.error is not None
    assert story.error.details["rules"] == [
        {"when": "x > 7 && ok", "values": {"ok": True, "x": 1}},
        {"when": "x < 0", "values": {"x": 1}},
    ]
    assert "'x > 7 && ok' is false" in story.error.message
    assert story.state == {"ok": True}  # the write of a node that failed is not there


def test_where_all_of_them_is_asked_and_none_holds_it_is_the_same_error() -> None:
    graph = ways({"when": "x > 7", "to": ["b", "c"]}, {"when": "x < 0", "to": "d"}, every=True)

    Story(graph).plays("a x=1 -> failed NO_ROUTE")


def test_where_every_rule_leads_back_the_loop_is_left() -> None:
    graph = workflow({"a": "b", "b": [{"when": "again", "to": "a"}]})

    Story(graph).plays("a -> b", "b again=true -> a", "a -> b", "b again=false -> completed")


def test_a_loop_is_left_to_where_other_branches_are() -> None:
    graph = workflow({"s": ["a", "k"], "a": [{"when": "again", "to": "a"}], "k": None})

    Story(graph).plays("s -> a k", "a again=false -> k", "k -> completed")


def test_one_rule_that_leads_on_is_enough_for_the_error() -> None:
    rules = [{"when": "x == 1", "to": "a"}, {"when": "x == 2", "to": "c"}]

    Story(workflow({"a": "b", "b": rules})).plays("a -> b", "b x=3 -> failed NO_ROUTE")


def test_a_rule_to_nothing_that_does_not_hold_does_not_lead_back() -> None:
    graph = workflow({"a": [{"when": "x == 1", "to": "a"}, {"when": "x == 2", "to": None}]})

    Story(graph).plays("a x=1 -> a", "a x=3 -> failed NO_ROUTE")
    Story(graph).plays("a x=1 -> a", "a x=2 -> completed")


def test_rules_for_errors_do_not_count_for_a_node_that_succeeded() -> None:
    Story(ways({"on": "error", "to": ["b", "c", "d"]})).plays("a -> completed")


# -- rules for errors ---------------------------------------------------------------------


@pytest.mark.parametrize(("code", "goes"), [("BUSY", "b"), ("OTHER", "c")])
def test_an_error_is_taken_by_the_rule_for_its_code_or_for_any(code: str, goes: str) -> None:
    graph = ways({"on": "BUSY", "to": "b"}, {"on": "error", "to": "c"}, {"to": "d"})

    story = Story(graph).plays(f"a!{code} -> {goes}")
    assert story.last[:2] == [f"node.failed a {code} routed", f"message.sent a -> {goes}"]
    story.plays(f"{goes} -> completed")
    Story(graph).plays("a -> d")


def test_of_all_rules_every_one_that_fits_the_error_is_taken() -> None:
    graph = ways({"on": "BUSY", "to": "b"}, {"on": "error", "to": "c"}, {"to": "d"}, every=True)

    Story(graph).plays("a!BUSY -> b c")
    Story(graph).plays("a -> d")


def test_a_rule_for_an_error_may_have_a_condition_which_reads_the_state_before_the_node() -> None:
    graph = ways({"on": "error", "when": "x > 0", "to": "b"}, {"on": "BUSY", "to": ["c", "d"]})

    Story(graph, {"x": 1}).plays("a!BUSY -> b")
    Story(graph, {"x": 0}).plays("a!BUSY -> c d")
    Story(graph, {"x": 0}).plays("a!LOST -> failed LOST")


def test_an_error_that_no_rule_takes_fails_the_run() -> None:
    story = Story(ways({"on": "BUSY", "to": ["b", "c"]}, {"to": "d"})).plays(
        "a!LOST -> failed LOST"
    )

    assert story.last == ["node.failed a LOST fails", "run.failed LOST"]


def test_an_error_whose_rule_leads_nowhere_ends_the_branch_as_it_was() -> None:
    graph = workflow({"s": ["a", "k"], "a": [{"on": "error", "to": None}, {"to": "b"}]})

    story = Story(graph).plays("s x=1 -> a k", "a!LOST -> k", "k -> completed")
    assert story.state == {"x": 1}


def test_the_errors_of_routing_are_errors_of_the_node_which_a_rule_may_take() -> None:
    graph = ways({"when": "x > 7", "to": ["c", "d"]}, {"on": "NO_ROUTE", "to": "b"})

    story = Story(graph).plays("a x=1 -> b")
    assert story.last[0] == "node.failed a NO_ROUTE routed"
    assert story.reads("b") == {}


def test_what_an_error_rule_sends_carries_the_history_without_a_write() -> None:
    graph = ways({"on": "error", "to": ["b", "c", "d"]})

    assert Story(graph, {"x": 1}).fails("a", "LOST").reads("c") == {"x": 1}


def test_a_condition_that_fails_while_an_error_is_routed_becomes_the_error_with_its_cause() -> None:
    graph = ways({"on": "error", "when": "missing > 1", "to": ["b", "c", "d"]})

    story = Story(graph).plays("a!LOST -> failed CONDITION_MISSING_KEY")
    assert story.error is not None
    assert story.error.cause == ("LOST: it broke",)


# -- conditions that fail -----------------------------------------------------------------


def test_a_condition_on_a_key_that_a_sibling_wrote_names_the_writer_and_the_cure() -> None:
    rules = [{"when": "score > 1", "to": "d"}, {"to": None}]
    graph = workflow({"a": ["writer", "c"], "writer": None, "c": rules})

    story = Story(graph).plays(
        "a -> c writer", "writer score=5 -> c", "c -> failed CONDITION_MISSING_KEY"
    )
    assert story.error is not None
    assert story.error.details["writer"] == "writer"
    assert "'writer'" in story.error.hint
    assert "state.defaults" in story.error.hint


@pytest.mark.parametrize(
    ("when", "x", "code"),
    [
        ("x > 1", "two", "CONDITION_TYPE"),
        ("x", 1, "CONDITION_NOT_BOOL"),
        ("y > 1", 1, "CONDITION_MISSING_KEY"),
    ],
)
def test_a_condition_that_can_not_be_evaluated_fails_its_node_once(
    when: str, x: Json, code: str
) -> None:
    graph = workflow(
        {"a": [{"when": when, "to": "b"}, {"to": "c"}]}, {"a": {"retry": {"max_attempts": 3}}}
    )

    story = Story(graph).completes("a", x=x)  # the tool did its part: it is not called again
    assert story.last == [f"node.failed a {code} fails", f"run.failed {code}"]


# -- goto ---------------------------------------------------------------------------------

ROUTED = workflow({"a": "b"}, {"a": {"routes": ["c", "d"]}, "c": {}, "d": {}})


def test_a_tool_may_name_its_successors_which_replaces_the_rules() -> None:
    assert Story(ROUTED).goes("a", "d", x=1).active == ["d"]
    assert Story(ROUTED).goes("a", "c", "d").active == ["c", "d"]
    assert Story(ROUTED).goes("a", "d", "d").active == ["d"]
    assert Story(ROUTED).goes("a", "d", x=1).reads("d") == {"x": 1}
    assert Story(ROUTED).completes("a").active == ["b"]


def test_a_tool_that_names_no_successor_ends_the_branch() -> None:
    assert Story(ROUTED).goes("a").status == "completed"


@pytest.mark.parametrize("target", ["b", "a", "nowhere"])
def test_a_successor_that_is_not_declared_is_the_error_of_the_node(target: str) -> None:
    story = Story(ROUTED).goes("a", "c", target)

    assert story.last == ["node.failed a ROUTE_NOT_DECLARED fails", "run.failed ROUTE_NOT_DECLARED"]
    assert story.error is not None
    assert story.error.details == {"goto": ["c", target], "routes": ["c", "d"]}
    assert f"'{target}'" in story.error.message


def test_a_branch_that_a_tool_did_not_choose_does_not_block_a_join() -> None:
    graph = workflow({"a": [], "b": "d", "c": "d"}, {"a": {"routes": ["b", "c"]}})

    assert Story(graph).goes("a", "c").plays("c -> d").active == ["d"]
    Story(graph).goes("a", "c", "b").plays("c -> b", "b -> d")
