"""What can be done about a run that has stopped: it is offered only if it works as it stands.

Each action is carried out here by its name and its arguments alone, as a handle or the API
does it, and not by what tried it out before it was offered.
"""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from engine import inputs
from engine.action import Action, actions
from engine.entry import Breakpoint, Counts, RunFailed
from engine.errors import ConditionFailed
from engine.run import fold
from tests.spec.evidence import fingerprint
from tests.spec.story import Story, error, workflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.graph import Graph
    from engine.ids import Json

PAGE: Final = (Path(__file__).parents[2] / "docs" / "tools.md").read_text()

CHAIN: Final = workflow({"a": "b", "b": "c"})
DIAMOND: Final = workflow({"a": ["b", "c"], "b": "d", "c": "d"})
LEAVES: Final = workflow({"a": ["b", "c"]})
PAUSES: Final = workflow({"a": "b"}, {"a": {"on_exhausted": "pause"}})
LOOP: Final = {"a": "b", "b": [{"when": "n < 9", "to": "a"}, {"to": None}]}


# -- how an action is carried out ---------------------------------------------------------


def offered(story: Story, *, log: bool = True) -> tuple[Action, ...]:
    """Ask for the actions; they are as JSON has them, and asking changes nothing."""
    before = fingerprint(story.run)
    entries = story.entries if log else ()
    found = actions(story.run, lambda: fold(story.graph, story.entries), log=entries)
    assert fingerprint(story.run) == before
    for each in found:
        assert json.loads(json.dumps(each.arguments)) == each.arguments
    return found


def named(found: tuple[Action, ...]) -> list[str]:
    """Name actions by method and arguments; `keep_keys` is in every fork."""
    for each in found:
        assert (each.name == "fork") == (each.arguments.get("keep_keys") is True)
    return [" ".join([a.name, *(k for k in a.arguments if k != "keep_keys")]) for a in found]


COMMANDS: Final[dict[str, type[inputs.Command]]] = {
    "resume": inputs.Resume,
    "step": inputs.Step,
    "skip": inputs.Skip,
    "patch": inputs.Patch,
    "cancel": inputs.Cancel,
}


def carried_out(story: Story, action: Action) -> Story:
    """Do what an action says, and give the story that goes on."""
    given = dict(action.arguments)
    match action.name:
        case "retry" | "fork":
            return story.forks(**given)  # type: ignore[arg-type]  # its own arguments
        case "raise_limits":
            assert given["resume"]
            for limit, value in given["limits"].items():  # type: ignore[union-attr]  # an object
                story.does(inputs.RaiseLimit, limit=limit, value=value)
            return story.does(inputs.Resume)
        case _:
            return story.does(COMMANDS[action.name], **given)


def finished(story: Story, writes: dict[str, Json]) -> Story:
    """Let a story go on to its end, with every node writing the same."""
    for _ in range(50):
        if story.status == "paused":
            story.does(inputs.SetBreakpoints, breakpoints=()).does(inputs.Resume)
        elif story.active:
            story.completes(story.active[0], **writes)
        elif story.status == "running":
            story.time_passes()
    return story


# -- the table ----------------------------------------------------------------------------


class Case(NamedTuple):
    """One way for a run to stop."""

    code: str
    make: Callable[[], Story]
    offers: list[str]
    """In their order; exactly these."""
    writes: dict[str, Json] = {}  # noqa: RUF012  # nobody changes it
    """What the nodes write when the run goes on."""


def fails(code: str, graph: Graph = CHAIN, state: dict[str, Json] | None = None, **more: object):  # noqa: ANN201  # a maker
    """Make stories in which `a` fails with an error that a tool, or the host, reports."""
    return lambda: Story(graph, state).fails("a", code, **more)


def plays(graph: Graph, *moves: str) -> Callable[[], Story]:
    """Make stories of moves."""
    return lambda: Story(graph).plays(*moves)


def asks(expression: str, state: dict[str, Json]) -> Callable[[], Story]:
    """Make stories in which an expression of the `inputs` of a node fails, as a host does."""

    def make() -> Story:
        story = Story(workflow({"a": "b"}, {"a": {"inputs": {"p": expression}}}), state)
        with pytest.raises(ConditionFailed) as failed:
            story.graph.nodes["a"].inputs["p"].value(story.reads("a"))
        info = failed.value
        return story.fails("a", info.code, details=info.details, retryable=False)

    return make


def by_hand(code: str) -> Callable[[], Story]:
    """Make stories with an end that the core is not known to write for any graph."""

    def make() -> Story:
        story = Story(CHAIN)
        sent, consumed, withdrawn, left = story.counts
        counts = Counts(sent=sent, consumed=consumed, withdrawn=withdrawn, open=left)
        seq, at = story.run.next_seq, story.now
        end = RunFailed(
            seq=seq, batch=seq, at=at, run_id=story.run.id, error=error(code), messages=counts
        )
        return Story(CHAIN, past=[*story.entries, end])

    return make


