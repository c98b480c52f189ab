"""What is known about a text: taken from the state where a step has left it, else worked out.

This module knows which results belong to which text: each carries a digest of it. It does not
know what a step makes of them.

So a graph may leave out any step, or run them in another order, and no step ever judges a text
by what was found in another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.code_review.issues import Detected, Issues, detected
from tools.code_review.metrics import Metrics, metrics_of
from tools.code_review.outline import Outline, extracted
from tools.code_review.score import Counts
from tools.code_review.source import Source, read

if TYPE_CHECKING:
    from tools.code_review.written import Found


@dataclass(frozen=True, slots=True)
class Known:
    """All that the score of a text is made of. Made by `known`.

    Attributes:
        source: The text.
        outline: How much it defines.
        metrics: Its figures.
        issues: What is wrong with it.
        found: What was worked out now, as the keys of the state that are to hold it.
    """

    source: Source
    outline: Outline
    metrics: Metrics
    issues: Issues
    found: Found

    @property
    def counts(self) -> Counts:
        """What the score is made of."""
        return Counts.of(self.outline, self.metrics, self.issues)


def known(  # noqa: PLR0913  # these are keys of the state
    code: str,
    path: str,
    *,
    outline: Outline | None,
    metrics: Metrics | None,
    issues: Issues | None,
    target_version: str | None,
    line_length: int | None,
) -> Known:
    """Put together what is known about a text, and work out what is missing.

    Raises:
        NotPython: It is not Python.
        ToolError: Ruff is not there, or does not take these settings.
    """
    source = read(code, path)
    found: Found = {}
    if outline is None or outline.digest != source.digest:
        defined = extracted(source)
        outline = defined.outline
        found["functions"] = defined.functions
        found["classes"] = defined.classes
        found["outline"] = outline
    if metrics is None or metrics.digest != source.digest:
        metrics = metrics_of(source)
        found["metrics"] = metrics
    if issues is None or issues.digest != source.digest:
        seen: Detected = detected(source, target_version=target_version, line_length=line_length)
        issues = seen.issues
        found["findings"] = seen.findings
        found["issues"] = issues
    return Known(source, outline, metrics, issues, found)
