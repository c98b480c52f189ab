"""How figures are shown: one line for each, beside its goal.

This module knows medians, quartiles and columns. It does not know what was measured, and it
judges nothing but whether a median is at most its goal.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

WIDTHS: Final = (52, 14, 10, 15, 9)
"""Characters of each column but the last."""

HEAD: Final = ("", "figure", "ratio", "quartiles", "goal", "")


@dataclass(frozen=True, slots=True)
class Line:
    """One figure, as it was found in each round.

    Attributes:
        what: What was measured.
        figures: One for each round, in `unit`.
        unit: What they are counted in; empty where only the ratio means anything.
        ratios: One for each round, where the figure is compared with another of that round.
        goal: The most that the ratio may be, or the figure where there is no ratio.
        note: What must be known to read the line.
    """

    what: str
    figures: Sequence[float] = ()
    unit: str = ""
    ratios: Sequence[float] = ()
    goal: float | None = None
    note: str = ""

    @property
    def judged(self) -> Sequence[float]:
        """The figures that the goal is about."""
        return self.ratios or self.figures

    @property
    def met(self) -> bool:
        """Whether the median is at most the goal."""
        return self.goal is None or statistics.median(self.judged) <= self.goal

    def cells(self) -> tuple[str, ...]:
        """Give the columns."""
        low, high = quartiles(self.judged)
        verdict = "" if self.goal is None else "met" if self.met else "NOT MET"
        return (
            self.what,
            f"{number(statistics.median(self.figures))} {self.unit}" if self.figures else "",
            f"{statistics.median(self.ratios):.2f} x" if self.ratios else "",
            f"{number(low)} - {number(high)}",
            "" if self.goal is None else f"<= {self.goal:g}",
            f"{verdict:8}{self.note}".rstrip(),
        )


@dataclass(slots=True)
class Section:
    """Lines that belong together."""

    title: str
    lines: list[Line] = field(default_factory=list)

    def text(self) -> Iterator[str]:
        """Write it down, line by line."""
        yield self.title
        yield _row(HEAD)
        for line in self.lines:
            yield _row(line.cells())


def number(figure: float) -> str:
    """Write a figure with as many digits as mean anything."""
    size = abs(figure)
    digits = next((n for n, least in enumerate((100, 10, 0.1)) if size >= least), 4)
    return f"{figure:,.{digits}f}"


def quartiles(figures: Sequence[float]) -> tuple[float, float]:
    """Give the middle half of the figures: where it begins and where it ends."""
    if len(figures) == 1:
        return figures[0], figures[0]
    first, _, third = statistics.quantiles(figures, n=4, method="inclusive")
    return first, third


def over(figures: Iterable[float], others: Iterable[float]) -> list[float]:
    """Divide, round by round."""
    return [figure / other for figure, other in zip(figures, others, strict=True)]


def _row(cells: Sequence[str]) -> str:
    first, *numbers, last = cells
    columns = (f"{cell:>{width}}" for cell, width in zip(numbers, WIDTHS[1:], strict=True))
    return f"  {first:{WIDTHS[0]}}{''.join(columns)}  {last}".rstrip()
