"""A broken document, and everything that is to be said about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from engine.errors import InvalidGraph
from engine.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Callable

CEL = None
"""In place of a hint: what `engine.condition` says about an expression, tested there."""


@dataclass(frozen=True)
class Broken:
    """One row of a table."""

    sentence: str
    document: object
    problems: tuple[tuple[str, str, str | None], ...]


def broken(sentence: str, document: object, *problems: tuple[str, str, str | None]) -> Broken:
    """Say that a document has exactly these problems: code, JSON pointer, hint."""
    return Broken(sentence, document, problems)


def each(rows: list[Broken]) -> pytest.MarkDecorator:
    """Run a test for each row of a table."""
    return pytest.mark.parametrize("row", rows, ids=lambda row: row.sentence)


def told(row: Broken, read: Callable[[object], Graph] = Graph.parse) -> None:
    """Assert that reading the document tells all its problems, in their order, and no others."""
    with pytest.raises(InvalidGraph) as caught:
        read(row.document)
    found = [(p.code, p.path, p.hint) for p in caught.value.problems]
    wanted = [
        (code, path, hint if hint is not None else found[i][2] if i < len(found) else "")
        for i, (code, path, hint) in enumerate(row.problems)
    ]

    assert found == wanted
    assert all(problem.message for problem in caught.value.problems)


def own_code(code: str) -> str:
    """Give the hint for a name of an exception, or another that is no error code."""
    return (
        "an exception of a tool has the code 'TOOL_FAILED'; "
        f"a tool gives its own with ToolError(..., code={code!r})"
    )
