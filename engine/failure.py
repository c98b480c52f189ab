"""What went wrong in a tool, as a value that can be stored.

This module knows exceptions: where they came from and what lies behind them. It does not know
what follows from an error. Nothing here raises, whatever a tool's exceptions are like.
"""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from engine.entry import ErrorInfo
from engine.errors import EngineError, NodeError
from engine.tool import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.ids import Json
    from engine.tool import AnyTool

MAX_TEXT: Final = 2_000
"""Characters of an exception's message that are kept; some print what they choked on."""

MAX_CAUSES: Final = 10

_AGAIN: Final = frozenset({"BAD_OUTPUT", "WORKER_LOST"})
"""Codes of the engine's own errors after which another attempt may do better."""

_LIBRARIES: Final = tuple(
    {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        str(PurePath(__file__).parent),
        "<frozen ",
    }
)
"""Where code is that whoever wrote a tool did not write."""


def failure(tool: AnyTool, error: BaseException) -> ErrorInfo:
    """Say what went wrong in `tool`, in words that can be stored. Never raises."""
    try:
        return _told(tool, error)
    except BaseException:  # noqa: BLE001  # the exception itself is the tool's code as well
        return ErrorInfo(
            code=ToolError.code,
            message=f"tool '{tool.name}' raised {type(error).__name__}, which can't be read",
            hint="mend the exception: its text, its attributes or what it is made with",
        )


def _told(tool: AnyTool, error: BaseException) -> ErrorInfo:
    error = _only(error)
    if isinstance(error, NodeError):
        return ErrorInfo(
            code=error.code,
            message=_printable(error.message),
            hint=_printable(error.hint),
            details=error.details if isinstance(error.details, dict) else {},  # pyright: ignore[reportUnnecessaryIsInstance]  # tools set what they like
            cause=tuple(_causes(_behind(error))),
            retryable=error.retryable if isinstance(error, ToolError) else error.code in _AGAIN,
            retry_after=error.retry_after if isinstance(error, ToolError) else None,
        )
    details: dict[str, Json] = {}
    place = ""
    if places := list(_places(error)):
        own = _own(tool, places)
        details["at"] = _named_place(own)
        place = f" ({details['at']})"
        if own != places[-1]:
            details["raised_at"] = _named_place(places[-1])
    return ErrorInfo(
        code=error.code if isinstance(error, EngineError) else ToolError.code,
        message=f"tool '{tool.name}' raised {_named(error)}{place}",
        hint=_printable(error.hint) if isinstance(error, EngineError) else "",
        details=details,
        cause=tuple(_causes(error)),
    )


def _only(error: BaseException) -> BaseException:
    """Give what a group is about if that is one exception: a TaskGroup wraps each one."""
    while len(inside := _inside(error)) == 1:
        error = inside[0]
    return error


# -- where it was -------------------------------------------------------------------------

_Place: TypeAlias = tuple[str, int, str]
"""File, line and name of the function."""


def _places(error: BaseException) -> Iterator[_Place]:
    """Go from the call of the tool to where it was raised."""
    for frame, line in traceback.walk_tb(error.__traceback__):
        yield frame.f_code.co_filename, line, frame.f_code.co_name


def _own(tool: AnyTool, places: list[_Place]) -> _Place:
    """Give the innermost place in the author's own code: there it can be mended."""
    for place in reversed(places):
        if not place[0].startswith(_LIBRARIES):
            return place
    code = getattr(tool.function, "__code__", None)  # a tool that was installed with a package
    file = getattr(code, "co_filename", None)
    return next((place for place in reversed(places) if place[0] == file), places[-1])


def _named_place(place: _Place) -> str:
    file, line, function = place
    path = PurePath(file)
    name = f"{path.parent.name}/{path.name}" if path.stem == "__init__" else path.name
    return f"{name}:{line} in {function}"


# -- what lies behind it ------------------------------------------------------------------


def _causes(error: BaseException | None) -> Iterator[str]:
    """Go from an error to what lies behind it; from a group to the first of its errors."""
    for _ in range(MAX_CAUSES):
        if error is None:
            return
        yield _named(error)
        error = _behind(error) or next(iter(_inside(error)), None)


def _inside(error: BaseException) -> Sequence[BaseException]:
    """Give the errors of a group; of what is none, none."""
    if not isinstance(error, BaseExceptionGroup):
        return ()
    return cast("BaseExceptionGroup[BaseException]", error).exceptions


def _behind(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _named(error: BaseException) -> str:
    """Name an exception as tracebacks do, even one that can't say what it means."""
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001  # its __str__ is the tool's code as well
        text = ""
    return _printable(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def _printable(text: str) -> str:
    """Make a text that every store can keep: no NUL, no lone surrogates, not too long."""
    shown = text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
    return shown.encode(errors="backslashreplace").decode().replace("\0", "\\0")
