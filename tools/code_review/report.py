"""The report of a review, for people: why it ended first, then the score and what it is made of.

This module writes text. It does not know how anything in it was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

from tools.code_review.rules import KINDS, Kind
from tools.code_review.source import short
from tools.code_review.suggestions import suggestions_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tools.code_review.issues import Issues
    from tools.code_review.known import Known
    from tools.code_review.metrics import Metrics
    from tools.code_review.outline import Outline
    from tools.code_review.rounds import Round
    from tools.code_review.score import Quality
    from tools.code_review.source import NotPython
    from tools.code_review.suggestions import Suggestion

StopReason: TypeAlias = Literal[
    "threshold_reached", "nothing_left", "max_rounds", "not_python", "improvable"
]
"""Why a review ended; `improvable`: it need not have, if the graph went on with `improve`."""

_SHOWN: Final = 10
"""Suggestions in the report; the state has more."""
_WIDTH: Final = 200


class Before(msgspec.Struct, frozen=True):
    """How it was before the first round."""

    quality_score: float
    findings: dict[Kind, int]
    fixable: int


def report_of(  # noqa: PLR0913  # they have nothing in common but the report
    stop_reason: StopReason,
    *,
    threshold: float,
    quality: Quality,
    before: Before,
    known: Known,
    rounds: Iterable[Round],
) -> str:
    """Write the report of a review."""
    outline, metrics, issues = known.outline, known.metrics, known.issues
    suggestions = suggestions_of(known.counts, metrics, issues)
    return "\n".join(
        (
            stop_reason,
            _score(quality, threshold, before),
            _shares(quality),
            _size(outline, metrics),
            _findings(issues, before),
            *_rounds(rounds),
            *_worst(metrics),
            *_suggested(suggestions),
            *_cut(outline, metrics, issues),
        )
    )


def not_python(error: NotPython, path: str) -> str:
    """Write the report on what can't be read."""
    return f"not_python\n{short(path, _WIDTH) or 'the code'}: {error.where}"


def _score(quality: Quality, threshold: float, before: Before) -> str:
    was = before.quality_score
    came = "" if was == quality.score else f", {was:.2f} before"
    return f"score {quality.score:.2f} of 10{came}; threshold {threshold:g}"


def _size(outline: Outline, metrics: Metrics) -> str:
    counts = (
        _counted(metrics.lines.all, "line", "lines"),
        _counted(outline.functions, "function", "functions"),
        _counted(outline.classes, "class", "classes"),
    )
    return ", ".join(counts)


def _counted(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"


def _shares(quality: Quality) -> str:
    return (
        f"style {quality.style:.2f}, documentation {quality.documentation:.2f}, "
        f"maintenance {quality.maintenance:.2f} (complexity {quality.complexity:.2f}) of 1"
    )


def _findings(issues: Issues, before: Before) -> str:
    parts = [
        f"{count} {kind}" + ("" if (was := before.findings[kind]) == count else f" (was {was})")
        for kind in KINDS
        for count in (issues.by_kind[kind],)
    ]
    heavy = f", {issues.heavy} of them heavy" if issues.heavy else ""
    note = f"; ruff gave up: {issues.note}" if issues.note else ""
    return f"findings: {', '.join(parts)}{heavy}{note}"


def _rounds(rounds: Iterable[Round]) -> Iterator[str]:
    for each in rounds:
        what = "nothing accepted" if each.accepted is None else f"{each.accepted} accepted"
        what += f" without {', '.join(each.without)}" if each.without else ""
        gone = f", imports gone: {', '.join(each.removed[:5])}" if each.removed else ""
        left = f"{each.left} left to mend"
        yield f"round {each.round}: {what}, score {each.score:.2f}, {left}{gone}"
        yield from (f"  {refused.group} refused: {refused.why}" for refused in each.refused)


def _worst(metrics: Metrics) -> Iterator[str]:
    if metrics.worst:
        yield "most complex functions:"
        yield from (
            f"  {each.complexity} ({each.rank})  {each.name}, line {each.line}"
            for each in metrics.worst
        )


def _suggested(suggestions: list[Suggestion]) -> Iterator[str]:
    if suggestions:
        yield "suggestions, and what the score would gain:"
    for each in suggestions[:_SHOWN]:
        where = f" (line {', '.join(map(str, each.lines[:5]))})" if each.lines else ""
        yield f"  {each.gain:+.2f}  {short(each.what, _WIDTH)}{where}: {each.reason}"
    if len(suggestions) > _SHOWN:
        yield f"  and {len(suggestions) - _SHOWN} more"


def _cut(outline: Outline, metrics: Metrics, issues: Issues) -> Iterator[str]:
    """Say what is counted but not listed."""
    left_out = {
        "functions and classes": outline.not_listed,
        "figures of functions": metrics.not_listed,
        "findings": issues.not_listed,
    }
    cut = [f"{count} {what}" for what, count in left_out.items() if count]
    if cut:
        yield f"not listed, only counted: {', '.join(cut)}"
