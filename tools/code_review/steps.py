"""The steps of a review, as nodes call them: what each takes from the state, and writes there.

This module knows the keys of the state. It does not know what the steps do, which is in the
modules they call, nor which graph they stand in.

They run in processes of their own, all of them: parsing holds the interpreter as radon does, and
what ruff writes about a bad file takes long to read. Each works with what is there (`known`), so
a graph may leave out any of them. What is not Python ends in a report, never in an error.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from tools.code_review import budget
from tools.code_review.issues import Issues, detected, nothing_detected
from tools.code_review.known import known
from tools.code_review.metrics import Metrics, metrics_of, nothing_measured
from tools.code_review.outline import Outline, extracted, nothing_extracted
from tools.code_review.report import Before, StopReason, not_python, report_of
from tools.code_review.rounds import Round, due, improved
from tools.code_review.rules import Group  # noqa: TC001  # the engine reads annotations
from tools.code_review.score import NONE, quality_of
from tools.code_review.source import NotPython, digest, read
from tools.code_review.suggestions import suggestions_of
from tools.code_review.trial import Weighed
from tools.code_review.written import (  # noqa: TC001  # the engine reads annotations
    Advice,
    Detection,
    Extraction,
    Improvement,
    Judgement,
    Measurement,
)

THRESHOLD: Final = 8.0
MAX_ROUNDS: Final = 10

_Score = Annotated[float, msgspec.Meta(ge=0, le=10)]
_Count = Annotated[int, msgspec.Meta(ge=0)]


@budget.limited
def extract_functions(code: str, path: str = "") -> Extraction:
    """List what the code defines: `functions`, `classes`, and how much of it in `outline`."""
    try:
        found = extracted(read(code, path))
    except NotPython:
        found = nothing_extracted(digest(code))
    return {"functions": found.functions, "classes": found.classes, "outline": found.outline}


@budget.limited
def complexity(code: str, path: str = "") -> Measurement:
    """Measure the code: `metrics`, its lines, cyclomatic complexity and Halstead's measures."""
    try:
        return {"metrics": metrics_of(read(code, path))}
    except NotPython:
        return {"metrics": nothing_measured(digest(code))}


@budget.limited
def detect_issues(
    code: str,
    path: str = "",
    target_version: str | None = None,
    line_length: int | None = None,
) -> Detection:
    """Find what is wrong with the code: `findings`, and their sums in `issues`."""
    try:
        found = detected(read(code, path), target_version=target_version, line_length=line_length)
    except NotPython as error:
        found = nothing_detected(digest(code), error)
    return {"findings": found.findings, "issues": found.issues}


@budget.limited
def suggest_improvements(  # noqa: PLR0913, PLR0917  # keys of the state, filled by name
    code: str,
    path: str = "",
    outline: Outline | None = None,
    metrics: Metrics | None = None,
    issues: Issues | None = None,
    target_version: str | None = None,
    line_length: int | None = None,
) -> Advice:
    """Say what is worth doing: `suggestions`, the most rewarding first."""
    try:
        now = known(
            code,
            path,
            outline=outline,
            metrics=metrics,
            issues=issues,
            target_version=target_version,
            line_length=line_length,
        )
    except NotPython:
        return {"suggestions": []}
    return {
        **now.found,
        "suggestions": suggestions_of(now.counts, now.metrics, now.issues),
    }


@budget.limited
def quality_score(  # noqa: PLR0913, PLR0917  # keys of the state, filled by name
    code: str,
    path: str = "",
    threshold: _Score = THRESHOLD,
    max_rounds: _Count = MAX_ROUNDS,
    round: _Count = 0,  # noqa: A002  # that is the key of the state
    outline: Outline | None = None,
    metrics: Metrics | None = None,
    issues: Issues | None = None,
    rounds: tuple[Round, ...] = (),
    refused: dict[Group, str] | None = None,
    scores: tuple[float, ...] = (),
    before: Before | None = None,
    target_version: str | None = None,
    line_length: int | None = None,
) -> Judgement:
    """Weigh the code: `quality_score` from 0 to 10, `fixable`, `stop_reason` and `report`."""
    try:
        now = known(
            code,
            path,
            outline=outline,
            metrics=metrics,
            issues=issues,
            target_version=target_version,
            line_length=line_length,
        )
    except NotPython as error:
        found = nothing_detected(digest(code), error)
        return {
            "findings": found.findings,
            "issues": found.issues,
            "quality_score": 0.0,
            "quality": NONE,
            "fixable": 0,
            "scores": [*scores[:round], 0.0],
            "before": before or Before(0.0, found.issues.by_kind, 0),
            "stop_reason": "not_python",
            "report": not_python(error, path),
        }
    quality = quality_of(now.counts).rounded()
    ready = due(now.source.digest, now.issues.fixes, refused or {})
    fixable = sum(now.issues.fixes[group] for group in ready)
    was = before or Before(quality.score, now.issues.by_kind, fixable)
    reason = _stop_reason(
        is_good=quality.score >= threshold, is_left=fixable > 0, is_over=round >= max_rounds
    )
    return {
        **now.found,
        "quality_score": quality.score,
        "quality": quality,
        "fixable": fixable,
        "scores": [*scores[:round], quality.score],
        "before": was,
        "stop_reason": reason,
        "report": report_of(
            reason,
            threshold=threshold,
            quality=quality,
            before=was,
            known=now,
            rounds=rounds,
        ),
    }


def _stop_reason(*, is_good: bool, is_left: bool, is_over: bool) -> StopReason:
    if is_good:
        return "threshold_reached"
    if not is_left:
        return "nothing_left"
    return "max_rounds" if is_over else "improvable"


@budget.limited
def apply_fixes(  # noqa: PLR0913, PLR0917  # keys of the state, filled by name
    code: str,
    path: str = "",
    round: _Count = 0,  # noqa: A002  # that is the key of the state
    outline: Outline | None = None,
    metrics: Metrics | None = None,
    issues: Issues | None = None,
    rounds: tuple[Round, ...] = (),
    refused: dict[Group, str] | None = None,
    target_version: str | None = None,
    line_length: int | None = None,
) -> Improvement:
    """Apply the next group of safe fixes: `code`, and what came of it in `rounds`."""
    number = round + 1
    try:
        now = known(
            code,
            path,
            outline=outline,
            metrics=metrics,
            issues=issues,
            target_version=target_version,
            line_length=line_length,
        )
    except NotPython:
        nothing = Round(
            round=number, accepted=None, score=0.0, left=0, removed=[], without=[], refused=[]
        )
        return {"code": code, "round": number, "rounds": [*rounds, nothing]}
    done = improved(
        Weighed(now.source, quality_of(now.counts), now.issues),
        number=number,
        refused=refused or {},
    )
    return {
        "code": done.code,
        "round": number,
        "rounds": [*rounds, done.round],
        "refused": done.refused,
    }
