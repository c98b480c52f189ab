"""Whether a changed text may take the place of another: the trial of one group of fixes.

This module knows how a group is applied, and what must hold afterwards. It does not know which
group's turn it is (`rounds`).

A text is accepted only if it compiles, says the same, is worth no less, and leaves less to mend;
so a review can neither spoil a file nor go on forever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tools.code_review import budget, ruff, rules
from tools.code_review.complexity import simplicity
from tools.code_review.issues import detected
from tools.code_review.outline import extracted
from tools.code_review.score import Counts, Quality, quality_of
from tools.code_review.source import NotPython, Source, read
from tools.code_review.trees import difference, names

if TYPE_CHECKING:
    from tools.code_review.issues import Issues
    from tools.code_review.rules import Group

_UNUSED: Final = "F401"
_ALMOST: Final = 1e-9
"""Sums of floats may differ by so much."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A text, what it is worth, and what is left to mend in it."""

    source: Source
    quality: Quality
    issues: Issues

    @classmethod
    def of(cls, source: Source, settings: ruff.Settings) -> Weighed:
        """Weigh a text.

        Raises:
            OutOfTime: The step has no time left for it.
            ToolError: Ruff is not there.
        """
        budget.check()
        outline = extracted(source).outline
        issues = detected(source, settings=settings).issues
        counts = Counts(
            statements=source.statements,
            public=outline.public,
            documented=outline.documented,
            simplicity=simplicity(source),
            style=issues.style,
            to_format=issues.fixes["format"],
            light=issues.light,
            heavy=issues.heavy,
            is_checked=issues.settings is not None,
        )
        return cls(source, quality_of(counts), issues)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A changed text may take the place of the one before."""

    weighed: Weighed
    removed: tuple[str, ...]
    """Imports that nobody uses any more, and that are gone."""
    without: tuple[str, ...] = ()
    """Rules of the group that were left out, since with them it was refused."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """It may not; says why."""

    why: str


NO_TIME: Final = Refusal("there was no time left in this round for it")


def tried(before: Weighed, group: Group, *, to_format: bool) -> Accepted | Refusal:
    """Apply a group of fixes, and see what comes of it.

    If all of them together are refused, they are tried rule by rule, each on top of those that
    were accepted: one bad rule does not keep the others out.

    Args:
        before: The text as it is.
        group: Whose fixes are applied.
        to_format: Whether the text is formatted afterwards.

    Raises:
        ToolError: Ruff is not there.
    """
    whole = _tried(before, group, rules.GROUPS[group], to_format=to_format)
    offered = sorted(
        each.rule
        for each in before.issues.rules
        if each.fixable and rules.group(each.rule) == group
    )
    if isinstance(whole, Accepted) or len(offered) < 2:  # noqa: PLR2004  # alone it is the whole
        return whole
    now = before
    removed: list[str] = []
    without: list[str] = []
    for rule in offered:
        result: Accepted | Refusal = NO_TIME
        if budget.left() > 0:
            result = _tried(now, group, (rule,), to_format=to_format)
        if isinstance(result, Accepted):
            now = result.weighed
            removed += result.removed
        else:
            without.append(rule)
    return whole if now is before else Accepted(now, tuple(removed), tuple(without))


def _tried(
    before: Weighed, group: Group, selected: tuple[str, ...], *, to_format: bool
) -> Accepted | Refusal:
    """Apply some of the fixes of a group, and see what comes of it."""
    settings = before.issues.settings
    if settings is None:
        return Refusal(f"ruff gave up: {before.issues.note}")
    code = before.source.code
    try:
        changed, removed = _applied(code, group, selected, settings)
        if to_format and changed != code:
            changed = _formatted(changed, settings)
        if changed == code:
            return Refusal("it changes nothing")
        budget.check()
        after = Weighed.of(read(changed, before.source.filename), settings)
        return _judged(before, after, group, removed)
    except ruff.GaveUp as gave_up:
        return Refusal(f"ruff gave up: {gave_up}")
    except NotPython as error:
        return Refusal(f"the result can't be reviewed: {error.where}")
    except budget.OutOfTime:
        return NO_TIME


def _formatted(code: str, settings: ruff.Settings) -> str:
    """Format a text, unless that would change what it says.

    Raises:
        GaveUp: Ruff can't finish.
    """
    written = ruff.formatted(code, settings)
    try:
        same = difference(read(code).tree, read(written).tree) is None
    except NotPython:
        return code
    return written if same else code


def _applied(
    code: str, group: Group, selected: tuple[str, ...], settings: ruff.Settings
) -> tuple[str, tuple[str, ...]]:
    """Give a text with the fixes of a group, and the names of imports that this left unused.

    An import that nobody used before stays: others may import it from here.

    Raises:
        GaveUp: Ruff can't finish.
    """
    if group == "format":
        return ruff.formatted(code, settings), ()
    changed = ruff.fixed(code, settings, select=",".join(selected), ignore=rules.IGNORE)
    if changed == code:
        return code, ()
    unused = _unused(code, settings)
    left = sorted(_unused(changed, settings) - unused)
    if left:
        changed = ruff.fixed(changed, settings, select=_UNUSED, spared=sorted(unused))
    return changed, tuple(left)


def _unused(code: str, settings: ruff.Settings) -> set[str]:
    """Give the full names of the imports that nobody uses: ruff puts them first, in backticks."""
    found = ruff.check(code, settings, select=_UNUSED)
    return {each.message.split("`")[1].partition(" as ")[0] for each in found}


def _judged(
    before: Weighed, after: Weighed, group: Group, removed: tuple[str, ...]
) -> Accepted | Refusal:
    """Decide whether a text may take the place of another."""
    budget.check()
    if group in rules.KEEPS_THE_TREE:
        line = difference(before.source.tree, after.source.tree)
        if line is not None:
            return Refusal(f"it would change more than the looks of line {line}")
    gone = names(before.source.tree) ^ names(after.source.tree)
    gone -= {name.rpartition(".")[2] for name in removed} | {n.partition(".")[0] for n in removed}
    if gone:
        return Refusal(f"the names {', '.join(sorted(gone)[:5])} would come or go")
    if after.issues.settings is None:
        return Refusal(f"the result can't be reviewed: {after.issues.note}")
    was, would_be = before.quality.score, after.quality.score
    if would_be < was - _ALMOST:
        return Refusal(f"the score would fall from {was:.4f} to {would_be:.4f}")
    if after.issues.offered >= before.issues.offered:
        return Refusal(
            f"it would leave no less to mend: {after.issues.offered} instead of "
            f"{before.issues.offered}"
        )
    return Accepted(after, removed)
