"""Two rules of our own: code that is never reached, and code that is nested too deep.

This module knows trees. It does not know what else there is to find: that ruff finds (`ruff`),
which has these two in preview only.
"""

from __future__ import annotations

import ast
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from tools.code_review import rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.code_review.source import Source

MAX_NESTING: Final = 5
"""Levels of statements inside each other, in one function."""

_ENDS: Final = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_Compound: TypeAlias = (
    ast.If
    | ast.For
    | ast.AsyncFor
    | ast.While
    | ast.With
    | ast.AsyncWith
    | ast.Try
    | ast.TryStar
    | ast.Match
)
_Scope: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Found(NamedTuple):
    """What one of our own rules finds."""

    rule: str
    name: str
    message: str
    first: ast.stmt
    last: ast.stmt


def found_in(source: Source) -> Iterator[Found]:
    """Look for what our own rules are about, in the order of the file."""
    waiting: list[tuple[list[ast.stmt], int]] = [(source.tree.body, 0)]
    while waiting:
        body, depth = waiting.pop()
        yield from _unreachable(body)
        inner: list[tuple[list[ast.stmt], int]] = []
        for node in body:
            if isinstance(node, _Scope):
                inner.append((node.body, 0))
            elif isinstance(node, _Compound):
                yield from _too_deep(node, depth)
                inner.extend(_bodies(node, depth))
        waiting.extend(reversed(inner))


def _unreachable(body: list[ast.stmt]) -> Iterator[Found]:
    """Find what stands behind a statement that never goes on.

    A generator may have a `yield` there on purpose: it makes the function one.
    """
    for node, after in pairwise(body):
        if isinstance(node, _ENDS):
            if not _is_yield(after):
                word = type(node).__name__.lower()
                message = f"Nothing behind this `{word}` is ever reached (line {node.lineno})"
                yield Found(rules.UNREACHABLE, "unreachable-code", message, after, body[-1])
            return


def _is_yield(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield | ast.YieldFrom)


def _too_deep(node: _Compound, depth: int) -> Iterator[Found]:
    """Find the first statement on the way down that is too deep; those inside it are no news."""
    if depth == MAX_NESTING:
        message = f"This is nested {depth + 1} levels deep, more than {MAX_NESTING}"
        yield Found(rules.NESTING, "nested-too-deep", message, node, node)


def _bodies(node: _Compound, depth: int) -> Iterator[tuple[list[ast.stmt], int]]:
    """Give the bodies of a statement, and how deep they stand; an elif is as deep as its if."""
    match node:
        case ast.If():
            yield node.body, depth + 1
            is_elif = len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If)
            yield node.orelse, depth if is_elif else depth + 1
        case ast.For() | ast.AsyncFor() | ast.While():
            yield from ((node.body, depth + 1), (node.orelse, depth + 1))
        case ast.With() | ast.AsyncWith():
            yield node.body, depth + 1
        case ast.Match():
            yield from ((case.body, depth + 1) for case in node.cases)
        case _:
            yield node.body, depth + 1
            yield from ((handler.body, depth + 1) for handler in node.handlers)
            yield from ((node.orelse, depth + 1), (node.finalbody, depth + 1))
