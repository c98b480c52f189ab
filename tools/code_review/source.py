"""Code as it came, and the tree it stands for.

This module knows what Python's own parser says of a text, and how large a text may be. It does
not know what is good or bad about it, and it never executes any of it.

Whatever the text is, it ends in a tree or in one error that a person can read: the parser
answers hostile input with five different exceptions.
"""

from __future__ import annotations

import ast
import hashlib
import re
import sys
import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, cast

from tools.code_review.effort import hard_to_compile, hard_to_parse

if TYPE_CHECKING:
    from tools.code_review.effort import TooMuch

MAX_BYTES: Final = 2_000_000
"""Bytes of UTF-8 of a file that is reviewed; 20,000 lines of 75 characters are 1.5 million."""

MAX_COMPREHENSIONS: Final = 15
"""Comprehensions inside each other."""

PYTHON: Final = f"Python {sys.version_info.major}.{sys.version_info.minor}"
"""Whose grammar it is read by."""

NAMELESS: Final = "code.py"
"""The name of a file whose path is not known."""

_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_BODIES: Final = ("body", "handlers", "orelse", "finalbody", "cases")
_BOM: Final = "\ufeff"
_LINES: Final = re.compile(r"\r\n|\r|\n")


class NotPython(Exception):
    """A text can't be read as Python.

    Attributes:
        reason: What is wrong, for people.
        line: Where, from 1; None if it concerns all of it.
        column: Where in the line, from 1.
    """

    def __init__(self, reason: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(reason)
        self.reason: str = reason
        self.line: int | None = line
        self.column: int | None = column

    @property
    def where(self) -> str:
        """The place, with what is wrong there."""
        if self.line is None:
            return self.reason
        column = "" if self.column is None else f", column {self.column}"
        return f"line {self.line}{column}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Source:
    """A text that is Python. Made by `read`.

    Attributes:
        code: The text.
        filename: The name of its file: some rules look at it (`__init__.py`, `test_....py`).
        tree: What it stands for.
        digest: What tells it from any other text.
        lines: Its lines in UTF-8, without their ends: places in the tree count bytes.
        statements: How many statements it has, those inside others included.
    """

    code: str
    filename: str
    tree: ast.Module
    digest: str
    lines: list[bytes] = field(repr=False)
    statements: int

    @property
    def is_test(self) -> bool:
        """Whether it holds tests: what one does is said by its name, not by a docstring."""
        stem = self.filename.rpartition(".")[0]
        return stem == "conftest" or stem.startswith("test_") or stem.endswith("_test")

    def text(self, node: ast.expr | ast.arg, most: int) -> str:
        """Give what is written for a part of the tree, on one line, at most so many characters."""
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        start, end = node.col_offset, node.end_col_offset
        if first == last:
            parts = [self.lines[first][start : min(end or 0, start + 4 * most)]]
        else:
            parts = [self.lines[first][start:], *self.lines[first + 1 : min(last, first + most)]]
            if last <= first + most:
                parts.append(self.lines[last][:end])
        return short(" ".join(b" ".join(parts).decode(errors="replace").split()), most)


def short(text: str, most: int) -> str:
    """Give a text, cut where it is longer than so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def digest(code: str) -> str:
    """Give what tells a text from any other: results say by it which text they are of."""
    return hashlib.sha256(code.encode(errors="surrogatepass")).hexdigest()[:16]


@lru_cache(maxsize=2)
def read(code: str, path: str = "") -> Source:
    """Read a text as Python, and see that it compiles. It is not executed.

    The last two texts are remembered: a process reviews one of them in several steps.

    Args:
        code: The text.
        path: Of its file; only the name matters.

    Raises:
        NotPython: It is not, or Python takes too long to see that; where, and what is wrong.
    """
    _check_text(code)
    plain = code.removeprefix(_BOM)
    _check_effort(hard_to_parse(plain))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape sequence is a finding, not ours
            tree = ast.parse(plain)
            _check_comprehensions(plain, tree)
            _check_effort(hard_to_compile(plain, tree))
            compile(tree, "<code>", "exec", dont_inherit=True)
    except SyntaxError as error:
        reason = f"{error.msg} (read as {PYTHON})"
        raise NotPython(reason, error.lineno or None, error.offset or None) from None
    except (RecursionError, MemoryError):
        raise NotPython(f"it is nested deeper than the parser of {PYTHON} goes") from None
    except (ValueError, OverflowError) as error:
        raise NotPython(f"{error} (read as {PYTHON})") from None
    return Source(
        code=code,
        filename=_filename(path),
        tree=tree,
        digest=digest(code),
        lines=[line.encode() for line in _LINES.split(plain)],
        statements=_statements(tree),
    )


def _check_effort(found: TooMuch | None) -> None:
    """See that neither the parser nor the compiler takes too long.

    Raises:
        NotPython: One would.
    """
    if found is not None:
        raise NotPython(f"{found.reason} (read as {PYTHON})", found.line)


def _check_comprehensions(code: str, tree: ast.Module) -> None:
    """See that comprehensions are not nested deeper than compilers can bear.

    CPython 3.12 and 3.13 end with a segmentation fault where there are 21 and more.

    Raises:
        NotPython: They are.
    """
    if code.count("for") <= MAX_COMPREHENSIONS:
        return
    waiting: list[tuple[ast.AST, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if isinstance(node, _COMPREHENSIONS):
            depth += 1
            if depth > MAX_COMPREHENSIONS:
                raise NotPython(
                    f"comprehensions are nested deeper than {MAX_COMPREHENSIONS} levels",
                    node.lineno,
                    node.col_offset + 1,
                )
        for name in node._fields:
            value: object = getattr(node, name, None)
            if isinstance(value, ast.AST):
                waiting.append((value, depth))
            elif isinstance(value, list):
                parts = cast("list[object]", value)
                waiting += [(each, depth) for each in parts if isinstance(each, ast.AST)]


def _statements(tree: ast.Module) -> int:
    """Count statements, those inside others included."""
    waiting = inside(tree)
    found = 0
    while waiting:
        node = waiting.pop()
        found += isinstance(node, ast.stmt)
        waiting.extend(inside(node))
    return found


def inside(node: ast.AST) -> list[ast.AST]:
    """Give what stands inside a module, a statement, a handler or a case, in its order.

    No statement stands in an expression, so these need not be looked at.
    """
    found: list[ast.AST] = []
    for name in _BODIES:
        found += getattr(node, name, ())
    return found


def _filename(path: str) -> str:
    """Give the name of a file, if it is one of Python code."""
    name = PurePath(path).name
    fits = name.endswith((".py", ".pyi")) and name.isprintable() and len(name.encode()) < 200  # noqa: PLR2004  # a file system allows 255
    return name if fits else NAMELESS


def _check_text(code: str) -> None:
    """See that a text can be source code at all.

    Raises:
        NotPython: It can't.
    """
    try:
        size = len(code.encode())
    except UnicodeEncodeError as error:
        line = len(_LINES.findall(code, 0, error.start)) + 1
        raise NotPython(
            f"the character U+{ord(code[error.start]):04X} is half of a pair, which UTF-8 has not",
            line,
        ) from None
    if size > MAX_BYTES:
        raise NotPython(f"it has {size:,} bytes, and up to {MAX_BYTES:,} are reviewed")
    if (nul := code.find("\0")) >= 0:
        line = len(_LINES.findall(code, 0, nul)) + 1
        raise NotPython("a NUL character, which source code has not", line)
