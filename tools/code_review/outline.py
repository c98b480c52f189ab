"""What a file defines: functions, methods and classes, with what they take and what they say.

This module knows the tree of a file. It does not know how complex anything is, nor what is wrong
with it.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

import msgspec

from tools.code_review.source import Source, inside, short

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LISTED: Final = 2_000
"""Functions, and classes, that are listed; the others are only counted."""
MAX_ARGUMENTS: Final = 50
MAX_DECORATORS: Final = 20
MAX_TEXT: Final = 120
"""Characters of an argument, a decorator or the first line of a docstring."""

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Node: TypeAlias = FunctionNode | ast.ClassDef

# Whoever writes these says elsewhere what they do: at the getter, or in the class above.
_SAID_ELSEWHERE: Final = ("overload", "override", "setter", "deleter")


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A function or method, as it stands in a file."""

    name: str
    """With the names of what it stands in: `Class.method`, `outer.inner`."""
    kind: Literal["function", "method"]
    line: int
    end_line: int
    is_async: bool
    arguments: list[str]
    """As they are written, with their annotations but without defaults."""
    decorators: list[str]
    docstring: str | None
    """Its first line."""


class Class(msgspec.Struct, frozen=True, kw_only=True):
    """A class, as it stands in a file."""

    name: str
    line: int
    end_line: int
    bases: list[str]
    decorators: list[str]
    docstring: str | None


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """How much a file defines, and how much of it is documented."""

    digest: str
    """Of the code that this is about."""
    statements: int
    functions: int
    classes: int
    public: int
    """Public definitions, and the module itself if it holds anything; of tests only the module."""
    documented: int
    """Those of them that have a docstring."""
    not_listed: int
    """Functions and classes that are counted here but not listed."""


class Definition(NamedTuple):
    """A definition in a tree: how it is called from outside, and where it stands."""

    name: str
    node: Node
    is_method: bool
    is_public: bool
    is_nested: bool
    """Stands in a function, at whatever depth."""


class Extracted(msgspec.Struct, frozen=True, kw_only=True):
    """All that a file defines."""

    functions: list[Function]
    classes: list[Class]
    outline: Outline


def extracted(source: Source) -> Extracted:
    """List what a file defines, in the order in which it stands there."""
    found = list(definitions(source.tree))
    functions = [each for each in found if not isinstance(each.node, ast.ClassDef)]
    classes = [each for each in found if isinstance(each.node, ast.ClassDef)]
    public = [each.node for each in found if each.is_public and not source.is_test]
    told: list[ast.Module | Node] = [*public, *([source.tree] if source.tree.body else [])]
    listed = min(len(functions), MAX_LISTED) + min(len(classes), MAX_LISTED)
    return Extracted(
        functions=[
            _function(source, each, each.node)
            for each in functions[:MAX_LISTED]
            if not isinstance(each.node, ast.ClassDef)
        ],
        classes=[
            _class(source, each.name, each.node)
            for each in classes[:MAX_LISTED]
            if isinstance(each.node, ast.ClassDef)
        ],
        outline=Outline(
            digest=source.digest,
            statements=source.statements,
            functions=len(functions),
            classes=len(classes),
            public=len(told),
            documented=sum(docstring(node) is not None for node in told),
            not_listed=len(found) - listed,
        ),
    )


def nothing_extracted(digest: str) -> Extracted:
    """Give what a text defines that is not Python: nothing."""
    outline = Outline(
        digest=digest,
        statements=0,
        functions=0,
        classes=0,
        public=0,
        documented=0,
        not_listed=0,
    )
    return Extracted(functions=[], classes=[], outline=outline)


def definitions(tree: ast.Module) -> Iterator[Definition]:
    """Go through all that a tree defines, in the order in which it stands there."""
    waiting: list[tuple[ast.AST, tuple[str, ...], ast.AST, bool, bool]]
    waiting = [(node, (), tree, True, False) for node in reversed(tree.body)]
    while waiting:
        node, above, owner, is_public, is_nested = waiting.pop()
        if isinstance(node, FunctionNode | ast.ClassDef):
            public = is_public and not node.name.startswith("_")
            name = (*above, node.name)
            is_function = not isinstance(node, ast.ClassDef)
            yield Definition(
                name=".".join(name),
                node=node,
                is_method=is_function and isinstance(owner, ast.ClassDef),
                is_public=public and not _is_said_elsewhere(node),
                is_nested=is_nested,
            )
            # What stands in a function is nobody's business but its own.
            inner = name, node, public and not is_function, is_nested or is_function
            waiting.extend((each, *inner) for each in reversed(node.body))
        else:
            outer = above, owner, is_public, is_nested
            waiting.extend((each, *outer) for each in reversed(inside(node)))


def docstring(node: ast.Module | Node) -> str | None:
    """Give the docstring of a definition; one that is empty is none."""
    text = ast.get_docstring(node, clean=False)
    return text if text and text.strip() else None


def _is_said_elsewhere(node: Node) -> bool:
    """Tell whether what a definition does is said at another one."""
    return any(_last_name(each) in _SAID_ELSEWHERE for each in node.decorator_list)


def _last_name(node: ast.expr) -> str:
    """Give the last part of a dotted name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _function(source: Source, found: Definition, node: FunctionNode) -> Function:
    return Function(
        name=short(found.name, MAX_TEXT),
        kind="method" if found.is_method else "function",
        line=node.lineno,
        end_line=node.end_lineno or node.lineno,
        is_async=isinstance(node, ast.AsyncFunctionDef),
        arguments=_arguments(source, node.args),
        decorators=_texts(source, node.decorator_list),
        docstring=_first_line(node),
    )


def _class(source: Source, name: str, node: ast.ClassDef) -> Class:
    return Class(
        name=short(name, MAX_TEXT),
        line=node.lineno,
        end_line=node.end_lineno or node.lineno,
        bases=_texts(source, node.bases),
        decorators=_texts(source, node.decorator_list),
        docstring=_first_line(node),
    )


def _texts(source: Source, nodes: list[ast.expr]) -> list[str]:
    return [source.text(node, MAX_TEXT) for node in nodes[:MAX_DECORATORS]]


def _first_line(node: Node) -> str | None:
    text = docstring(node)
    return None if text is None else short(text.strip().splitlines()[0], MAX_TEXT)


def _arguments(source: Source, node: ast.arguments) -> list[str]:
    """Write the arguments of a function as its author did, with the marks between them."""
    taken = [source.text(each, MAX_TEXT) for each in (*node.posonlyargs, *node.args)]
    if node.posonlyargs:
        taken.insert(len(node.posonlyargs), "/")
    if node.vararg is not None:
        taken.append(f"*{source.text(node.vararg, MAX_TEXT)}")
    elif node.kwonlyargs:
        taken.append("*")
    taken.extend(source.text(each, MAX_TEXT) for each in node.kwonlyargs)
    if node.kwarg is not None:
        taken.append(f"**{source.text(node.kwarg, MAX_TEXT)}")
    return taken if len(taken) <= MAX_ARGUMENTS else [*taken[:MAX_ARGUMENTS], "…"]
