"""`python -m benchmarks` measures what it says, on this machine, now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.rounds import Rounds
from benchmarks.table import Line, Section

ROOT = Path(__file__).parent.parent

MEASURED = {
    "hops": """
        a bare asyncio.Queue hop
        the same, with a task for each message
        chain of 10, per node
        chain of 100, per node
        chain of 400, per node
        loop of 100, Python, per node
        loop of 1,000, Python, per node
        loop of 10,000, Python, per node
        loop of 100, CEL, per node
        loop of 1,000, CEL, per node
        loop of 10,000, CEL, per node
        fan-out 100 and join, per branch
        fan-out 400 and join, per branch
        1,000 runs at once of 10 nodes, per node
        chain, per node, 400 over 10
        loop in Python, per node, 10,000 over 100
        loop in CEL, per node, 10,000 over 100
        fan-out and join, per branch, 400 over 100
        fan-out and join, per branch, 4,000 over 10
    """,
    "budget": """
        the end of a task, the actor's turn, the next task
        from the tool to a result for the core
        the clock
        step: checking the patch
        step: applying it
        step: routing, entries, the rest
        the row into the store
        the host's accounts, and the next call
        the inbox, waking the actor
        all of that
        the garbage collector, on top of it
    """,
    "readers": """
        one subscriber, as entries, added per entry
        one subscriber, as lines of JSON, added per entry
        hop to a plain function in a thread
    """,
    "streams": """
        a frame for each, 1 subscriber
        a frame for each, 100 subscribers
        a frame for each, 1,000 subscribers
        joined (?batch=1), 1 subscriber
        joined (?batch=1), 100 subscribers
        joined (?batch=1), 1,000 subscribers
        a bare Starlette route that answers as many bytes
        the same run, started by the engine without HTTP
        POST /graph/run
    """,
    "waits": """
        longest turn of the loop, 1,000 busy runs, computing
        100 branches that sleep 10 ms
        node after a 10 ms branch, sibling 200 ms
    """,
    "durable": """
        a bare commit of one row, wall
        one run, per step, wall
        200 runs at once, per step, CPU
        200 runs at once, commits per step
        state of 1 MB over 1 KB, per step, CPU
        state of 1 MB over 1 KB, per step, on disk
    """,
    "postgres": """
        a bare commit of one row, wall
        one run, per step, wall
        200 runs at once, per step, CPU
        200 runs at once, commits per step
        state of 1 MB over 1 KB, per step, CPU
        state of 1 MB over 1 KB, per step, in tables
    """,
    "memory": """
        paused and in memory, its log in SQLite
        parked: paused, and in SQLite alone
        in a tool that waits, its log in SQLite
        over, its log in SQLite
    """,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("part", MEASURED)
def test_the_benchmarks_print_every_figure_and_end_well(part: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--only", part],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    found = {line[2:54].strip() for line in done.stdout.splitlines()}
    assert {line.strip() for line in MEASURED[part].strip().splitlines()} <= found
    assert "goals not met: " in done.stdout


def test_a_line_is_judged_by_the_median_of_its_ratios_if_it_has_any() -> None:
    assert Line("hop", [9.0, 8.0, 7.0], ratios=[1.0, 2.0, 9.0], goal=2.0).met
    assert not Line("hop", [9.0, 8.0, 7.0], goal=2.0).met
    assert Line("hop", [9.0]).met


def test_a_section_shows_figure_ratio_quartiles_goal_and_verdict() -> None:
    line = Line("hop", [8.0, 9.0, 7.0], "us", [4.0, 4.5, 3.5], 4.5, note="noisy")

    shown = list(Section("hops", [line]).text())[-1].split()

    assert shown == [
        "hop",
        "8.00",
        "us",
        "4.00",
        "x",
        "3.75",
        "-",
        "4.25",
        "<=",
        "4.5",
        "met",
        "noisy",
    ]


def test_rounds_end_when_they_take_too_long_but_not_before_the_least() -> None:
    assert list(Rounds(most=5, seconds=60)) == [0, 1, 2, 3, 4]
    assert list(Rounds(most=5, seconds=-1, least=2)) == [0, 1]
