"""What is wrong with a file: findings, each with its place, and their sums.

This module knows ruff's findings, ours, and the table of rules. It does not know what they are
worth (`score`), nor how they are mended (`rounds`).

Only the first thousand findings are kept, the heavy ones before the light ones; the sums are of
all of them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from tools.code_review import own_rules, ruff, rules
from tools.code_review.habits import settings_of
from tools.code_review.rules import (  # noqa: TC001  # msgspec reads annotations at run time
    Group,
    Kind,
    Severity,
)
from tools.code_review.source import short

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.code_review.source import NotPython, Source

MAX_LISTED: Final = 1_000
MAX_LINES: Final = 10
"""Lines that the sum of a rule names."""
MAX_MESSAGE: Final = 300
MAX_EDIT: Final = 400
"""Characters of the edits of a fix; of a longer one only the message is kept."""


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a fix: what stands between two places becomes `text`. Both count from 1."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """What would mend a finding."""

    message: str
    safe: bool
    """Whether the code certainly does the same afterwards."""
    edits: list[Edit]
    """Empty if they are too long to be kept."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong at one place. Columns and lines count from 1."""

    rule: str
    name: str
    kind: Kind
    severity: Severity
    line: int
    column: int
    end_line: int
    end_column: int
    message: str
    fix: Fix | None = None


class RuleCount(msgspec.Struct, frozen=True, kw_only=True):
    """How often a rule found something."""

    rule: str
    name: str
    kind: Kind
    severity: Severity
    count: int
    fixable: int
    """Those with a fix that is safe and that `improve` applies."""
    message: str
    """That of the first finding."""
    how: str | None
    """What its fix would do, if it has any."""
    lines: list[int]
    """The first of them."""


