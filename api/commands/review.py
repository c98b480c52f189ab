"""`awe review`: Python files, what is wrong with them, and what makes them better.

This module knows what is done with reviews: shown, written as JSON or as a diff, or put into
the files. It does not know how they are made (`reviewing`), nor how they look
(`review_screen`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands import commits, shipped, sources, stoppable
from api.commands.embedded import told
from api.commands.failure import FAILED, WRONG, Failure
from api.commands.patch import patch_of
from api.commands.review_screen import ReviewScreen, left_out
from api.commands.reviewing import Reviewing, Wish, unreadable
from api.commands.screen import counted, show_json, whole

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from api.commands.reviewing import Review
    from api.commands.sources import Found, Source
    from engine import Json


def command(  # noqa: PLR0913  # what a review may be told, each with a default
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Files, and folders of which all *.py are taken.",
            show_default=False,
        ),
    ],
    *,
    threshold: Annotated[
        float, typer.Option(min=0, max=10, metavar="SCORE", help="The score that is good enough.")
    ] = 8,
    max_rounds: Annotated[
        int,
        typer.Option(
            min=0, max=100, metavar="N", help="Rounds of improvement at most; 0: only look."
        ),
    ] = 10,
    diff: Annotated[bool, typer.Option("--diff", help="Show what would make them better.")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Put the better code into the files.")] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Fix files, too, that git could not bring back as they are."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write one object of JSON, with all findings.")
    ] = False,
    jobs: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Files at once.", show_default="one for each CPU"),
    ] = os.cpu_count() or 1,
) -> int:
    """Review Python files, and say or do what makes them better. No code is executed.

    Each is improved in rounds until its score reaches the threshold or nothing is left that
    can be mended safely; the files stay as they are without --fix. Ends with 1 if a score
    stays below the threshold.
    """
    if diff and fix:
        raise Failure("either --diff or --fix", hint="--fix writes what --diff shows", status=WRONG)
    found = sources.find(paths)
    readable, unread = _read(found)
    if not readable and not unread:
        why = f"; left out: {left_out(found.skipped)}" if found.skipped else ""
        raise Failure(
            f"there is nothing to review{why}",
            hint="name Python files, or folders that have some",
            status=WRONG,
        )
    if fix and not force:
        _refuse_unsaved(readable)
    screen = ReviewScreen(threshold=threshold, beside=diff or as_json)
    desk = _Desk(screen, fix=fix, diff=diff, as_json=as_json)
    with told():
        document = shipped.review()
    reviewing = Reviewing(
        document,
        Wish(threshold=threshold, max_rounds=max_rounds, jobs=jobs),
        desk.take,
    )
    with told(), screen.moving(reviewing, len(readable)):
        for each in unread:
            desk.take(each)
        stoppable.run(reviewing.all(readable), say=screen.say)
    order = {path: number for number, path in enumerate(found.paths)}
    desk.reviews.sort(key=lambda each: order[each.path])
    if as_json:
        show_json(desk.as_json(threshold, found))
    else:
        screen.show_all(desk.reviews, found.skipped, advise=not fix and not diff)
    failed = any(each.stop_reason == "failed" for each in desk.reviews)
    low = any(each.after < threshold for each in desk.reviews)
    return FAILED if failed or low or desk.is_unwritten else 0


def _read(found: Found) -> tuple[list[Source], list[Review]]:
    """Read all files; those that are no text are left out, and counted."""
    readable: list[Source] = []
    unread: list[Review] = []
    for path in found.paths:
        try:
            readable.append(sources.read(path))
        except sources.NoText:
            found.skipped["no text"] += 1
        except sources.Unreadable as error:
            unread.append(unreadable(path, str(error)))
    return readable, unread


def _refuse_unsaved(readable: Iterable[Source]) -> None:
    """See that git could bring back every file as it is.

    Raises:
        Failure: It could not, and which.
    """
    given = list(readable)
    found = commits.unsaved(each.real for each in given)
    unsaved = [f"{each.path}: {found[each.real]}" for each in given if each.real in found]
    if unsaved:
        hopeless = {commits.NOWHERE, commits.NO_GIT}.issuperset(found.values())
        raise Failure(
            f"git could not bring back {counted(len(unsaved), 'file')} as it is now; "
            "nothing was changed",
            hint="use --force" if hopeless else "commit or stash first, or use --force",
            lines=unsaved,
            status=WRONG,
        )


class _Desk:
    """Takes reviews as they are done, and does with each of them what was asked for."""

    def __init__(self, screen: ReviewScreen, *, fix: bool, diff: bool, as_json: bool) -> None:
        self.reviews: list[Review] = []
        self.is_unwritten = False
        """Whether a file could not be fixed."""
        self._screen = screen
        self._fix = fix
        self._diff = diff
        self._as_json = as_json
        self._written: set[Path] = set()

    def take(self, review: Review) -> None:
        """Fix the file or show what would, and say what was found in it."""
        self.reviews.append(review)
        if self._fix and review.source is not None and review.is_changed:
            try:
                sources.write(review.source, review.code)
                self._written.add(review.path)
            except Failure as failure:
                self.is_unwritten = True
                self._screen.show_line(f"{failure.message} ({failure.hint})", "bold red")
        if not self._as_json:
            self._screen.show(review, written=review.path in self._written)
            if self._diff:
                self._screen.show_diff(patch_of(review))

    def as_json(self, threshold: float, found: Found) -> dict[str, Json]:
        """Give all that was found, for programs."""
        return {
            "threshold": threshold,
            "files": [self._file(each) for each in self.reviews],
            "left_out": dict(found.skipped),
        }

    def _file(self, review: Review) -> dict[str, Json]:
        told: dict[str, Json] = {
            "path": whole(str(review.path)),
            "stop_reason": review.stop_reason,
            "says": review.says,
            "score_before": review.before,
            "score": review.after,
            "rounds": [*review.rounds],
            "worst": [
                {"name": each.name, "line": each.line, "complexity": each.complexity}
                for each in review.worst
            ],
            "by_kind": {
                kind: {"before": was, "after": now} for kind, (was, now) in review.kinds.items()
            },
            "findings": review.findings,
            "suggestions": review.suggestions,
            "is_changed": review.is_changed,
            "is_written": review.path in self._written,
        }
        if self._diff:
            told["diff"] = whole("".join(patch_of(review).lines))
        return told
