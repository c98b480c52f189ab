"""Entries as lines: what is shown of each type."""

from __future__ import annotations

import re
from typing import Any

import pytest

from api.commands import trace
from engine import entry

ERROR = {"code": "STORM", "message": "a storm\non the way"}
COUNTS = {"sent": 3, "consumed": 3, "withdrawn": 0, "open": 0}

TOLD: dict[str, tuple[dict[str, Any], str]] = {
    "run.started": ({"graph": "g", "state": {"name": "Ada", "n": 1}}, 'g  name="Ada", n=1'),
    "run.forked": ({"origin": "r", "at_seq": 4}, "from r after entry 4"),
    "message.sent": ({"to": "b", "from": "a"}, "a -> b"),
    "message.withdrawn": ({"node": "n", "by": "m", "reason": "late"}, "n  by m  late"),
    "node.started": ({"node": "n", "attempt": 2}, "n  attempt 2"),
    "node.completed": ({"node": "n", "took": 0.5, "patch": {"x": [1]}}, "n  0.500 s  x=[1]"),
    "node.failed": ({"node": "n", "error": ERROR}, "n  STORM: a storm on the way"),
    "node.retrying": (
        {"node": "n", "attempt": 1, "error": ERROR, "due": "2026-11-22T10:00:00Z"},
        "n  attempt 1  STORM: a storm on the way  again at ",
    ),
    "node.skipped": ({"node": "n", "patch": {"x": 1}}, "n  x=1"),
    "breakpoint.hit": ({"node": "n", "where": "before"}, "before n"),
    "breakpoints.set": (
        {"breakpoints": [{"node": "n"}, {"node": "m", "where": "after"}]},
        "before n, after m",
    ),
    "state.patched": ({"patch": {"x": 1}, "messages": [1]}, "x=1"),
    "limit.raised": ({"limit": "max_visits", "value": None}, "max_visits = null"),
    "run.paused": (
        {"reason": "exhausted", "node": "n", "error": ERROR},
        "exhausted  n  STORM: a storm on the way",
    ),
    "run.stepped": ({}, ""),
    "run.resumed": ({}, ""),
    "run.completed": ({"messages": COUNTS}, "3 messages"),
    "run.failed": (
        {"node": "n", "error": ERROR, "messages": COUNTS},
        "n  STORM: a storm on the way",
    ),
    "run.cancelled": ({"reason": "enough", "messages": COUNTS}, "enough"),
    "node.progressed": (
        {"node": "n", "done": 3, "total": 10, "message": "half"},
        "n  3 of 10  half",
    ),
    "node.streamed": ({"node": "n", "data": "tok"}, 'n  "tok"'),
    "node.invented": ({"node": "n", "later": True}, 'node="n", later=true'),
}


def test_large_values_are_told_by_their_size() -> None:
    large = {"text": {"sha256": "0" * 64, "bytes": 183_204}}

    said = shown("node.completed", node="n", patch={"x": 1}, blobs=large)
    assert said.endswith("n  x=1, text=(183,204 bytes)")
    assert shown("run.started", graph="g", state={}, blobs=large).endswith(
        "g  text=(183,204 bytes)"
    )


def shown(kind: str, **fields: Any) -> str:
    """Write an entry as a line."""
    told = {"type": kind, "seq": 7, "batch": 7, "at": "2026-11-22T10:00:00.123456Z", "run_id": "r"}
    return trace.line({**told, **fields}).plain


@pytest.mark.parametrize("kind", TOLD)
def test_an_entry_is_a_line_with_its_number_time_type_and_what_matters(kind: str) -> None:
    fields, says = TOLD[kind]
    line = shown(kind, **fields)

    assert re.fullmatch(rf"    7  \d\d:\d\d:00\.123  {re.escape(kind)} +{re.escape(says)}.*", line)


def test_every_type_of_entry_is_told() -> None:
    known = {each.__struct_config__.tag for each in entry.ENTRY_TYPES}

    assert known <= TOLD.keys()


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("x" * 100, f'"{"x" * 36}...'),
        ([0] * 100, "[100 items]"),
        ({str(key): 0 for key in range(100)}, "{100 keys}"),
        (["x" * 100], "[1 item]"),
    ],
)
def test_a_long_value_is_told_by_what_it_is(value: Any, told: str) -> None:
    assert trace.short(value) == told


def test_what_a_terminal_would_take_for_a_command_is_written_as_its_escape() -> None:
    assert "\x1b" not in shown("state.patched", patch={"\x1b[2J": "\x9b2J"})


def test_what_came_from_the_cache_took_no_time() -> None:
    assert "n  from the cache" in shown("node.completed", node="n", cached=True, patch={})


def test_no_breakpoints_are_none() -> None:
    assert shown("breakpoints.set", breakpoints=[]).endswith("none")
