"""How complex functions are: cyclomatic complexity and Halstead's measures, by radon.

This module is the only one that knows radon, which has no types. It does not know what is made of
the figures.

radon leaves out functions in classes that stand in functions, so its visitor is sent there
separately; it is never asked for its raw metrics, whose time is quadratic in the length of a
statement (`lines`).
"""

from __future__ import annotations

import ast
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol, cast

import msgspec
from radon import complexity as radon_complexity  # type: ignore[import-untyped]  # it has no types
from radon import metrics as radon_metrics  # pyright: ignore[reportMissingTypeStubs]  # as above
from radon import visitors as radon_visitors  # pyright: ignore[reportMissingTypeStubs]  # as above

from tools.code_review.outline import Definition, Node, definitions

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tools.code_review.source import Source

EASY: Final = 10
"""A function up to this complexity is as simple as need be."""
HARD: Final = 25
"""One from this complexity on is as complex as it can get; radon calls more than 20 risky."""

_FRAMES: Final = 100_000
# A tree that the parser lets through is up to 10,000 levels deep (3.13), and radon's visitors
# take up to three frames for a level. Since 3.11 those are not on the stack of the system.


class Halstead(msgspec.Struct, frozen=True, kw_only=True):
    """Halstead's measures: how much is said, and how hard it is to say."""

    volume: float
    difficulty: float
    effort: float


class Complexity(msgspec.Struct, frozen=True, kw_only=True):
    """How complex one function is."""

    name: str
    line: int
    lines: int
    """How long it is."""
    complexity: int
    """Cyclomatic: the ways through it, without those of functions inside it."""
    rank: str
    """By radon, from A (simple) to F (nobody can test it)."""
    halstead: Halstead | None
    """None for what stands inside a function: it is counted there."""


class _Block(Protocol):
    """A function or class, as radon gives it."""

    name: str
    lineno: int
    col_offset: int


class _Function(_Block, Protocol):
    closures: list[_Function]
    complexity: int


class _Class(_Block, Protocol):
    methods: list[_Function]
    inner_classes: list[_Class]


class _Visitor(Protocol):
    functions: list[_Function]
    classes: list[_Class]


class _Report(Protocol):
    volume: float
    difficulty: float
    effort: float


def complexities(source: Source) -> list[Complexity]:
    """Measure all functions of a file, in the order in which they stand there."""
    found = [each for each in definitions(source.tree) if not isinstance(each.node, ast.ClassDef)]
    with _deep():
        known = _cyclomatic(source.tree, found)
        return [_complexity(each, known[each.node.lineno, each.node.col_offset]) for each in found]


def halstead(source: Source) -> Halstead:
    """Measure a file as a whole."""
    with _deep():
        return _halstead(source.tree)


def simplicity(source: Source) -> float:
    """Give the mean ease of the functions of a file, the longer ones weighing more.

    It is 1 for a file without any.
    """
    found = [each for each in definitions(source.tree) if not isinstance(each.node, ast.ClassDef)]
    with _deep():
        known = _cyclomatic(source.tree, found)
    return mean_ease([(_lines(n), known[n.lineno, n.col_offset]) for _, n, *_ in found])


def mean_ease(functions: list[tuple[int, int]]) -> float:
    """Give the mean ease of functions, by their lines and their complexity; 1 if there are none."""
    total = sum(lines for lines, _ in functions)
    eases = sum(lines * ease(complexity) for lines, complexity in functions)
    return round(eases / total, 6) if total else 1.0


def ease(complexity: int) -> float:
    """Say how far a function is from being too complex, from 0 to 1."""
    return min(1.0, max(0.0, (HARD - complexity) / (HARD - EASY)))


def _complexity(found: Definition, cyclomatic: int) -> Complexity:
    node = found.node
    return Complexity(
        name=found.name,
        line=node.lineno,
        lines=_lines(node),
        complexity=cyclomatic,
        rank=str(radon_complexity.cc_rank(cyclomatic)),  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]  # as above
        halstead=None if found.is_nested else _halstead(node),
    )


def _lines(node: Node) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _halstead(node: ast.AST) -> Halstead:
    visitor: object = radon_visitors.HalsteadVisitor.from_ast(node)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # as above
    report = cast("_Report", radon_metrics.halstead_visitor_report(visitor))  # pyright: ignore[reportUnknownMemberType]  # as above
    return Halstead(
        volume=round(report.volume, 1),
        difficulty=round(report.difficulty, 2),
        effort=round(report.effort, 1),
    )


def _cyclomatic(tree: ast.Module, found: list[Definition]) -> dict[tuple[int, int], int]:
    """Give the complexity of each function by its place."""
    known = dict(_blocks(_visited(tree)))
    for each in found:
        if (each.node.lineno, each.node.col_offset) not in known:
            known.update(_blocks(_visited(each.node)))
    return known


def _visited(node: ast.AST) -> _Visitor:
    return cast("_Visitor", radon_visitors.ComplexityVisitor.from_ast(node))  # pyright: ignore[reportUnknownMemberType]  # as above


def _blocks(visitor: _Visitor) -> Iterator[tuple[tuple[int, int], int]]:
    """Go through the functions that a visitor has seen, by their place."""
    functions = list(visitor.functions)
    classes = list(visitor.classes)
    while classes:
        each = classes.pop()
        functions.extend(each.methods)
        classes.extend(each.inner_classes)
    while functions:
        function = functions.pop()
        functions.extend(function.closures)
        yield (function.lineno, function.col_offset), function.complexity


@contextmanager
def _deep() -> Generator[None]:
    """Let visitors go as deep as the deepest tree there is."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
