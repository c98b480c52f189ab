"""Random graphs under random inputs of every kind: what `Story` checks after each step holds.

The model (`test_model`) knows what a run must come to; this walk knows nothing of that, but
does everything a host and people can do: results, errors, bad output, time, pauses, steps,
breakpoints, patches, skips, limits, forks. After every step the log folds to the same run,
which decides the same next; refusals change nothing; messages are conserved.

`AWE_WALKS` is the number of walks. The name of a test that fails has its seed, and is all it
takes to walk the same way again.
"""

from __future__ import annotations

import json
import os
from random import Random
from typing import TYPE_CHECKING

import pytest

from engine import inputs
from engine.ask import active, state_of
from engine.decide import step
from engine.entry import Breakpoint, decode, encode
from engine.errors import InvalidGraph, InvalidValue, Refused
from engine.ids import ActivationId
from engine.run import OVER, fold
from tests.spec.story import Story, workflow

if TYPE_CHECKING:
    from engine.graph import Graph
    from engine.ids import Json

WALKS = int(os.environ.get("AWE_WALKS", "150"))
STEPS = 90

CONDITIONS = ["k1 > 1", "k2 < 2", "k1 == k2", "n_{} < 2"]
JOINS: list[object] = [
    "first",
    "each",
    {"count": 2, "rest": "block"},
    {"count": 1, "rest": "cancel"},
    {"count": 1, "rest": "block"},
    {"batch": 2},
    {"batch": 3},
    {"when": "arrived >= 1"},
    {"when": "arrived >= 2"},
    {"when": "arrived >= 1", "rest": "block"},
    {"when": "arrived == total", "rest": "cancel"},
    {"when": "messages.exists(m, m.state.k1 > 1)", "rest": "block"},
]


# -- graphs -------------------------------------------------------------------------------


def any_graph(rng: Random) -> Graph:
    """Make up graphs until one is valid."""
    while True:
        names = "abcdefg"[: rng.randint(2, 7)]
        edges: dict[str, object] = {name: any_way(rng, name, names) for name in names}
        for i, name in enumerate(names[1:], 1):
            _reach(edges, rng.choice(names[:i]), name)
        keys = {"k1": rng.choice(["last", "max", "sum"]), "l": "append"}
        reducers = keys if rng.random() < 0.5 else {"l": "append"}
        limits: dict[str, object] = {"max_visits": rng.choice([4, 6]), "max_activations": 60}
        if rng.random() < 0.2:
            limits["max_state"] = rng.choice([120, 160])
        try:
            return workflow(
                edges,
                {name: any_node(rng, names) for name in names},
                state={
                    "defaults": {"k1": 0, "k2": 0, **{f"n_{name}": 0 for name in names}},
                    "reducers": reducers,
                },
                limits=limits,
                on_failure=rng.choice(["fail_fast", "drain"]),
            )
        except InvalidGraph:
            continue


def any_way(rng: Random, name: str, names: str) -> object:
    """Make up where a node leads; mostly forward."""

    def target() -> str:
        later = names[names.index(name) + 1 :]
        return rng.choice(later if later and rng.random() < 0.75 else names)

    kind = rng.random()
    if kind < 0.12:
        return None
    if kind < 0.6:
        return sorted({target() for _ in range(rng.randint(1, 3))})
    rules: list[dict[str, object]] = []
    for _ in range(rng.randint(1, 3)):
        rule: dict[str, object] = {"to": rng.choice([target(), [target()], None])}
        if rng.random() < 0.8:
            rule["when"] = rng.choice(CONDITIONS).format(name)
        if rng.random() < 0.15:
            rule["on"] = rng.choice(["error", "BUSY"])
        rules.append(rule)
    if rng.random() < 0.7:
        rules.append({"to": rng.choice([None, target()])})
    return {"all": rules} if rng.random() < 0.3 else rules


def _reach(edges: dict[str, object], source: str, target: str) -> None:
    """See that a node is reached at all."""
    way = edges[source]
    if f'"{target}"' in json.dumps(way):
        return
    if way is None:
        edges[source] = [target]
    elif isinstance(way, dict):
        way["all"].append({"when": "k1 < 2", "to": target})
    elif isinstance(way, list):
        named = isinstance(way[0], str)
        way.insert(0, target if named else {"when": "k1 == k2", "to": target})