def timed(**node: float) -> Callable[[], Story]:
    return lambda: Story(workflow({"a": "b"}, {"a": node})).time_passes()


def limited(patch: dict[str, Json], **limits: float) -> Callable[[], Story]:
    return lambda: Story(workflow({"a": "b"}, limits=limits)).completes("a", **patch)


def routed(expression: str, state: dict[str, Json], **patch: Json) -> Callable[[], Story]:
    graph = workflow({"a": [{"when": expression, "to": "b"}]})
    return lambda: Story(graph, state).completes("a", **patch)


GOES: Final = workflow({"a": None, "b": None}, {"a": {"routes": ["b"]}})
SUMS: Final = {"reducers": {"x": "sum"}}
WANTS_TWO: Final = workflow(
    {"a": ["b", "c"], "b": "d", "c": [{"when": "stop", "to": None}, {"to": "d"}]},
    {"d": {"join": {"count": 2}}},
)
ASKS_SECOND: Final = workflow(
    {"a": ["b", "c"], "b": "d", "c": "d"},
    {"d": {"join": {"when": "messages[1].state.y > 1"}}},
    on_failure="drain",
)
AGAIN: Final = ["retry", "fork skip"]
IN_PLACE: Final = ["resume", "skip activation patch", "cancel"]
GOES_ON: Final = ["resume", "step", "cancel"]
ENDLESS: Final = partial(workflow, LOOP)

