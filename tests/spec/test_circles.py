"""Groups that wait only for each other, and loops entered at two places: semantics 3 and 3.7."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from engine import inputs
from engine.entry import Breakpoint
from tests.spec.story import Story, workflow

if TYPE_CHECKING:
    from engine.graph import Graph


def circle(nodes: dict[str, object] | None = None, **more: object) -> Graph:
    """`x` and `y` wait for each other: what is at one may come to the other."""
    edges = {
        "a": list(dict.fromkeys(["p", "q", *more])),
        "p": "x",
        "q": "y",
        "x": [{"when": "more", "to": "u"}, {"to": None}],
        "u": "y",
        "y": [{"when": "more", "to": "v"}, {"to": None}],
        "v": "x",
    }
    return workflow({**edges, **more}, nodes, state={"defaults": {"more": False}})


BESIDE = circle(slow=None)
STRAY = workflow(
    {"x": ["z", "r"], "z": "p", "r": "w", "w": [{"when": "stop", "to": None}, {"to": "p"}]},
    {"p": {"routes": ["r"]}},
    state={"defaults": {"stop": False}},
)


# -- circles ------------------------------------------------------------------------------


def test_in_a_circle_of_waiting_nodes_the_first_fires_whatever_else_is_running() -> None:
    Story(BESIDE).plays(
        "a -> p q slow", "q -> p slow", "p -> slow x", "x -> slow y", "y -> slow",
        "slow -> completed",
    )  # fmt: skip


def test_what_comes_round_a_circle_meets_what_waits_there() -> None:
    story = Story(BESIDE).plays("a -> p q slow", "q -> p slow", "p -> slow x")
    story.plays("x more=true -> slow u", "u -> slow y", "y -> slow v", "v -> slow x")
    story.plays("x -> slow u", "u more=false -> slow y", "y -> slow", "slow -> completed")


def test_there_is_no_circle_while_one_of_its_nodes_waits_for_something_that_runs() -> None:
    story = Story(circle(t="y")).plays("a -> p q t", "q -> p t", "p -> t", "t -> x", "x -> y")

    assert story.firings("y") == [["q", "t"]]


def test_a_circle_waits_too_while_a_run_is_paused() -> None:
    graph = circle(r="k", p=["x", "k"])
    story = Story(graph, breakpoints=[Breakpoint(node="k")]).plays("a -> p q r", "q -> p r")

    assert story.plays("r -> p", "p -> paused").last[-2:] == [
        "breakpoint.hit before k",
        "run.paused breakpoint",
    ]
    assert story.does(inputs.Resume).last == ["run.resumed", "node.started k", "node.started x"]


def test_in_a_circle_of_counts_nobody_can_be_satisfied() -> None:
    graph = circle({"x": {"join": {"count": 2}}, "y": {"join": {"count": 2}}}, slow=None)
    story = Story(graph).plays("a -> p q slow", "q -> p slow")

    story.plays("p -> failed JOIN_UNSATISFIABLE")
    assert story.last[-2] == "node.failed x JOIN_UNSATISFIABLE fails"


def test_in_a_circle_with_a_count_the_ordinary_join_goes_first() -> None:
    graph = circle({"x": {"join": {"count": 2}}})
    story = Story(graph).plays("a -> p q", "q -> p", "p -> y", "y more=true -> v", "v -> x")

    assert story.firings("x") == [["p", "v"]]


def test_in_a_circle_of_nothing_but_counts_what_is_only_blocked_is_let_through() -> None:
    edges = {
        "a": ["b", "c"],
        "b": "j",
        "c": "k",
        "j": [{"when": "again", "to": "b"}, {"when": "more", "to": "u"}, {"to": None}],
        "u": "k",
        "k": [{"when": "more", "to": "v"}, {"to": None}],
        "v": "j",
    }
    joins = {"j": {"join": {"count": 1, "rest": "block"}}, "k": {"join": {"count": 2}}}
    graph = workflow(edges, joins, state={"defaults": {"again": False, "more": False}})

    story = Story(graph).plays("a -> b c", "b -> c j", "c -> j", "j again=true -> b", "b -> j")
    story.plays("j again=false more=true -> u", "u -> k", "k more=false -> completed")
    assert story.firings("k") == [["c", "u"]]


# -- loops entered at two places ----------------------------------------------------------


def test_a_stray_fires_by_itself_whoever_was_faster() -> None:
    first = Story(STRAY).plays("x -> r z", "z -> p r", "p -> r", "r -> w", "w -> p")
    last = Story(STRAY).plays("x -> r z", "r -> w z", "w -> p z", "p -> z", "z -> p")

    first.plays("p -> completed")
    last.plays("p -> completed")
    assert Counter(first.fired) == Counter(last.fired)


def test_what_went_through_the_node_is_no_stray_and_meets_its_own_pass() -> None:
    story = Story(STRAY).plays("x -> r z", "z -> p r")

    story.goes("p", "r")
    assert story.active == ["r", "r"]
    story.plays("r -> r w", "w -> p r", "r -> p w", "w -> p p", "p -> p", "p -> completed")


def test_a_loop_entered_at_two_places_waits_for_nothing_that_has_not_been_through() -> None:
    two = workflow({"a": ["h", "m"], "h": "m", "m": [{"when": "again", "to": "h"}, {"to": "z"}]})

    Story(two).plays("a -> h", "h -> m", "m again=true -> h", "h -> m", "m again=false -> z")
