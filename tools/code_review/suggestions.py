"""What to do about a file: the most rewarding first, each with its reason and, if any, its fix.

This module knows what the steps before have found. It does not know how anything is mended
(`rounds`).

Suggestions are ranked by what the score would gain, which is worked out, not guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec
from msgspec.structs import replace

from tools.code_review import rules
from tools.code_review.complexity import EASY, ease
from tools.code_review.issues import MAX_LINES
from tools.code_review.rules import Group, Kind  # noqa: TC001  # msgspec reads annotations at run time
from tools.code_review.score import Counts, quality_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.code_review.issues import Issues, RuleCount
    from tools.code_review.metrics import Metrics

MAX_LISTED: Final = 50

_MISSING: Final = ("D100", "D101", "D102", "D103", "D104", "D106")


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """Something worth doing."""

    rank: int
    """From 1, the most rewarding."""
    what: str
    reason: str
    kind: Kind
    gain: float
    """What the score would gain, of 10."""
    rule: str | None
    lines: list[int]
    """Where, the first places."""
    by: Literal["improve", "hand"]
    """Who can do it: `improve` does what is certainly safe."""
    group: Group | None
    """Whose round of `improve` does it."""
    fix: str | None
    """How, if it is known."""


def suggestions_of(counts: Counts, metrics: Metrics, issues: Issues) -> list[Suggestion]:
    """Say what is worth doing, the most rewarding first."""
    found = [
        *_to_format(counts, issues),
        *_to_document(counts, issues),
        *(_to_mend(counts, each) for each in issues.rules if each.kind != "documentation"),
        *_to_simplify(counts, metrics),
    ]
    found.sort(key=lambda each: (-each.gain, each.what))
    return [replace(each, rank=rank) for rank, each in enumerate(found[:MAX_LISTED], start=1)]


def _to_format(counts: Counts, issues: Issues) -> Iterator[Suggestion]:
    if counts.to_format:
        yield Suggestion(
            rank=0,
            what=f"Format it: {counts.to_format} line{'s'[: counts.to_format != 1]} would change",
            reason="code in one form is read without a thought for its form",
            kind="style",
            gain=_gain(counts, replace(counts, to_format=0)),
            rule=None,
            lines=[],
            by="improve",
            group="format",
            fix="ruff format"
            if issues.settings is None
            else f"ruff format --line-length {issues.settings.line_length}",
        )


def _to_document(counts: Counts, issues: Issues) -> Iterator[Suggestion]:
    if missing := counts.public - counts.documented:
        found = [line for each in issues.rules if each.rule in _MISSING for line in each.lines]
        yield Suggestion(
            rank=0,
            what=f"Document {missing} of {counts.public} public definitions",
            reason="whoever uses them asks what they are for",
            kind="documentation",
            gain=_gain(counts, replace(counts, documented=counts.public)),
            rule=None,
            lines=sorted(set(found))[:MAX_LINES],
            by="hand",
            group=None,
            fix=None,
        )


def _to_mend(counts: Counts, found: RuleCount) -> Suggestion:
    """Suggest to mend what one rule has found."""
    if found.kind == "style":
        without = replace(counts, style=counts.style - found.count)
    elif found.severity == "heavy":
        without = replace(counts, heavy=counts.heavy - found.count)
    else:
        without = replace(counts, light=counts.light - found.count)
    times = "" if found.count == 1 else f", and {found.count - 1} more"
    safe = found.fixable == found.count
    return Suggestion(
        rank=0,
        what=f"{found.message}{times}",
        reason=rules.rule(found.rule).why,
        kind=found.kind,
        gain=_gain(counts, without),
        rule=found.rule,
        lines=found.lines,
        by="improve" if safe else "hand",
        group=rules.group(found.rule) if safe else None,
        fix=found.how,
    )


def _to_simplify(counts: Counts, metrics: Metrics) -> Iterator[Suggestion]:
    """Suggest to split the most complex functions."""
    for each in metrics.worst:
        if each.complexity > EASY:
            simpler = (
                counts.simplicity
                + (1 - ease(each.complexity)) * each.lines / metrics.function_lines
            )
            yield Suggestion(
                rank=0,
                what=f"Split {each.name}: {each.complexity} ways through {each.lines} lines",
                reason=f"each way wants a test; up to {EASY} are bearable",
                kind="maintenance",
                gain=_gain(counts, replace(counts, simplicity=min(simpler, 1.0))),
                rule=None,
                lines=[each.line],
                by="hand",
                group=None,
                fix=None,
            )


def _gain(now: Counts, then: Counts) -> float:
    return round(quality_of(then).score - quality_of(now).score, 2)