CASES: Final = [
    Case("TOOL_FAILED", fails("TOOL_FAILED"), AGAIN),
    Case("WORKER_LOST", fails("WORKER_LOST"), AGAIN),
    Case("OUT_OF_PAPER", fails("OUT_OF_PAPER"), AGAIN),
    Case("NO_WORD", fails("NO_WORD", retryable=False), ["fork skip", "retry"]),
    Case("TIMEOUT", timed(timeout=5), AGAIN),
    Case("TOTAL_TIMEOUT", timed(total_timeout=5), AGAIN),
    Case("MISSING_INPUT", fails("MISSING_INPUT", retryable=False), ["fork skip", "retry"]),
    Case("BAD_INPUT", fails("BAD_INPUT", retryable=False), ["fork skip", "retry"]),
    Case(
        "MISSING_INPUT",
        fails(
            "MISSING_INPUT", CHAIN, {"txt": 1}, retryable=False, details={"parameter": "text"}
        ),
        ["fork patch", "fork skip", "retry"],
    ),
    Case("MISSING_OUTPUT", fails("MISSING_OUTPUT", retryable=False), ["fork skip", "retry"]),
    Case("BAD_RESULT", fails("BAD_RESULT", retryable=False), ["fork skip", "retry"]),
    Case("BAD_OUTPUT", limited({"x": float("nan")}), AGAIN),
    Case("BAD_OUTPUT", limited({"x": "x" * 2_000}, max_patch=1_000), ["fork limits", *AGAIN]),
    Case("BAD_OUTPUT", limited({"x": [[[1]]]}, max_depth=2), ["fork limits", *AGAIN]),
    Case(
        "REDUCER_FAILED",
        lambda: Story(workflow({"a": "b"}, state=SUMS)).completes("a", x="one"),
        AGAIN,
    ),
    Case(
        "REDUCER_FAILED",
        plays(
            workflow({"a": ["b", "c"], "b": "d", "c": "d"}, state={"reducers": {"x": "min"}}),
            "a -> b c",
            "b x=1 -> c",
            'c x="one" -> failed REDUCER_FAILED',
        ),
        ["fork patch", "fork patch"],
    ),
    Case(
        "REDUCER_FAILED",
        plays(
            workflow({"a": ["b", "c"]}, state={"reducers": {"x": "min"}}),
            "a -> b c",
            "b x=1 -> c",
            'c x="one" -> failed REDUCER_FAILED',
        ),
        [],
    ),
    Case(
        "STATE_TOO_LARGE",
        limited({"x": "x" * 5_000}, max_state=1_000),
        ["fork limits", "fork skip"],
    ),
    Case("NO_ROUTE", routed("x > 1", {}, x=1), ["retry"], {"x": 2}),
    Case("NO_ROUTE", routed("x > 1", {"x": 2}, x=1), AGAIN),
    Case("ROUTE_NOT_DECLARED", lambda: Story(GOES).goes("a", "c"), AGAIN),
    Case("CONDITION_MISSING_KEY", routed("x > 1", {}), ["retry"], {"x": 2}),
    Case("CONDITION_MISSING_KEY", routed("score > 1", {"scores": 2}), ["fork patch", "retry"],
         {"score": 2}),
    Case("CONDITION_MISSING_KEY", routed("x.score > 1", {"x": {}, "scores": 2}), ["retry"],
         {"x": {"score": 2}}),
    Case("CONDITION_MISSING_KEY", asks("text", {}), ["fork skip"]),
    Case("CONDITION_MISSING_KEY", asks("text", {"txt": 1}), ["fork patch", "fork skip"]),
    Case("CONDITION_MISSING_KEY", asks("size(text)", {"txt": 1}), ["fork skip"]),
    Case("CONDITION_TYPE", routed("x > 1", {}, x="one"), ["retry"], {"x": 2}),
    Case("CONDITION_TYPE", asks("x + 1", {"x": "one"}), ["fork skip"]),
    Case("CONDITION_NOT_BOOL", routed("x", {}, x=1), ["retry"], {"x": True}),
    Case("CONDITION_TOO_EXPENSIVE", fails("CONDITION_TOO_EXPENSIVE", retryable=False), AGAIN),
    Case(
        "CONDITION_MISSING_KEY",
        plays(ASKS_SECOND, "a -> b c", "b -> c", "c y=2 -> failed CONDITION_MISSING_KEY"),
        ["retry"],
    ),
    Case(
        "CONDITION_MISSING_KEY",
        plays(ASKS_SECOND, "a -> b c", "b -> c", "c -> failed CONDITION_MISSING_KEY"),
        [],
    ),
    Case(
        "STATE_CONFLICT",
        plays(DIAMOND, "a -> b c", "b x=1 -> c", "c x=2 -> failed STATE_CONFLICT"),
        ["fork patch", "fork patch"],
    ),
    Case(
        "STATE_CONFLICT",
        plays(LEAVES, "a -> b c", "b x=1 -> c", "c x=2 -> failed STATE_CONFLICT"),
        ["fork at patch"],
    ),
    Case(
        "JOIN_UNSATISFIABLE",
        plays(WANTS_TWO, "a -> b c", "b -> c", "c stop=true -> failed JOIN_UNSATISFIABLE"),
        [],
    ),
    Case(
        "LOOP_LIMIT",
        plays(ENDLESS(limits={"max_visits": 1}), "a -> b", "b n=1 -> failed LOOP_LIMIT"),
        ["fork limits"],
        {"n": 9},
    ),
    Case(
        "ACTIVATION_LIMIT",
        plays(ENDLESS(limits={"max_activations": 1}), "a -> failed ACTIVATION_LIMIT"),
        ["fork limits"],
        {"n": 9},
    ),
    Case(
        "TOO_MANY_MESSAGES",
        plays(
            workflow({"a": ["b", "c", "d"]}, limits={"max_in_flight": 1}),
            "a -> failed TOO_MANY_MESSAGES",
        ),
        ["fork limits"],
    ),
    Case(
        "DEADLINE_EXCEEDED",
        plays(workflow({"a": "b"}, limits={"deadline": 40}), "time -> failed DEADLINE_EXCEEDED"),
        ["fork limits", "retry"],
    ),
    Case("STALLED", by_hand("STALLED"), []),
    Case("CONSERVATION_BROKEN", by_hand("CONSERVATION_BROKEN"), []),
    # -- paused
    Case("OUT_OF_PAPER", fails("OUT_OF_PAPER", PAUSES), IN_PLACE),
    Case("TOOL_MISSING", fails("TOOL_MISSING", PAUSES, retryable=False), IN_PLACE),
    Case(
        "MISSING_INPUT",
        fails("MISSING_INPUT", PAUSES, {"txt": 1}, retryable=False, details={"parameter": "text"}),
        ["patch patch node", *IN_PLACE],
    ),
    Case(
        "STATE_TOO_LARGE",
        lambda: Story(
            workflow({"a": "b"}, {"a": {"on_exhausted": "pause"}}, limits={"max_state": 100})
        ).completes("a", x="x" * 500),
        ["raise_limits limits resume", *IN_PLACE],
    ),
    Case(
        "LOOP_LIMIT",
        plays(
            ENDLESS({"a": {"on_limit": "pause"}}, limits={"max_visits": 1}),
            "a -> b",
            "b n=1 -> paused LOOP_LIMIT",
        ),
        ["raise_limits limits resume", "cancel"],
        {"n": 9},
    ),
    Case(
        "ACTIVATION_LIMIT",
        plays(
            ENDLESS({"b": {"on_limit": "pause"}}, limits={"max_activations": 1}),
            "a -> paused ACTIVATION_LIMIT",
        ),
        ["raise_limits limits resume", "cancel"],
        {"n": 9},
    ),
    Case("", lambda: Story(CHAIN, breakpoints=[Breakpoint(node="a")]), GOES_ON),
    Case("", lambda: Story(CHAIN).does(inputs.Pause), GOES_ON),
]  # fmt: skip


def test_the_table_has_every_code_of_the_page_about_tools() -> None:
    told = set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE))

    assert len(told) > 20
    assert told <= {case.code for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {', '.join(case.offers)}")
def test_a_run_that_stopped_is_offered_this_and_every_offer_leads_it_to_its_end(case: Case) -> None:
    story = case.make()
    assert (story.status in ("failed", "paused"), story.code) == (True, case.code)

    found = offered(story)
    assert named(found) == case.offers
    assert offered(story) == found
    for action in found:
        end = finished(carried_out(case.make(), action), case.writes)
        wanted = "cancelled" if action.name == "cancel" else "completed"
        assert end.status == wanted, f"{action}; {end}"
