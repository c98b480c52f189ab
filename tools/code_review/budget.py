"""What one step of a review may take: seconds of the CPU, its own and those of ruff.

A step runs in one of few processes, and as long as it runs, others wait. So each step begins
with so much, and what would take longer is left out, which is said where it would have been.

This module knows clocks. It does not know what the time is spent on.
"""

from __future__ import annotations

import resource
import time
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

P = ParamSpec("P")
R = TypeVar("R")

STEP: Final = 4.0
"""Seconds of the CPU that one step may take; what can't be stopped is still ended then."""

_ends: Final[ContextVar[float | None]] = ContextVar("ends", default=None)


def limited(step: Callable[P, R]) -> Callable[P, R]:
    """Let a step take so much and no more, each time it is called."""

    @wraps(step)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        with limit(STEP):
            return step(*args, **kwargs)

    return called


@contextmanager
def limit(seconds: float) -> Generator[None]:
    """Let what is done inside take so many seconds from now on."""
    before = _ends.set(_spent() + seconds)
    try:
        yield
    finally:
        _ends.reset(before)


class OutOfTime(Exception):
    """The step has no time left for what was begun."""


def check() -> None:
    """See that there is time left.

    Raises:
        OutOfTime: There is none.
    """
    if left() <= 0:
        raise OutOfTime


def left() -> float:
    """Give how many seconds the step has left; less than nothing, if it took more.

    Outside of a step nothing is counted: there are as many as one begins with.
    """
    ends = _ends.get()
    return STEP if ends is None else ends - _spent()


def _spent() -> float:
    """Give what this process has taken, with those that it has waited for."""
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + others.ru_utime + others.ru_stime
