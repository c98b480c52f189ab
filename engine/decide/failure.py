"""Errors as values: what the log keeps of what went wrong.

This module knows how exceptions, and what hosts report of tools, become entries that can be
written down. It does not know what follows from an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from engine.entry import ErrorInfo
from engine.errors import InvalidValue
from engine.value import admit

if TYPE_CHECKING:
    from engine.errors import EngineError
    from engine.ids import Json

LONGEST_TEXT: Final = 10_000
"""Characters. Tools put whole pages into their errors; a log is no place for them."""

LONGEST_PAUSE: Final = 365 * 24 * 3600.0
"""Seconds. A year is taken for a slip of whoever asks to be left alone for longer."""


def as_value(
    error: EngineError, *, retryable: bool = False, cause: tuple[str, ...] = ()
) -> ErrorInfo:
    """Turn an exception into what the log keeps of it."""
    return clean(
        ErrorInfo(
            code=error.code,
            message=error.message,
            hint=error.hint,
            details=error.details,
            cause=cause,
            retryable=retryable,
        )
    )


def clean(error: ErrorInfo) -> ErrorInfo:
    """Make sure that an error can be written down and read back: it is never refused.

    Its fields come from tools, and nothing has checked their types.
    """
    return ErrorInfo(
        code=_text(error.code) or "ERROR",
        message=_text(error.message),
        hint=_text(error.hint),
        cause=tuple(_text(each) for each in error.cause),
        details={_text(key): _detail(value) for key, value in error.details.items()},
        retryable=bool(error.retryable),
        retry_after=_pause(error.retry_after),
    )


def _pause(asked: object) -> float | None:
    if type(asked) not in (int, float) or asked != asked:  # noqa: PLR0124  # not a number
        return None
    return float(min(max(cast("float", asked), 0.0), LONGEST_PAUSE))


def _text(value: object) -> str:
    if value is None:
        return ""
    try:
        plain = str(value).encode("utf-8", "replace").decode().replace("\0", "\\0")
    except Exception:  # noqa: BLE001  # whatever it is, it can't say so
        plain = f"<{type(value).__name__}>"
    return plain if len(plain) <= LONGEST_TEXT else plain[:LONGEST_TEXT] + "..."


def _detail(value: Json) -> Json:
    try:
        return admit(value, what="a detail", max_size=LONGEST_TEXT * 10)
    except InvalidValue:
        try:
            return _text(repr(value))
        except Exception:  # noqa: BLE001  # too deep, too long, or of a class that can't
            return f"<{type(value).__name__}>"
