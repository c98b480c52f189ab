"""What every test run prints in the end: where the time went.

A phase is a folder of tests (or a file that lies beside them). Its time on the clock spans
from its first test's start to its last one's end, over all workers; its work is their sum.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import PurePosixPath
from textwrap import fill
from typing import Any

import pytest

pytest_plugins = ["tests.servers"]


def phase_of(nodeid: str) -> str:
    """Name the folder of a test below `tests`, or its file where it has none."""
    path = PurePosixPath(nodeid.partition("::")[0])
    below = path.parts[1:] if path.parts[:1] == ("tests",) else path.parts
    return below[0] if below else str(path)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print for each phase: how many tests, time on the clock, work of the workers."""
    reports: defaultdict[str, list[pytest.TestReport]] = defaultdict(list)
    for outcome in ("passed", "failed", "error", "skipped", "xfailed", ""):
        for report in terminalreporter.getreports(outcome):
            if isinstance(report, pytest.TestReport):  # those of collection have no time
                reports[phase_of(report.nodeid)].append(report)
    if not reports:
        return
    terminalreporter.section("time of each phase")
    for phase, found in sorted(reports.items()):
        tests = len({report.nodeid for report in found})
        clock = max(report.stop for report in found) - min(report.start for report in found)
        work = sum(report.duration for report in found)
        terminalreporter.write_line(
            f"{phase:<20} {tests:>6} tests {clock:>8.1f} s on the clock {work:>8.1f} s of work"
        )
    calls = [r for each in reports.values() for r in each if r.when == "call"]
    found: list[dict[str, Any]] = [dict(report.user_properties) for report in calls]
    for crashes in [each["crashes"] for each in found if "crashes" in each]:
        terminalreporter.write_line(str(crashes))
    for laws in ("laws", "laws on the host"):
        print_laws(terminalreporter, laws, [each[laws] for each in found if laws in each])


def print_laws(
    terminalreporter: pytest.TerminalReporter, laws: str, chunks: list[dict[str, Any]]
) -> None:
    """Print how many random graphs kept the laws, and what share of them had what."""
    graphs = sum(chunk["graphs"] for chunk in chunks)
    if not graphs:
        return
    seen: Counter[str] = Counter()
    for chunk in chunks:
        seen.update(chunk["seen"])
    terminalreporter.section(f"{graphs} random graphs kept the {laws}; what they had")
    shares = [f"{what} {count / graphs:.1%}" for what, count in seen.most_common()]
    terminalreporter.write_line(fill(", ".join(shares), width=100))
