"""When a failed attempt is made again.

This module knows the retry policy of a node and arithmetic. It does not know runs, clocks
or chance: the jitter that keeps many runs from retrying in step is derived from the run.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from zlib import crc32

if TYPE_CHECKING:
    from engine.entry import ErrorInfo
    from engine.graph.parts import Retry

_SPAN: Final = 2**32


def retries(retry: Retry, error: ErrorInfo, *, attempts: int) -> bool:
    """Tell whether another attempt follows `attempts` failed ones, the last with `error`."""
    if attempts >= retry.max_attempts or not error.retryable:
        return False
    return not retry.on or error.code in retry.on


def backoff(retry: Retry, error: ErrorInfo, *, attempts: int, key: str) -> timedelta:
    """Give the pause after `attempts` failed attempts.

    Exponential and capped, then stretched by at most `retry.jitter` of itself, by a share
    that depends on nothing but `key` and `attempts`; never shorter than the error asks for.
    """
    try:
        delay = min(retry.delay * retry.factor ** (attempts - 1), retry.max_delay)
    except OverflowError:
        delay = retry.max_delay
    share = crc32(f"{key}:{attempts}".encode()) / _SPAN
    delay *= 1 + retry.jitter * share
    return timedelta(seconds=max(delay, error.retry_after or 0.0))
