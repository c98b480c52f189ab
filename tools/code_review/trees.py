"""What two versions of a file have in common: the same tree, the same names.

This module knows trees. It does not know why they are compared (`trial`).
"""

from __future__ import annotations

import ast
from typing import Final, TypeAlias, cast

from tools.code_review import budget
from tools.code_review.outline import Node

_LOOSE: TypeAlias = ast.Constant | ast.Delete | ast.Module | Node
"""Nodes that the formatter may write in another way."""
_OWN_NAMES: TypeAlias = ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def difference(before: ast.Module, after: ast.Module) -> int | None:
    """Find where two trees differ, but for white space in docstrings.

    What the formatter rightly leaves out is no difference: the `u` of a string, and the brackets
    of `del (a, b)`.

    Returns:
        The line in the first tree, or None: they are the same.

    Raises:
        OutOfTime: The step has no time left for it.
    """
    looked = 0
    waiting: list[tuple[object, object, int]] = [(before, after, 1)]
    while waiting:
        one, other, above = waiting.pop()
        line = int(getattr(one, "lineno", above))
        here, there = _parts(one), _parts(other)
        if type(one) is not type(other) or len(here) != len(there):
            return line
        if not here and not isinstance(one, list | ast.AST) and one != other:
            return line
        waiting.extend((a, b, line) for a, b in zip(here, there, strict=True))
        looked += 1
        if looked % _OFTEN == 0:
            budget.check()
    return None


_OFTEN: Final = 10_000
"""Parts of a tree that are compared between two looks at the time; some 50 ms."""


def _parts(value: object) -> list[object]:
    """Give what a part of a tree is made of, in the one way in which the formatter writes it."""
    if isinstance(value, _LOOSE):
        return [_field(value, name) for name in value._fields]
    if isinstance(value, ast.AST):
        return [getattr(value, name, None) for name in value._fields]
    return cast("list[object]", value) if isinstance(value, list) else []


def _field(node: ast.AST, name: str) -> object:
    """Give a field of a node; a docstring is nothing but its words."""
    match node, name:
        case ast.Constant(), "kind":
            return None
        case ast.Delete(targets=[ast.Tuple(elts=[_, *_] as targets)]), "targets":
            return targets
        case (
            (
                ast.Module(body=body)
                | ast.ClassDef(body=body)
                | ast.FunctionDef(body=body)
                | ast.AsyncFunctionDef(body=body)
            ),
            "body",
        ):
            return _with_words(body)
        case _:
            return getattr(node, name, None)


def _with_words(body: list[ast.stmt]) -> list[object]:
    """Give the statements of a body, the docstring without its white space."""
    match body:
        case [ast.Expr(value=ast.Constant(value=str(text))), *rest]:
            return ["".join(text.split()), *rest]
        case _:
            return [*body]


def names(tree: ast.Module) -> set[str]:
    """Give the names that a module and its classes bind, `Class.name` for those of a class.

    What is imported from `__future__` is left out: nobody imports it from here.
    """
    found: set[str] = set()
    waiting: list[tuple[ast.AST, str]] = [(node, "") for node in tree.body]
    while waiting:
        node, prefix = waiting.pop()
        found.update(prefix + name for name in _bound(node))
        if isinstance(node, ast.ClassDef):
            inner = f"{prefix}{node.name}."
            waiting.extend((each, inner) for each in node.body)
        elif not isinstance(node, Node | _OWN_NAMES):
            waiting.extend((each, prefix) for each in ast.iter_child_nodes(node))
    return found


def _bound(node: ast.AST) -> list[str]:
    """Give the names that one part of a tree binds, not counting those of its parts."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Name(ctx=ast.Store()):
            return [node.id]
        case ast.ImportFrom(module="__future__"):
            return []
        case ast.Import() | ast.ImportFrom():
            return [each.asname or each.name.partition(".")[0] for each in node.names]
        case (
            ast.MatchAs(name=str(name))
            | ast.MatchStar(name=str(name))
            | ast.MatchMapping(rest=str(name))
        ):
            return [name]
        case _:
            return []
