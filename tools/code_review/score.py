"""What code is worth: four shares between 0 and 1, and the score from 0 to 10 made of them.

This module is arithmetic. It does not know where the figures come from.

There is no maintainability index in it: that is 0 for any long file, however good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from tools.code_review.issues import Issues
    from tools.code_review.metrics import Metrics
    from tools.code_review.outline import Outline

FEWEST_STATEMENTS: Final = 20
"""A shorter file counts as one of so many statements: one finding must not be all of it."""

_STYLE: Final = 0.35
_DOCUMENTATION: Final = 0.20
_MAINTENANCE: Final = 0.45

_STEEP: Final = 8.0
"""How soon findings tell: one in eight statements halves a share."""
_LINE: Final = 0.25
"""A line that the formatter would change, in findings."""
_HEAVY: Final = 3.0
"""A heavy finding, in light ones."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """All that the score is made of."""

    statements: int
    public: int
    documented: int
    simplicity: float
    style: int
    to_format: int
    light: int
    heavy: int
    is_checked: bool = True
    """Whether ruff could look at it; nothing is known of the style of what it could not."""

    @classmethod
    def of(cls, outline: Outline, metrics: Metrics, issues: Issues) -> Counts:
        """Take the counts out of what the steps before have found."""
        return cls(
            statements=outline.statements,
            public=outline.public,
            documented=outline.documented,
            simplicity=metrics.simplicity,
            style=issues.style,
            to_format=issues.fixes["format"],
            light=issues.light,
            heavy=issues.heavy,
            is_checked=issues.settings is not None,
        )


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """The score, and what it is made of."""

    score: float
    """From 0 to 10."""
    style: float
    """From 0 to 1; so are the others."""
    documentation: float
    complexity: float
    """How simple the functions are; half of `maintenance`."""
    maintenance: float

    def rounded(self) -> Quality:
        """Give it as people read it."""
        return Quality(
            score=round(self.score, 2),
            style=round(self.style, 3),
            documentation=round(self.documentation, 3),
            complexity=round(self.complexity, 3),
            maintenance=round(self.maintenance, 3),
        )


NONE: Final = Quality(score=0.0, style=0.0, documentation=0.0, complexity=0.0, maintenance=0.0)
"""The worth of what is not Python."""


def quality_of(counts: Counts) -> Quality:
    """Work out what code is worth."""
    statements = max(counts.statements, FEWEST_STATEMENTS)
    style = _share(counts.style + _LINE * counts.to_format, statements)
    documentation = counts.documented / counts.public if counts.public else 1.0
    clean = _share(counts.light + _HEAVY * counts.heavy, statements)
    maintenance = 0.5 * counts.simplicity + 0.5 * clean
    if not counts.is_checked:
        style = 0.0
    weighed = _STYLE * style + _DOCUMENTATION * documentation + _MAINTENANCE * maintenance
    return Quality(
        score=10 * weighed,
        style=style,
        documentation=documentation,
        complexity=counts.simplicity,
        maintenance=maintenance,
    )


def _share(findings: float, statements: int) -> float:
    """Give what is left of 1 with so many findings in so many statements."""
    return 1.0 / (1.0 + _STEEP * findings / statements)
