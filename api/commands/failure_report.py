"""A report of a failure, in lines for people: what failed, on what, and what can be done.

This module knows the report as JSON has it, from a server or from an engine in this process.
It does not know who asked for it.
"""

from __future__ import annotations

import shlex
from itertools import islice
from typing import TYPE_CHECKING, Final

import orjson

from api.commands.screen import hang, paste, styled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console

    from api.commands.server_client import Object
    from engine import Json

_MOST: Final = 20
"""Keys of a state, and earlier attempts, that are shown."""

_LONGEST: Final = 70
"""Characters of a value that is shown."""


def show(
    console: Console, report: Object, *, server: str | None, what: str = "can be done"
) -> None:
    """Show a report.

    Args:
        console: Where.
        report: As the API answers it.
        server: Where its actions can be sent as they stand; None: nowhere, so that only what
            they do is said.
        what: Under which condition they can be.
    """
    error = _object(report.get("error"))
    console.print(styled(f"run '{report['run_id']}' {_headline(report, error)}", "bold red"))
    for line in str(error.get("message", "")).splitlines():
        hang(console, styled("  "), styled(line))
    for label, text in _parts(report, error):
        hang(console, styled(f"  {label:<9}  ", "dim"), styled(text))
    actions = [_object(each) for each in _list(report.get("actions"))]
    if actions:
        console.print(styled(f"  what {what}:"))
    for number, action in enumerate(actions, 1):
        hang(console, styled(f"    {number}. "), styled(action["says"]))
        if server is not None:
            paste(console, styled("       "), styled(_call(action, server), "green"))


def _parts(report: Object, error: Object) -> Iterator[tuple[str, str]]:
    """Give what there is to say of a failure, each with its label; one that goes on has none."""
    said: dict[str, Iterable[str]] = {
        "caused by": (str(each) for each in _list(error.get("cause"))),
        "before": (_attempt(_object(each)) for each in _list(report.get("earlier"))),
        "state": _keys(_object(report.get("state"))),
        "hint": str(error.get("hint", "")).splitlines(),
    }
    for label, lines in said.items():
        for number, line in enumerate(lines):
            yield "" if number else label, line


def _headline(report: Object, error: Object) -> str:
    stopped = "is paused" if report.get("status") == "paused" else "failed"
    node, attempt = report.get("node"), report.get("attempt")
    if node is None:
        return f"of graph '{report['graph_id']}' {stopped}: {error.get('code')}"
    which = f"attempt {attempt}" if attempt else "before it could run"
    return (
        f"of graph '{report['graph_id']}' {stopped} at node '{node}' ({which}): {error.get('code')}"
    )


def _attempt(earlier: Object) -> str:
    error = _object(earlier.get("error"))
    said = _short(str(error.get("message")))
    return f"attempt {earlier.get('attempt')}: {error.get('code')}: {said}"


def _keys(state: Object) -> Iterator[str]:
    for key, value in islice(state.items(), _MOST):
        yield f"{key} = {_short(orjson.dumps(value).decode())}"
    if len(state) > _MOST:
        yield f"and {len(state) - _MOST} keys more"


def _call(action: Object, server: str) -> str:
    body = shlex.quote(orjson.dumps(action.get("body")).decode())
    return f"curl -sS --json {body} {server}{action.get('path')}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _object(value: Json) -> Object:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
