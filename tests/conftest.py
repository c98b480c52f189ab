"""What every test run prints in the end: where the time went.

A phase is a folder of tests (or a file that lies beside them). Its time on the clock spans
from its first test's start to its last one's end, over all workers; its work is their sum.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath

import pytest


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
