"""What is said of tools."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from api.wire.reply import Body
from engine import ErrorInfo, Json

MAX_TRY: Final = 60.0
"""Seconds that a tool may be tried for."""

Execution = Literal["async", "thread", "process", "inline"]


class ToolSummary(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool in the list."""

    name: str
    description: str
    execution: Execution
    """Where it runs: what is `async` is awaited."""
    kind: str
    """`python`, or what it was declared as: `http`, `expression`, `template`."""
    version: int | None = None
    """Only of one that was declared: runs that begin now call this."""


class ToolList(msgspec.Struct, frozen=True):
    """The tools that nodes may name, by name."""

    tools: tuple[ToolSummary, ...]


class ToolDescription(ToolSummary, frozen=True, omit_defaults=True, kw_only=True):
    """A tool, and what it takes and gives."""

    input_schema: dict[str, Json]
    """The JSON Schema of the object of its arguments."""
    output_schema: dict[str, Json]
    """The JSON Schema of its result; `{}` where that may be anything."""
    versions: tuple[int, ...] = ()
    """Those that runs may be bound to; only of one that was declared."""
    declaration: dict[str, Json] | None = None
    """As it was given."""


class ToolRegistered(msgspec.Struct, frozen=True):
    """A declared tool has a name and a version."""

    name: str
    kind: str
    version: int


class ToolRemoved(msgspec.Struct, frozen=True):
    """A declared tool is not in the list any more."""

    name: str
    version: int
    """The last one; runs that are bound to it call it all the same."""


class TryRequest(Body, frozen=True):
    """Call a tool once, outside any run."""

    arguments: dict[str, Json] = {}
    """By parameter."""
    timeout: Annotated[float, Meta(ge=0.1, le=MAX_TRY)] = 30.0
    """Seconds."""


class Tried(msgspec.Struct, frozen=True, omit_defaults=True):
    """What would have come of a call in a run: a patch, or an error."""

    took: float
    """Seconds."""
    patch: dict[str, Json] | None = None
    error: ErrorInfo | None = None
