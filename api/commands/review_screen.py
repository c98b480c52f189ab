"""Reviews as people see them: a table that moves while they go on, and a block for each file.

This module knows what a review has found. It does not know how reviews are made.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from api.commands.screen import counted, hung, is_seen, notes, output, put, styled

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from rich.console import RenderableType

    from api.commands.patch import Patch
    from api.commands.reviewing import Review, Reviewing, Step

_NAMED: Final = 44
"""Columns of the name of a file in a table; of a longer one the end is shown."""

_SUGGESTED: Final = 5
"""Suggestions that are shown of a file."""

_AT: Final = 5
"""Lines that are named in a suggestion."""

_BAR: Final = 24

_LINES: Final[Mapping[str, str]] = {"+": "green", "-": "red", "@": "cyan"}

_REASONS: Final[Mapping[str, str]] = {
    "threshold_reached": "green",
    "nothing_left": "yellow",
    "max_rounds": "yellow",
    "not_python": "red",
    "failed": "bold red",
}


class ReviewScreen:
    """Shows reviews on a terminal, or writes them into a file.

    Args:
        threshold: The score that is good enough.
        beside: Whether standard output is for something else, such as diffs or JSON. On a
            terminal everything is shown in one place all the same.
    """

    def __init__(self, *, threshold: float, beside: bool) -> None:
        self._threshold = threshold
        self._output = output()
        aside = notes()
        seen = self._output.is_terminal
        self._text = aside if beside and not seen else self._output
        # On one terminal, what moves and what is written above it have to be one console.
        self._moves = self._output if seen else aside

    def moving(self, reviewing: Reviewing, total: int) -> AbstractContextManager[object]:
        """Show the reviews that go on, in a table that moves, as long as this is entered."""
        if not is_seen(self._moves):
            return nullcontext()

        def now() -> RenderableType:
            return _going_on(dict(reviewing.steps), total, reviewing.done)

        return Live(console=self._moves, get_renderable=now, refresh_per_second=8, transient=True)

    def show(self, review: Review, *, written: bool) -> None:
        """Show what was found in a file."""
        lines = [*self._block(review)]
        if written:
            lines.append((_label("written"), styled("the better code is in the file")))
        # In one piece: each piece makes what moves be drawn again below it.
        self._text.print(Group(*(hung(self._text, *line) for line in lines)))

    def show_line(self, line: str, style: str) -> None:
        """Show a line of a diff."""
        self._text.print(styled(line, style))

    def say(self, line: str) -> None:
        """Say a line above what moves; without a terminal, on standard error."""
        self._moves.print(styled(f"awe: {line}"))

    def show_diff(self, patch: Patch) -> None:
        """Show a diff: coloured on a terminal, else as bytes that can be applied."""
        if not patch.lines:
            return
        if self._output.is_terminal:
            lines = (styled(each.rstrip("\n"), _LINES.get(each[:1], "")) for each in patch.lines)
            self._output.print(Text("\n").join(lines))
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(patch.data)
            sys.stdout.buffer.flush()

    def show_all(self, reviews: Sequence[Review], skipped: Counter[str], *, advise: bool) -> None:
        """Show all files in a table, their sums, and what was left out.

        Args:
            reviews: The files.
            skipped: How many others there are, by the reason why they were not reviewed.
            advise: Say how code is made better.
        """
        if len(reviews) > 1:
            self._text.print()
            put(self._text, self._table(reviews))
        self._text.print()
        reached = sum(each.after >= self._threshold for each in reviews)
        told = f"{counted(len(reviews), 'file')}, {reached} with {self._threshold:g} or more"
        failed = sum(each.stop_reason == "failed" for each in reviews)
        if failed:
            told += f"; {counted(failed, 'review')} failed"
        self._text.print(styled(told, "bold"))
        if skipped:
            self._text.print(styled(f"left out: {left_out(skipped)}"))
        better = sum(each.is_changed for each in reviews)
        if advise and better:
            which = "it" if len(reviews) == 1 else f"{better} of them"
            self._text.print(
                styled(f"{which} can be made better: --diff shows how, --fix does it"),
            )

    def _block(self, review: Review) -> Iterator[tuple[Text, Text]]:
        """Give the lines on a file, each with its label."""
        head = styled(str(review.path), "bold").append_text(styled("  "))
        if review.source is not None and review.stop_reason != "not_python":
            head.append_text(self._scores(review)).append_text(styled("  "))
        reason = styled(review.stop_reason, _REASONS.get(review.stop_reason, ""))
        yield styled(""), head.append_text(reason).append_text(styled(_after(review)))
        for line in review.says.splitlines():
            yield styled("  "), styled(line)
        if review.kinds and not review.says:
            kinds = (
                f"{kind} {now}" + (f" (was {was})" if was != now else "")
                for kind, (was, now) in review.kinds.items()
            )
            yield _label("findings"), styled(", ".join(kinds))
        label = "complex"
        for each in review.worst:
            yield (
                _label(label, f"{each.complexity:>3}  "),
                styled(f"{each.name}, line {each.line}"),
            )
            label = ""
        yield from _suggested(review)

    def _scores(self, review: Review) -> Text:
        """Write the score before and after, or once if it is the same."""
        style = "green" if review.after >= self._threshold else "yellow"
        now = styled(f"{review.after:.2f}", style)
        if review.before == review.after:
            return now
        return styled(f"{review.before:.2f} -> ").append_text(now)

    def _table(self, reviews: Sequence[Review]) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("file", no_wrap=True)
        for name in ("before", "after", "findings"):
            table.add_column(name, justify="right")
        table.add_column("stopped because")
        for each in reviews:
            scored = each.source is not None and each.stop_reason != "not_python"
            style = "green" if each.after >= self._threshold else "yellow"
            table.add_row(
                styled(_named(each.path)),
                styled(f"{each.before:.2f}" if scored else ""),
                styled(f"{each.after:.2f}" if scored else "", style),
                styled(sum(now for _, now in each.kinds.values()) if scored else ""),
                styled(each.stop_reason, _REASONS.get(each.stop_reason, "")),
            )
        return table


def left_out(skipped: Counter[str]) -> str:
    """Say how many files were not reviewed, by the reason."""
    return ", ".join(f"{why} {count}" for why, count in sorted(skipped.items()))


def _going_on(steps: Mapping[Path, Step], total: int, done: int) -> RenderableType:
    """Draw how far all is, and each review that goes on."""
    head = Table.grid(padding=(0, 2, 0, 0))
    head.add_row(
        ProgressBar(total=total, completed=done, width=_BAR), styled(f"{done} of {total} files")
    )
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    for path, step in steps.items():
        table.add_row(
            styled(_named(path)),
            styled(step.node, "cyan"),
            styled(f"round {step.round}" if step.round else ""),
            styled("" if step.score is None else f"{step.score:.2f}"),
        )
    return Group(head, table)


def _suggested(review: Review) -> Iterator[tuple[Text, Text]]:
    """Say what would make the code better, the most useful first, by what the score would gain."""
    label, advice = "suggest", review.advice
    for each in advice[:_SUGGESTED]:
        where = f" (line {', '.join(map(str, each.lines[:_AT]))})" if each.lines else ""
        yield _label(label, f"{each.gain:+.2f}  "), styled(f"{' '.join(each.what.split())}{where}")
        label = ""
    more = len(advice) - _SUGGESTED
    if more > 0:
        yield _label(label), styled(f"and {more} more: --json has all")


def _after(review: Review) -> str:
    """Say what the rounds did."""
    if not review.rounds:
        return ""
    return f" after {counted(len(review.rounds), 'round')}: {', '.join(review.rounds)}"


def _label(label: str, number: str = "") -> Text:
    return styled(f"  {label:<9} ", "dim").append_text(styled(number))


def _named(path: Path) -> str:
    name = str(path)
    return name if len(name) <= _NAMED else f"...{name[-_NAMED + 3 :]}"
