"""Entries of a log as lines for people, one each.

This module knows the types of entries and what is worth showing of each. It does not know
where entries come from. docs/log.md has all their fields; a type that is not known here, as
one of a later version, is shown with what it has.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import orjson

from api.commands.screen import counted, styled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.text import Text

    from api.commands.server_client import Object
    from engine import Json

_LONGEST: Final = 40
"""Characters of a value in a line."""

_STYLES: Final[Mapping[str, str]] = {
    "run.completed": "bold green",
    "run.failed": "bold red",
    "run.cancelled": "bold yellow",
    "run.paused": "yellow",
    "node.completed": "green",
    "node.failed": "red",
    "node.retrying": "yellow",
    "message.sent": "dim",
    "message.withdrawn": "dim",
}

_COMMON: Final = frozenset(
    {"type", "seq", "batch", "at", "run_id", "command", "actor", "ephemeral", "activation"}
)
"""What every entry has, or is shown elsewhere in its line."""


def line(entry: Object) -> Text:
    """Write an entry, or a frame, as one line: seq, time of day, type, and what it says."""
    kind = str(entry["type"])
    style = _STYLES.get(kind, "")
    seq = entry.get("seq", "")
    shown = styled(f"{seq:>5}  {_clock(entry.get('at')):12}  ", "dim")
    shown.append_text(styled(f"{kind:<17} ", style))
    shown.append_text(styled(_SAYS.get(kind, _rest)(entry).replace("\n", " "), style))
    return shown


def short(value: Json) -> str:
    """Write a value as JSON, or, if that is long, what it is."""
    text = orjson.dumps(value).decode()
    if len(text) <= _LONGEST:
        return text
    match value:
        case list():
            return f"[{counted(len(value), 'item')}]"
        case dict():
            return f"{{{counted(len(value), 'key')}}}"
        case _:
            return f"{text[: _LONGEST - 3]}..."


def pairs(values: Json) -> str:
    """Write an object as `key=value`, one after the other."""
    if not isinstance(values, dict):
        return "" if values is None else short(values)
    return ", ".join(f"{key}={short(value)}" for key, value in values.items())


def _values(entry: Object, field: str) -> str:
    """Write the values of an entry, and how large those are that it only names."""
    blobs = entry.get("blobs")
    large = (
        f"{key}=({int(str(each['bytes'])):,} bytes)"
        for key, each in (blobs.items() if isinstance(blobs, dict) else ())
        if isinstance(each, dict)
    )
    return ", ".join(filter(None, (pairs(entry.get(field)), *large)))


def _clock(at: Json) -> str:
    """Write a time as that of the day, here; a frame has none."""
    if not isinstance(at, str):
        return ""
    local = datetime.fromisoformat(at).replace(tzinfo=UTC).astimezone()
    return local.strftime("%H:%M:%S.%f")[:-3]


def _spaced(*parts: Json) -> str:
    return "  ".join(str(part) for part in parts if part not in (None, ""))


def _error(entry: Object) -> str:
    error = entry.get("error")
    return f"{error.get('code')}: {error.get('message')}" if isinstance(error, dict) else ""


def _took(entry: Object) -> str:
    took = entry.get("took")
    if entry.get("cached"):
        return "from the cache"
    return f"{took:.3f} s" if isinstance(took, int | float) else ""


def _attempt(entry: Object) -> str:
    attempt = entry.get("attempt", 1)
    return f"attempt {attempt}" if attempt != 1 else ""


def _path(entry: Object) -> str:
    source = entry.get("from")
    return f"{source} -> {entry.get('to')}" if source else f"-> {entry.get('to')}"


def _progress(entry: Object) -> str:
    total = entry.get("total")
    done = f"{entry.get('done')}" + (f" of {total}" if total is not None else "")
    return _spaced(entry.get("node"), done, entry.get("message"))


def _messages(entry: Object) -> str:
    counts = entry.get("messages")
    return counted(int(str(counts["sent"])), "message") if isinstance(counts, dict) else ""


def _breakpoints(entry: Object) -> str:
    given = entry.get("breakpoints")
    places = (each for each in given if isinstance(each, dict)) if isinstance(given, list) else ()
    return ", ".join(f"{p.get('where', 'before')} {p.get('node')}" for p in places) or "none"


def _rest(entry: Object) -> str:
    """Write what an entry has beside what all have."""
    return pairs({key: value for key, value in entry.items() if key not in _COMMON})


_SAYS: Final[Mapping[str, Callable[[Object], str]]] = {
    "run.started": lambda e: _spaced(e.get("graph"), _values(e, "state")),
    "run.forked": lambda e: f"from {e.get('origin')} after entry {e.get('at_seq')}",
    "message.sent": _path,
    "message.withdrawn": lambda e: _spaced(e.get("node"), f"by {e.get('by')}", e.get("reason")),
    "node.started": lambda e: _spaced(e.get("node"), _attempt(e)),
    "node.completed": lambda e: _spaced(e.get("node"), _took(e), _values(e, "patch")),
    "node.failed": lambda e: _spaced(e.get("node"), _attempt(e), _error(e)),
    "node.retrying": lambda e: _spaced(
        e.get("node"), f"attempt {e.get('attempt')}", _error(e), f"again at {_clock(e.get('due'))}"
    ),
    "node.skipped": lambda e: _spaced(e.get("node"), _values(e, "patch")),
    "node.progressed": _progress,
    "node.streamed": lambda e: _spaced(e.get("node"), short(e.get("data"))),
    "breakpoint.hit": lambda e: _spaced(f"{e.get('where')} {e.get('node')}", e.get("problem")),
    "breakpoints.set": _breakpoints,
    "state.patched": lambda e: _values(e, "patch"),
    "limit.raised": lambda e: f"{e.get('limit')} = {short(e.get('value'))}",
    "run.paused": lambda e: _spaced(e.get("reason"), e.get("node"), _error(e)),
    "run.completed": _messages,
    "run.failed": lambda e: _spaced(e.get("node"), _error(e)),
    "run.cancelled": lambda e: str(e.get("reason") or ""),
}
"""What each type of entry says."""
