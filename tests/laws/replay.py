"""Shows the random run of one seed: `python -m tests.laws.replay SEED [--shrink] [--host]`.

This module knows how to print a graph, a log and what differs. It exits with 1 if a law is
broken. `--shrink` first makes the graph as small as it can be while the same law is broken.
`--host` keeps to the laws of the engine itself on a seeded loop (`host.laws`), instead of
those of the core; there each program of the seed adds to the logs that are shown.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import yaml

from engine.entry import MessageSent, MessageWithdrawn, NodeStarted
from tests.laws import simulation
from tests.laws.graphs import case
from tests.laws.host import laws as laws_of_the_host
from tests.laws.laws import check_case
from tests.laws.shape import Shape
from tests.laws.shrink import shrink
from tests.laws.simulation import log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.entry import AnyEntry
    from tests.laws.furnish import Case


SCHEDULES: Final = 12
"""How many schedules of a smaller graph are tried before it counts as sound."""


SHORT: Final = 50
"""Activations of a run while a graph is made smaller: without its gates it may never end."""


def main(arguments: Sequence[str]) -> int:
    """Show one seed; give what the program exits with."""
    seed = int(arguments[0])
    shown = case(seed)
    check = laws_of_the_host.check_case if "--host" in arguments else check_case
    if "--shrink" in arguments:
        shown = smallest(shown, check)
    print_graph(shown)
    hosts: list[simulation.Host] = []
    simulation.watch.append(hosts.append)
    error = problem(shown, check)
    for host in hosts:
        print(f"\n{type(host).__name__}")
        print_log(log(host.rows))
    print(f"\nseed {seed}: {error or 'core and model agree, and every law holds'}")
    return 1 if error else 0


def problem(tried: Case, check: Callable[[Case], object] = check_case) -> str:
    """Say what is wrong with a case, or nothing."""
    try:
        check(tried)
    except Exception as error:  # noqa: BLE001  # whatever the core raises is what is looked for
        return f"{type(error).__name__}: {error}"
    return ""


def check_seed(seed: int) -> str:
    """Say what is wrong with the graph of a seed, or nothing."""
    return problem(case(seed))


def smallest(whole: Case, check: Callable[[Case], object] = check_case) -> Case:
    """Shrink a case, keeping the kind of its problem, under whatever schedule shows it."""
    kind = kind_of(problem(whole, check))
    schedules = range(SCHEDULES)

    def broken(tried: Case) -> Case | None:
        cases = (replace(tried, schedule=schedule) for schedule in schedules)
        return next((each for each in cases if kind_of(problem(each, check)) == kind), None)

    simulation.Host.most = SHORT
    found = shrink(whole, broken) if kind else whole
    simulation.Host.most = simulation.MOST_ACTIVATIONS
    return found


def kind_of(text: str) -> str:
    """Give the words of a problem without the names in it."""
    first = text.split("\n", maxsplit=1)[0]
    return " ".join(word for word in first.split() if word.isalpha() and len(word) > 1)[:60]


def print_graph(shown: Case) -> None:
    """Print a graph, and what a reader wants to know of it."""
    document = {k: v for k, v in shown.document.items() if k != "name"}
    print(yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=100))
    shape = Shape(shown.document)
    print("order      ", *shape.order[1:])
    print("splits     ", *(f"{t}:{s}" for t, s in shape.split.items()))
    print("loops      ", *(f"{s}->{t}" for s, t in sorted(shape.loops)))
    print("open loops ", *(f"{s}->{t}" for s, t in sorted(shape.open)))
    for node, script in shown.scripts.items():
        if node in shape.split:
            print(f"tool of {node} ", script)


def print_log(entries: Sequence[AnyEntry]) -> None:
    """Print a log, an entry a line, with a line between batches."""
    sent: dict[int, str] = {}
    for entry in entries:
        facts: dict[str, Any] = {
            name: value
            for name in entry.__struct_fields__
            if name not in ("seq", "batch", "at", "run_id") and (value := getattr(entry, name))
        }
        if isinstance(entry, MessageSent):
            sent[entry.seq] = f"{entry.seq}:{entry.source or 'start'}->{entry.to}"
        if isinstance(entry, NodeStarted | MessageWithdrawn):
            facts["messages"] = " ".join(sent[seq] for seq in entry.messages)
        words = ", ".join(f"{name} {value}" for name, value in facts.items())
        kind = type(entry).__struct_config__.tag
        print(f"{entry.seq:4} {entry.at:%H:%M:%S.%f} {kind:18} {words}")
        if entry.seq == entry.batch:
            print()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
