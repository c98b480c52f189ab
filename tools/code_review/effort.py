"""What takes too long to be read: found before Python's own parser and compiler begin.

Neither of them can be stopped once it has begun, and neither is linear. Up to Python 3.11 the
parser counts, for each field of an f-string, all lines before it: 150 KB of `f'{a}{a}...'` take
3 s, 2 MB ten minutes. The compiler compares functions of one name in one place with each other,
and so lambdas and comprehensions that are alike: 12,000 take 5 s.

This module knows what these take. It does not know what is said about it (`source`).
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter, deque
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_TOKENS: Final = 400_000
"""Names, numbers, texts and signs of a file; 20,000 long lines have 300,000. Each takes 2 us to
5 us in each step, and 2 MB can have two million."""

MAX_FIELDS: Final = 1_500_000_000
"""Bytes of f-strings times their fields, in one file: about half a second."""

MAX_ALIKE: Final = 4_000
"""Functions, classes, lambdas or comprehensions of one kind and name in one place; 0.5 s."""

_COUNTS_LINES: Final = sys.version_info < (3, 12)  # since then f-strings have tokens of their own

# Strings and comments. Of a text that is no Python it may find others than there are.
_TOKEN: Final = re.compile(
    r"""\#[^\n]*+
    |(?P<f>[rR]?[fF][rR]?)?
     (?:\"\"\"(?:[^"\\]++|\\.|"(?!""))*+\"\"\"|'''(?:[^'\\]++|\\.|'(?!''))*+'''
       |"(?:[^"\\\n]++|\\.)*+"|'(?:[^'\\\n]++|\\.)*+')""",
    re.DOTALL | re.VERBOSE,
)
_STATEMENTS: Final = ("def ", "class ")
_EXPRESSIONS: Final = ("lambda", "for ")
_PARTS: Final = 16
"""Parts of a lambda or comprehension by which it is told from others."""

_Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_Scope: TypeAlias = (
    ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda | _Comprehension
)
_Statement: Final = (ast.stmt, ast.excepthandler, ast.match_case)
_INNER: Final = frozenset({"body", "elt", "key", "value"})
"""What stands inside of a scope; all else of it is worked out around it."""


_WORD: Final = re.compile(r"\w+|[^\w\s]")


class TooMuch(NamedTuple):
    """What would take too long."""

    reason: str
    line: int | None


def hard_to_parse(code: str) -> TooMuch | None:
    """Look for more tokens than a step can bear, and for f-strings that the parser can't."""
    if len(code) > MAX_TOKENS:
        plain = _TOKEN.sub(_counted, code)
        count = sum(1 for _ in _WORD.finditer(plain))
        if count > MAX_TOKENS:
            return TooMuch(f"it has {count:,} tokens, and up to {MAX_TOKENS:,} are reviewed", None)
    return _hard_fields(code)


def _counted(token: re.Match[str]) -> str:
    """Give what counts of a string or comment: nothing of a comment, all of an f-string."""
    if token["f"]:
        return token[0]
    return "" if token[0].startswith("#") else "_"


def _hard_fields(code: str) -> TooMuch | None:
    if not _COUNTS_LINES or len(code) * code.count("{") <= MAX_FIELDS:
        return None
    total = 0
    for token in _TOKEN.finditer(code):
        if token["f"]:
            fields = code.count("{", token.start(), token.end())
            total += fields * (token.end() - token.start())
            if total > MAX_FIELDS:
                reason = (
                    f"its f-strings take the parser too long: this one has {fields:,} fields "
                    f"in {token.end() - token.start():,} characters"
                )
                return TooMuch(reason, code.count("\n", 0, token.start()) + 1)
    return None


def hard_to_compile(code: str, tree: ast.Module) -> TooMuch | None:
    """Look for more functions and the like that are alike than the compiler can bear."""
    is_deep = sum(map(code.count, _EXPRESSIONS)) > MAX_ALIKE
    if not is_deep and sum(map(code.count, _STATEMENTS)) <= MAX_ALIKE:
        return None
    seen: Counter[tuple[ast.AST, str, str]] = Counter()
    alike: Counter[tuple[object, ...]] = Counter()
    for node, place in _scopes(tree, is_deep=is_deep):
        kind, name = type(node).__name__, getattr(node, "name", "")
        seen[place, kind, name] += 1
        if seen[place, kind, name] <= MAX_ALIKE:
            continue
        key = (place, kind, name, () if name else _first_parts(node))
        alike[key] += 1
        if name or alike[key] > MAX_ALIKE:
            what = f"{_NAMES.get(kind, 'comprehensions')} {name}".strip()
            reason = f"more than {MAX_ALIKE:,} {what} in one place take the compiler too long"
            return TooMuch(reason, node.lineno)
    return None


_NAMES: Final = {
    "FunctionDef": "functions",
    "AsyncFunctionDef": "functions",
    "ClassDef": "classes",
    "Lambda": "lambdas that are alike",
    "ListComp": "comprehensions that are alike",
    "SetComp": "comprehensions that are alike",
    "DictComp": "comprehensions that are alike",
    "GeneratorExp": "comprehensions that are alike",
}


def _scopes(tree: ast.Module, *, is_deep: bool) -> Iterator[tuple[_Scope, ast.AST]]:
    """Go through all that is compiled by itself, each with what it is compiled in.

    Args:
        tree: Of a file.
        is_deep: Whether to look into expressions; no function or class stands there.
    """
    looked_at: type[ast.AST] | tuple[type[ast.AST], ...] = ast.AST if is_deep else _Statement
    waiting: list[tuple[ast.AST, ast.AST]] = [(tree, tree)]
    while waiting:
        node, place = waiting.pop()
        if not isinstance(node, _Scope):
            parts = ast.iter_child_nodes(node)
            waiting += [(each, place) for each in parts if isinstance(each, looked_at)]
            continue
        yield node, place
        if isinstance(node, _Comprehension):
            first, *others = node.generators
            waiting.append((first.iter, place))
            waiting += [(each, node) for each in (first.target, *first.ifs, *others)]
        for name in node._fields:
            inside = node if name in _INNER else place
            if name != "generators":
                within = _nodes(getattr(node, name, None))
                waiting += [(each, inside) for each in within if isinstance(each, looked_at)]


def _nodes(value: object) -> Iterable[ast.AST]:
    if isinstance(value, ast.AST):
        return [value]
    parts = cast("list[object]", value) if isinstance(value, list) else []
    return [each for each in parts if isinstance(each, ast.AST)]


def _first_parts(node: ast.AST) -> tuple[str, ...]:
    """Give what tells a lambda or comprehension from others: its first parts."""
    found: list[str] = []
    waiting = deque([node])
    while waiting and len(found) < _PARTS:
        each = waiting.popleft()
        waiting.extend(ast.iter_child_nodes(each))
        words = [getattr(each, name, "") for name in ("id", "attr", "arg", "value")]
        found.append(type(each).__name__ + repr([w for w in words if not isinstance(w, ast.AST)]))
    return tuple(found)
