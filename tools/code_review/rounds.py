"""One round of improvement: the first group of fixes that is accepted.

This module knows whose turn it is, and who was refused. It does not know what makes a text
acceptable (`trial`).

A group that was refused comes last from then on, and is tried again only if the code has changed
since. So a review that ends because nothing is left has tried every group on the very code it
ends with: a second review of that code accepts nothing.
"""

from __future__ import annotations

from typing import Final

import msgspec

from tools.code_review import budget, rules
from tools.code_review.rules import Group  # noqa: TC001  # msgspec reads annotations at run time
from tools.code_review.source import short
from tools.code_review.trial import NO_TIME, Accepted, Refusal, Weighed, tried

MAX_WHY: Final = 300


class RefusedGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group of fixes that was not accepted."""

    group: Group
    why: str


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one round."""

    round: int
    """From 1."""
    accepted: Group | None
    """The group whose fixes were applied; None: all were refused."""
    score: float
    """After it."""
    left: int
    """Safe fixes and lines to format that are left after it."""
    removed: list[str]
    """Imports that nobody uses after it, and that are gone."""
    without: list[str]
    """Rules of the group that were left out, since with them it would have been refused."""
    refused: list[RefusedGroup]
    """Those that were tried first, or all."""


def due(issues_digest: str, fixes: dict[Group, int], refused: dict[Group, str]) -> list[Group]:
    """Give the groups that have something to offer and were not refused on this very code.

    Args:
        issues_digest: What tells the code from any other.
        fixes: What each group offers.
        refused: The code on which each group was last refused.

    Returns:
        Those that were never refused first, each kind in the order of `rules.GROUPS`.
    """
    able: list[Group] = [
        g for g in rules.GROUPS if fixes.get(g) and refused.get(g) != issues_digest
    ]
    return sorted(able, key=lambda group: group in refused)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a round leaves behind."""

    code: str
    round: Round
    refused: dict[Group, str]
    """For each group that was refused, on which code it was last."""


def improved(weighed: Weighed, *, number: int, refused: dict[Group, str]) -> Outcome:
    """Apply the first group of fixes that is accepted; if none is, the code stays.

    Args:
        weighed: The code as it is.
        number: Which round this is, from 1.
        refused: What the rounds before it left behind.

    Raises:
        ToolError: Ruff is not there.
    """
    refused = dict(refused)
    told: list[RefusedGroup] = []
    accepted: Accepted | None = None
    taken: Group | None = None
    for group in due(weighed.source.digest, weighed.issues.fixes, refused):
        result: Accepted | Refusal = NO_TIME
        if budget.left() > 0:
            result = tried(weighed, group, to_format="format" not in refused)
        if isinstance(result, Accepted):
            accepted, taken = result, group
            refused.pop(group, None)
            break
        refused[group] = weighed.source.digest
        told.append(RefusedGroup(group=group, why=short(result.why, MAX_WHY)))
    after = weighed if accepted is None else accepted.weighed
    return Outcome(
        code=after.source.code,
        round=Round(
            round=number,
            accepted=taken,
            score=round(after.quality.score, 2),
            left=after.issues.offered,
            removed=[] if accepted is None else list(accepted.removed),
            without=[] if accepted is None else list(accepted.without),
            refused=told,
        ),
        refused=refused,
    )
