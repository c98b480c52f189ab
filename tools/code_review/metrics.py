"""The figures of a file: its lines, its complexity, and its most complex functions.

This module knows how the figures are put together. It does not know how they are measured
(`complexity`, `lines`), nor what they are worth (`score`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tools.code_review.complexity import Complexity, Halstead, complexities, halstead, mean_ease
from tools.code_review.lines import Lines, lines_of
from tools.code_review.outline import MAX_TEXT
from tools.code_review.source import short

if TYPE_CHECKING:
    from tools.code_review.source import Source

MAX_LISTED: Final = 1_000
"""Functions that are listed, the most complex ones."""
WORST: Final = 5


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a file."""

    digest: str
    """Of the code that this is about."""
    lines: Lines
    statements: int
    simplicity: float
    """The mean ease of its functions, from 0 to 1."""
    function_lines: int
    """The lines of all functions together, by which their ease is weighed."""
    mean_complexity: float
    max_complexity: int
    halstead: Halstead
    worst: list[Complexity]
    """The five most complex functions."""
    functions: list[Complexity]
    """The most complex functions, in the order in which they stand in the file."""
    not_listed: int


def metrics_of(source: Source) -> Metrics:
    """Measure a file."""
    found = complexities(source)
    by_complexity = sorted(found, key=lambda each: (-each.complexity, -each.lines, each.line))
    listed = sorted(by_complexity[:MAX_LISTED], key=lambda each: each.line)
    total = sum(each.complexity for each in found)
    return Metrics(
        digest=source.digest,
        lines=lines_of(source),
        statements=source.statements,
        simplicity=mean_ease([(each.lines, each.complexity) for each in found]),
        function_lines=sum(each.lines for each in found),
        mean_complexity=round(total / len(found), 2) if found else 0.0,
        max_complexity=by_complexity[0].complexity if found else 0,
        halstead=halstead(source),
        worst=[_named(each) for each in by_complexity[:WORST]],
        functions=[_named(each) for each in listed],
        not_listed=len(found) - len(listed),
    )


def _named(function: Complexity) -> Complexity:
    """Give a function with a name that is not too long."""
    return msgspec.structs.replace(function, name=short(function.name, MAX_TEXT))


def nothing_measured(digest: str) -> Metrics:
    """Give the figures of a text that is not Python: none."""
    return Metrics(
        digest=digest,
        lines=Lines(all=0, code=0, comments=0, single_comments=0, multi=0, blank=0),
        statements=0,
        simplicity=0.0,
        function_lines=0,
        mean_complexity=0.0,
        max_complexity=0,
        halstead=Halstead(volume=0.0, difficulty=0.0, effort=0.0),
        worst=[],
        functions=[],
        not_listed=0,
    )