class Issues(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of all findings."""

    digest: str
    """Of the code that this is about."""
    total: int
    by_kind: dict[Kind, int]
    style: int
    light: int
    """Of maintenance; so is `heavy`."""
    heavy: int
    fixes: dict[Group, int]
    """The safe fixes that each group offers; `format`: lines that the formatter would change."""
    rules: list[RuleCount]
    """The most frequent first."""
    settings: ruff.Settings | None
    """How the code was looked at; None if ruff gave up on it."""
    not_listed: int
    note: str | None
    """Why ruff gave up."""

    @property
    def offered(self) -> int:
        """How much there is that can be mended without a person."""
        return sum(self.fixes.values())


class Detected(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a file."""

    findings: list[Finding]
    """In the order of the file."""
    issues: Issues


def detected(
    source: Source,
    *,
    target_version: str | None = None,
    line_length: int | None = None,
    settings: ruff.Settings | None = None,
) -> Detected:
    """Find what is wrong with a file.

    Args:
        source: The file.
        target_version: The Python it is to run on; ours if left out.
        line_length: Characters of a line; found out if left out.
        settings: All of that, if it is known.

    Raises:
        ToolError: Ruff is not there, or does not take these settings.
    """
    own = [_own(source, each) for each in own_rules.found_in(source)]
    try:
        told = settings or settings_of(
            source, target_version=target_version, line_length=line_length
        )
        ignored = rules.IGNORE_IN_TESTS if source.is_test else rules.IGNORE
        found = ruff.check(source.code, told, select=rules.SELECT, ignore=ignored)
        to_format = ruff.lines_to_format(source.code, told)
    except ruff.GaveUp as gave_up:
        return _summed(source.digest, [*own, _unreadable(gave_up)], note=str(gave_up))
    return _summed(source.digest, [*own, *map(_finding, found)], told, to_format)


def nothing_detected(digest: str, error: NotPython) -> Detected:
    """Give what is found in a text that is not Python: that it is not."""
    line, column = error.line or 1, error.column or 1
    return _summed(
        digest,
        [
            Finding(
                rule=rules.SYNTAX,
                name=rules.SYNTAX,
                kind="maintenance",
                severity="heavy",
                line=line,
                column=column,
                end_line=line,
                end_column=column,
                message=short(error.reason, MAX_MESSAGE),
            )
        ],
        note="it is not Python",
    )


def _summed(
    digest: str,
    found: list[Finding],
    settings: ruff.Settings | None = None,
    to_format: int = 0,
    *,
    note: str | None = None,
) -> Detected:
    """Put findings together with their sums."""
    found.sort(key=lambda each: (each.line, each.column, each.rule))
    by_kind = Counter(each.kind for each in found)
    heavy = sum(each.severity == "heavy" for each in found)
    fixes: Counter[Group] = Counter({"format": to_format})
    for each in found:
        if (group := mended_by(each)) is not None:
            fixes[group] += 1
    listed = sorted(found, key=lambda each: each.severity != "heavy")[:MAX_LISTED]
    listed.sort(key=lambda each: (each.line, each.column, each.rule))
    return Detected(
        findings=listed,
        issues=Issues(
            digest=digest,
            total=len(found),
            by_kind={kind: by_kind[kind] for kind in rules.KINDS},
            style=by_kind["style"],
            light=by_kind["maintenance"] - heavy,
            heavy=heavy,
            fixes={group: fixes[group] for group in rules.GROUPS},
            rules=_by_rule(found),
            settings=settings,
            not_listed=len(found) - len(listed),
            note=note,
        ),
    )


def mended_by(finding: Finding) -> Group | None:
    """Give the group that mends a finding, if one does."""
    safe = finding.fix is not None and finding.fix.safe
    return rules.group(finding.rule) if safe else None


def _by_rule(found: Iterable[Finding]) -> list[RuleCount]:
    """Count findings by rule; the most frequent come first."""
    by_rule: dict[str, list[Finding]] = {}
    for each in found:
        by_rule.setdefault(each.rule, []).append(each)
    counts = [
        RuleCount(
            rule=rule,
            name=first.name,
            kind=first.kind,
            severity=first.severity,
            count=len(of_rule),
            fixable=sum(mended_by(each) is not None for each in of_rule),
            message=first.message,
            how=next((each.fix.message for each in of_rule if each.fix is not None), None),
            lines=sorted({each.line for each in of_rule})[:MAX_LINES],
        )
        for rule, of_rule in by_rule.items()
        for first in of_rule[:1]
    ]
    return sorted(counts, key=lambda each: (-each.count, each.rule))


def _finding(found: ruff.Diagnostic) -> Finding:
    rule = rules.rule(found.code)
    return Finding(
        rule=found.code,
        name=found.name,
        kind=rule.kind,
        severity=rule.severity,
        line=found.location.row,
        column=found.location.column,
        end_line=found.end_location.row,
        end_column=found.end_location.column,
        message=short(found.message, MAX_MESSAGE),
        fix=None if found.fix is None else _fix(found.fix),
    )


def _fix(fix: ruff.Fix) -> Fix:
    edits = [
        Edit(
            line=each.location.row,
            column=each.location.column,
            end_line=each.end_location.row,
            end_column=each.end_location.column,
            text=each.content or "",
        )
        for each in fix.edits
    ]
    fits = len(edits) <= 20 and sum(len(each.text) for each in edits) <= MAX_EDIT  # noqa: PLR2004  # a bound
    return Fix(
        message=short(fix.message or "Mend it", MAX_MESSAGE),
        safe=fix.applicability == "safe",
        edits=edits if fits else [],
    )


def _own(source: Source, found: own_rules.Found) -> Finding:
    rule = rules.rule(found.rule)
    return Finding(
        rule=found.rule,
        name=found.name,
        kind=rule.kind,
        severity=rule.severity,
        line=found.first.lineno,
        column=_column(source, found.first.lineno, found.first.col_offset),
        end_line=found.last.end_lineno or found.last.lineno,
        end_column=_column(source, found.last.end_lineno or 1, found.last.end_col_offset or 0),
        message=found.message,
    )


def _column(source: Source, line: int, offset: int) -> int:
    """Give the place of a byte in a line, in characters from 1."""
    return len(source.lines[line - 1][:offset].decode(errors="replace")) + 1


def _unreadable(gave_up: ruff.GaveUp) -> Finding:
    rule = rules.rule(rules.UNREADABLE)
    return Finding(
        rule=rules.UNREADABLE,
        name="unreadable",
        kind=rule.kind,
        severity=rule.severity,
        line=1,
        column=1,
        end_line=1,
        end_column=1,
        message=f"ruff gave up on this file: {gave_up}",
    )