def any_node(rng: Random, names: str) -> dict[str, object]:
    """Make up the policies of a node."""
    policies: list[tuple[float, str, object]] = [
        (0.35, "join", rng.choice(JOINS)),
        (0.3, "retry", {"max_attempts": 3, "delay": rng.choice([0, 5]), "jitter": 0}),
        (0.2, "timeout", 30),
        (0.15, "total_timeout", 50),
        (0.15, "on_exhausted", "pause"),
        (0.15, "on_limit", "pause"),
        (0.1, "routes", [rng.choice(names)]),
    ]
    return {name: value for share, name, value in policies if rng.random() < share}


# -- walks --------------------------------------------------------------------------------


def walk(rng: Random, story: Story) -> None:
    """Do whatever can be done, until the run is over or has gone on for long."""
    for _ in range(STEPS):
        if story.run.status in OVER:
            return
        live = active(story.run)
        chance = rng.random()
        if live and chance < 0.55:
            return_something(rng, story)
        elif chance < 0.63 and story.due:
            story.time_passes()
        elif chance < 0.66:
            story.later(rng.randint(1, 40))
        else:
            ask_something(rng, story)


def return_something(rng: Random, story: Story) -> None:
    """Give a result of something that runs."""
    live = active(story.run)
    chosen = rng.choice(sorted(live))
    name = live[chosen].node
    nth = 1 + sum(each.node == name for i, each in live.items() if i < chosen)
    node = f"{name}#{nth}"
    chance = rng.random()
    if chance < 0.07:
        story.fails(node, rng.choice(["BUSY", "LOST"]))
        return
    if chance < 0.08:
        story.feed(story.result(node, patch={"x": float("nan")}))
        return
    seen = state_of(story.run, chosen)[f"n_{name}"]
    assert isinstance(seen, int)
    written: dict[str, Json] = {f"n_{name}": seen + 1, "k1": 1, "k2": 1, "l": name}
    shares = {f"n_{name}": 0.7, "k1": 0.3, "k2": 0.3, "l": 0.4}
    patch = {key: value for key, value in written.items() if rng.random() < shares[key]}
    patch.update({key: rng.randint(0, 2) for key in ("k1", "k2") if key in patch})
    routes = story.graph.nodes[name].routes
    if routes and rng.random() < 0.1:
        story.goes(node, *routes, **patch)
    elif rng.random() < 0.1:
        patch["l"] = ["set"]
        story.overwrites(node, **patch)
    else:
        story.completes(node, **patch)


def ask_something(rng: Random, story: Story) -> None:
    """Give a command; where it is refused, see that it is refused everywhere."""
    nodes = list(story.graph.nodes)
    points = tuple(
        Breakpoint(node=rng.choice(nodes), where=rng.choice(["before", "after"]))
        for _ in range(rng.randint(0, 2))
    )
    patches: list[Json] = [{"k1": rng.randint(0, 3)}, {"k2": 1, "z": 1}, {"l": ["p"]}, {}]
    anything = rng.choice(patches)
    held = sorted(story.run.activations) or [ActivationId(1)]
    given: inputs.AnyInput = rng.choices(  # type: ignore[assignment]  # each of them is one
        [
            story.command(inputs.Pause),
            story.command(inputs.Resume),
            story.command(inputs.Step),
            story.command(inputs.Patch, patch=anything, node=rng.choice([None, *nodes])),
            story.command(inputs.SetBreakpoints, breakpoints=points),
            story.command(inputs.Skip, activation=rng.choice(held), patch={"k1": 1}),
            story.command(inputs.RaiseLimit, limit="max_visits", value=rng.randint(0, 8)),
            story.command(inputs.Cancel),
        ],
        weights=[5, 9, 6, 6, 2, 2, 2, 0.4],
    )[0]
    try:
        step(fold(story.graph, [decode(encode(each)) for each in story.entries]), given)
    except (Refused, InvalidValue):
        story.refuses(given)
    else:
        story.feed(given)


@pytest.mark.parametrize("seed", range(WALKS))
def test_whatever_is_done_to_a_run_its_log_tells_all(seed: int) -> None:
    rng = Random(seed)
    story = Story(any_graph(rng))
    walk(rng, story)
    if story.run.messages:
        at = rng.choice([None, *range(len(story.entries))])
        walk(rng, story.forks(at=at))
