"""The habits of a file: how wide its lines are, and which imports it takes for its own.

This module finds out what a project's own configuration would say, which is not there: code may
come over HTTP. It does not know what is made of it.

Whoever formats with 100 characters should not be told to reformat everything to 88.
"""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, Final

import msgspec

from engine import ToolError
from tools.code_review import budget, ruff

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.code_review.source import Source

WIDTHS: Final = (88, 79, 100, 120)
"""Widths that projects use; the formatter's own comes first."""
MIN_WIDTH: Final = 40
MAX_WIDTH: Final = 320


def settings_of(
    source: Source, *, target_version: str | None, line_length: int | None
) -> ruff.Settings:
    """Find out how to treat a file, as far as nobody says it.

    The width is the one of `WIDTHS` at which the formatter would change the fewest lines; of
    several, the one that the fewest lines are longer than.

    Raises:
        GaveUp: Ruff can't read it.
        ToolError: There is no such version of Python, or no such width.
    """
    told = ruff.Settings(
        target_version=_version(target_version),
        line_length=_width(line_length) or WIDTHS[0],
        filename=source.filename,
    )
    told = _with_own_modules(source, told)
    if line_length is not None:
        return told
    longer = [len(line) for line in source.code.splitlines()]
    found: list[tuple[int, int, int, int]] = []
    for order, width in enumerate(WIDTHS):
        if found and budget.left() < _ENOUGH_LEFT:
            break  # what is wrong with the file matters more than how wide it is
        changed = ruff.lines_to_format(source.code, ruff.wide(told, width))
        found.append((changed, sum(length > width for length in longer), order, width))
    _, _, _, best = min(found)
    return ruff.wide(told, best)


_ENOUGH_LEFT: Final = budget.STEP / 2
"""Seconds that are kept for the findings."""


def _with_own_modules(source: Source, told: ruff.Settings) -> ruff.Settings:
    """Add the modules that a file takes for its own, unless its imports are in order without."""
    own = first_party(source)
    if not own:
        return told
    asked = msgspec.structs.replace(told, first_party=own)
    unsorted = len(ruff.check(source.code, asked, select="I001"))
    return asked if unsorted <= len(ruff.check(source.code, told, select="I001")) else told


def _version(asked: str | None) -> str:
    """Give the version of Python that code is to run on; if nobody says: ours.

    Raises:
        ToolError: There is no such version.
    """
    if asked is None:
        ours = f"py3{sys.version_info.minor}"
        return ours if ours in ruff.VERSIONS else ruff.VERSIONS[-1]
    if asked not in ruff.VERSIONS:
        raise _refused("target_version", asked, f"one of {', '.join(ruff.VERSIONS)}")
    return asked


def _width(asked: int | None) -> int | None:
    """See that lines can be so long.

    Raises:
        ToolError: They can't.
    """
    if asked is not None and not MIN_WIDTH <= asked <= MAX_WIDTH:
        raise _refused("line_length", asked, f"{MIN_WIDTH} to {MAX_WIDTH} characters")
    return asked


def _refused(key: str, came: object, expected: str) -> ToolError:
    return ToolError(
        f"'{key}' is {came!r}, expected {expected}",
        code="BAD_SETTING",
        hint=f"start the run with another '{key}', or without it",
        retryable=False,
    )


def first_party(source: Source) -> tuple[str, ...]:
    """Give the modules whose imports a file keeps in a last block of their own.

    That is how sorted imports set apart what belongs to the same project. Where there is just one
    block beside that of the standard library, nothing tells, and nothing depends on it.
    """
    last: set[str] = set()
    earlier: set[str] = set()
    for blocks in _runs(source):
        if len(blocks) > 1:
            last |= blocks[-1]
            earlier = earlier.union(*blocks[:-1])
    return tuple(sorted(last - earlier))


def _runs(source: Source) -> Iterator[list[set[str]]]:
    """Go through the places where a module imports: the blocks of each, by their modules.

    A run of imports ends where something else stands, a block with a blank line. Blocks without
    any module but those of the standard library are left out.
    """
    bodies = [source.tree.body, *(n.body for n in source.tree.body if isinstance(n, ast.If))]
    for body in bodies:
        run: list[set[str]] = []
        end = 0
        for node in body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                between = source.lines[end : node.lineno - 1]
                if not run or not all(line.strip() for line in between):
                    run.append(set())
                run[-1].update(r for r in _roots(node) if r not in sys.stdlib_module_names)
                end = node.end_lineno or node.lineno
            elif run:
                yield [block for block in run if block]
                run = []
        yield [block for block in run if block]


def _roots(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Give the top-level modules that an import is from; none if it is relative."""
    if isinstance(node, ast.Import):
        return [each.name.partition(".")[0] for each in node.names]
    return [] if node.level or node.module is None else [node.module.partition(".")[0]]
