"""What a node reads, and how writes meet: docs/semantics.md, section 4."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine import inputs
from tests.spec.story import Story, workflow

if TYPE_CHECKING:
    from engine.graph import Graph
    from engine.ids import Json


def diamond(reducer: str | None = None, *, key: str = "x", **defaults: Json) -> Graph:
    """Two branches that meet at `d`, perhaps with a reducer for a key."""
    reducers = {} if reducer is None else {key: reducer}
    state = {"reducers": reducers, "defaults": defaults}
    return workflow({"a": ["b", "c"], "b": "d", "c": "d"}, state=state)


def met(graph: Graph, b: Json, c: Json, *, a: Json = None, key: str = "x") -> Story:
    """Let the branches write a key, the second one first."""
    story = Story(graph).completes("a", **({} if a is None else {key: a}))
    return story.completes("c", **{key: c}).completes("b", **{key: b})


# -- what is read -------------------------------------------------------------------------


def test_a_run_begins_with_the_defaults_overlaid_with_what_it_was_started_with() -> None:
    story = Story(diamond(x=1, y={"p": 1}), {"y": {"q": 2}, "z": 3})

    assert story.reads("a") == {"x": 1, "y": {"q": 2}, "z": 3}


def test_a_branch_sees_what_was_before_it_and_nothing_of_its_siblings() -> None:
    story = Story(diamond()).completes("a", x=1).completes("b", y=2)
    assert story.reads("c") == {"x": 1}

    assert story.completes("c", z=3).reads("d") == {"x": 1, "y": 2, "z": 3}


def test_what_is_read_is_a_copy_that_nobody_else_has() -> None:
    story = Story(diamond("append", x=[])).completes("a", x=[1])

    mine = story.reads("b")
    mine["x"].append("mine")  # type: ignore[union-attr]  # it is a list
    mine["x"][0].append("mine")  # type: ignore[union-attr, index]  # as above

    assert story.reads("b") == story.reads("c") == {"x": [[1]]}


def test_a_list_that_grows_in_a_branch_grows_neither_in_its_sibling_nor_in_the_log() -> None:
    graph = workflow(
        {"a": ["b", "c"], "b": "b2", "b2": "d", "c": "d"}, state={"reducers": {"x": "extend"}}
    )
    story = Story(graph).completes("a", x=[1]).completes("b", x=[2]).completes("b2", x=[3])

    assert story.reads("c") == {"x": [1]}
    assert story.completes("c", x=[4]).reads("d") == {"x": [1, 4, 2, 3]}  # c before b2


# -- without a reducer --------------------------------------------------------------------


@pytest.mark.parametrize("writer", ["b", "c"])
def test_a_write_supersedes_what_was_in_its_past(writer: str) -> None:
    story = Story(diamond()).completes("a", x=1)

    for node in "bc":
        story.completes(node, **({"x": 2} if node == writer else {"y": 0}))
    assert story.reads("d")["x"] == 2


def test_writes_of_branches_that_differ_fail_the_firing_and_say_what_to_do() -> None:
    story = met(diamond(), {"n": 1}, "two", a=0)

    assert story.last[-2:] == ["node.failed d STATE_CONFLICT fails", "run.failed STATE_CONFLICT"]
    assert story.error is not None
    assert story.error.details == {
        "key": "x",
        "writes": [{"node": "b", "value": {"n": 1}}, {"node": "c", "value": "two"}],
    }
    for word in ("'d'", "'b'", "'c'", "'x'", '"two"', "state.reducers"):
        assert word in story.error.message + story.error.hint
    assert story.counts[3] == 2


EQUAL: list[Json] = [1, 1.5, "ä", None, True, [1, {"k": None}], {"p": 1, "q": 2}]


@pytest.mark.parametrize("value", EQUAL, ids=repr)
def test_equal_values_are_no_conflict(value: Json) -> None:
    assert met(diamond(), value, value).reads("d")["x"] == value
    assert met(diamond(), {"p": 1, "q": 2}, {"q": 2, "p": 1}).active == ["d"]


@pytest.mark.parametrize(
    ("b", "c"),
    [(1, 1.0), (1, True), (0, False), ("1", 1), ([1], [1.0]), ({"k": 1}, {"k": True}), (None, 0)],
)
def test_values_that_are_written_differently_differ(b: Json, c: Json) -> None:
    assert met(diamond(), b, c).code == "STATE_CONFLICT"


def test_a_conflict_that_a_later_write_superseded_on_one_side_only_stays_one() -> None:
    graph = workflow({"a": ["b", "c"], "b": "b2", "b2": "d", "c": "d"})

    story = Story(graph).plays("a x=0 -> b c", "b x=1 -> b2 c", "b2 x=2 -> c")
    story.plays("c x=1 -> failed STATE_CONFLICT")


def test_an_equal_meeting_is_superseded_by_a_write_after_it() -> None:
    graph = workflow({"a": ["p", "c"], "p": ["x", "y"], "x": "i", "y": "i", "i": "d", "c": "d"})

    story = Story(graph).plays("a -> c p", "p -> c x y", "x v=1 -> c y", "y v=1 -> c i")
    assert story.completes("i", v=2).completes("c").reads("d") == {"v": 2}
    story = Story(graph).plays("a -> c p", "p -> c x y", "x v=1 -> c y", "y v=1 -> c i", "i -> c")
    assert story.completes("c", v=2).code == "STATE_CONFLICT"


# -- reducers -----------------------------------------------------------------------------

REDUCED: list[tuple[str, Json, Json, Json, Json]] = [
    # name, written by a, by b, by c, read by d
    ("append", 1, [2], 3, [1, [2], 3]),
    ("extend", [1], [2, 3], [], [1, 2, 3]),
    ("merge", {"p": 1}, {"q": {"r": 1}}, {"q": {"s": 2}}, {"p": 1, "q": {"s": 2}}),
    ("sum", 1, 2, 4, 7),
    ("sum", 0.1, 0.2, 0.3, 0.6),
    ("min", 5, 3, 4, 3),
    ("max", "a", "c", "b", "c"),
    ("union", [1, 2], [2, 3], [1, 4], [1, 2, 3, 4]),
    ("first", 1, 2, 3, 1),
    ("last", 1, 2, 3, 3),
]


@pytest.mark.parametrize(("reducer", "a", "b", "c", "d"), REDUCED)
def test_a_reducer_applies_each_write_once_in_the_order_of_the_history(
    reducer: str, a: Json, b: Json, c: Json, d: Json
) -> None:
    assert met(diamond(reducer), b, c, a=a).reads("d") == {"x": d}


def test_a_reducer_adds_to_the_default_which_it_was_not_applied_to() -> None:
    assert met(diamond("append", x=["begin"]), 1, 2).reads("d") == {"x": ["begin", 1, 2]}
    assert Story(diamond("sum", x=10)).completes("a", x=1).reads("b") == {"x": 11}


def test_across_nested_diamonds_every_write_is_there_exactly_once() -> None:
    graph = workflow(
        {"a": ["b", "c"], "b": ["x", "y"], "x": "i", "y": "i", "i": "d", "c": "d"},
        state={"reducers": {"log": "append", "n": "sum"}},
    )
    story = Story(graph)

    for node in ["a", "c", "b", "y", "x", "i"]:
        story.completes(node, log=node, n=1)
    assert story.reads("d") == {"log": ["a", "c", "b", "x", "y", "i"], "n": 6}  # c before i


def test_in_a_loop_round_branches_a_reducer_goes_on_from_pass_to_pass() -> None:
    graph = workflow(
        {"a": ["b", "c"], "b": "d", "c": "d", "d": [{"when": "n < 6", "to": "a"}, {"to": None}]},
        state={"reducers": {"log": "append", "n": "sum"}},
    )
    story = Story(graph)

    for node in "acbdabcd":
        story.completes(node, log=node, n=1 if node in "bcd" else 0)
    assert story.status == "completed"
    assert story.state == {"log": list("abcdabcd"), "n": 6}


def test_an_overwrite_sets_the_value_and_skips_the_reducer() -> None:
    story = Story(diamond("append")).completes("a", x=1).completes("c", x="c")
    assert story.overwrites("b", x=["set"]).reads("d") == {"x": ["set", "c"]}

    story = Story(diamond("append")).completes("a", x=1).overwrites("c", x=["set"])
    assert story.completes("b", x="b").reads("d") == {"x": ["set"]}
    assert story.completes("d", x="d").state == {"x": ["set", "d"]}


def test_an_overwrite_may_hold_what_the_reducer_could_not_take() -> None:
    story = Story(diamond("sum")).overwrites("a", x="none")

    assert story.reads("b") == {"x": "none"}
    assert story.completes("b", x=1).last[-2] == "node.failed b REDUCER_FAILED fails"


@pytest.mark.parametrize(
    ("reducer", "bad"),
    [("extend", 1), ("merge", [1]), ("sum", "1"), ("sum", True), ("min", None), ("union", {})],
)
def test_a_value_of_the_wrong_type_is_the_error_of_its_writer(reducer: str, bad: Json) -> None:
    story = Story(diamond(reducer)).completes("a", x=bad)

    assert story.last == ["node.failed a REDUCER_FAILED fails", "run.failed REDUCER_FAILED"]


def test_values_that_do_not_fit_each_other_are_the_error_of_the_firing_that_merged_them() -> None:
    story = met(diamond("max"), 1, "one")

    assert story.last[-2:] == ["node.failed d REDUCER_FAILED fails", "run.failed REDUCER_FAILED"]


@pytest.mark.parametrize("slow", [{"z": 1}, {"x": 9}])
def test_of_a_fork_whose_other_branch_was_withdrawn_one_history_is_left(
    slow: dict[str, Json],
) -> None:
    graph = workflow(
        {"a": ["b", "slow"], "b": ["p", "q"], "p": "j", "q": "j", "j": "d", "slow": "d"},
        {"j": {"join": "first"}},
        state={"reducers": {"log": "append"}},
    )
    story = Story(graph).completes("a", x=0, log="a").completes("b", x=1, log="b")

    story.completes("p", y=1, log="p").completes("q", x=5, log="q").completes("j", y=2, log="j")
    story.completes("slow", **slow)
    if "x" in slow:
        assert story.code == "STATE_CONFLICT"
    else:
        assert story.reads("d") == {"x": 1, "y": 2, "z": 1, "log": ["a", "b", "p", "j"]}


# -- patches by a person ------------------------------------------------------------------


def test_a_patch_sets_a_key_for_all_that_is_in_flight_and_is_one_write() -> None:
    story = Story(diamond("append")).completes("a", x=1).completes("b", x="b", y=1)

    story.does(inputs.Patch, patch={"x": ["patched"], "y": 9})
    assert story.reads("c") == {"x": ["patched"], "y": 9}
    assert story.completes("c", x="c").reads("d") == {"x": ["patched", "c"], "y": 9}


@pytest.mark.parametrize("early", ["b", "c"])
def test_a_write_that_a_patch_replaced_is_not_reduced_into_it_where_branches_meet(
    early: str,
) -> None:
    late = "c" if early == "b" else "b"
    story = Story(diamond("append")).completes("a", x=1).completes(early, x=early)

    story.does(inputs.Patch, patch={"x": ["patched"]}).completes(late, x=late)
    assert story.reads("d") == {"x": ["patched", late]}


def test_a_patch_supersedes_what_was_written_until_then_and_not_what_comes_after() -> None:
    story = Story(diamond()).plays("a -> b c", "b x=1 -> c").does(inputs.Patch, patch={"x": 5})

    assert story.completes("c").reads("d") == {"x": 5}
    story = Story(diamond()).plays("a -> b c", "b x=1 -> c").does(inputs.Patch, patch={"x": 5})
    assert story.completes("c", x=6).reads("d") == {"x": 6}


def test_writes_of_two_branches_after_a_patch_still_conflict() -> None:
    story = Story(diamond()).plays("a -> b c").does(inputs.Patch, patch={"x": 5})

    story.plays("b x=1 -> c", "c x=2 -> failed STATE_CONFLICT")


def test_a_patch_of_one_node_is_seen_there_only_until_the_branches_meet() -> None:
    story = Story(diamond()).plays("a x=0 -> b c").does(inputs.Patch, patch={"x": 5}, node="c")

    assert (story.reads("b"), story.reads("c")) == ({"x": 0}, {"x": 5})
    story.plays("b -> c", "c -> d")
    assert story.reads("d") == {"x": 5}


def test_a_patch_of_one_node_supersedes_what_its_siblings_wrote_before() -> None:
    story = Story(diamond()).plays("a -> b c", "b x=1 -> c")

    story.does(inputs.Patch, patch={"x": 5}, node="c").plays("c -> d")
    assert story.reads("d") == {"x": 5}


def test_a_patch_supersedes_what_branches_wrote_that_have_ended() -> None:
    story = Story(workflow({"a": ["b", "c"]})).plays("a -> b c", "b x=1 -> c")

    story.does(inputs.Patch, patch={"x": 5}).plays("c -> completed")
    assert story.state == {"x": 5}


def test_of_two_patches_the_later_one_counts() -> None:
    story = Story(diamond()).plays("a -> b c", "b x=1 -> c")
    story.does(inputs.Patch, patch={"x": 5}).does(inputs.Patch, patch={"x": 6, "y": 1}, node="c")

    assert story.completes("c").reads("d") == {"x": 6, "y": 1}


# -- the end, and the view ----------------------------------------------------------------


def test_the_final_state_merges_the_branches_in_node_order_whoever_was_last() -> None:
    graph = workflow({"a": ["b", "c", "d"]}, state={"reducers": {"x": "append"}})
    story = Story(graph).completes("a", x="a")

    for node in "dbc":
        story.completes(node, x=node)
    assert story.state == {"x": ["a", "b", "c", "d"]}


def test_branches_that_ended_at_one_node_merge_by_their_place() -> None:
    graph = workflow(
        {"a": ["b", "c", "d"], "b": "j", "c": "j", "d": "j"},
        {"j": {"join": "each"}},
        state={"reducers": {"x": "append"}},
    )
    story = Story(graph).completes("a")

    for node in ["d", "c", "b", "j#3", "j#1", "j"]:
        story.completes(node, x=node if node in "bcd" else None)
    assert story.state == {"x": ["b", None, "c", None, "d", None]}


def test_while_it_runs_a_clash_shows_the_later_write_and_names_the_key() -> None:
    story = Story(diamond()).plays("a x=0 y=0 -> b c", "b x=1 -> c")
    assert (story.state, story.view.conflicts) == ({"x": 1, "y": 0}, ())

    graph = workflow({"a": ["b", "c"], "b": "b2", "c": "c2", "b2": "d", "c2": "d"})
    story = Story(graph).plays("a -> b c", "c x=2 -> b c2", "b x=1 z=1 -> b2 c2")
    assert (story.state, story.view.conflicts) == ({"x": 2, "z": 1}, ("x",))
    assert [(each.node, each.state) for each in story.view.branches] == [
        ("b2", {"x": 1, "z": 1}),
        ("c2", {"x": 2}),
    ]


def test_while_it_runs_values_that_no_reducer_can_take_are_named_too() -> None:
    graph = workflow(
        {"a": ["b", "c"], "b": "b2", "c": "c2", "b2": "d", "c2": "d"},
        state={"reducers": {"x": "max"}},
    )
    story = Story(graph).plays("a -> b c", "c x=2 -> b c2", 'b x="two" -> b2 c2')

    assert (story.state, story.view.conflicts) == ({"x": "two"}, ("x",))


def test_a_view_has_branches_only_where_several_things_are_in_flight() -> None:
    story = Story(diamond()).completes("a").completes("b")
    assert [each.node for each in story.view.branches] == ["c", "d"]

    assert story.completes("c").view.branches == ()  # one activation holds both messages
    assert story.completes("d").view.branches == ()


def test_in_a_view_what_has_ended_comes_before_what_is_in_flight() -> None:
    graph = workflow({"a": ["b", "c"], "b": "e"}, state={"reducers": {"x": "append"}})

    story = Story(graph).completes("a").completes("b", x="b").completes("c", x="c")
    assert story.state == {"x": ["c", "b"]}
    assert story.completes("e", x="e").state == {"x": ["c", "b", "e"]}


# -- values -------------------------------------------------------------------------------


def nested(depth: int) -> Json:
    value: Json = 0
    for _ in range(depth):
        value = [value]
    return value


def test_what_was_let_in_at_the_door_can_be_read_however_deep_it_is() -> None:
    graph = workflow({"a": "b"}, limits={"max_depth": 100})
    assert Story(graph).completes("a", x=nested(100)).reads("b") == {"x": nested(100)}

    graph = workflow({"a": "b"}, state={"reducers": {"x": "append"}})
    assert Story(graph).completes("a", x=nested(64)).reads("b") == {"x": [nested(64)]}


def test_a_state_that_outgrew_what_one_value_may_be_can_be_read() -> None:
    chain = {f"n{i}": f"n{i + 1}" for i in range(5)}
    limits = {"max_state": 30_000_000}
    story = Story(workflow(chain, state={"reducers": {"x": "extend"}}, limits=limits))
    large: list[Json] = ["x" * 3_900_000]

    for i in range(5):
        story.completes(f"n{i}", x=large)
    assert story.reads("n5") == {"x": large * 5}
