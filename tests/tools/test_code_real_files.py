"""Reviews of real files: they end, they spoil nothing, and there is no more to mend afterwards.

Some files of the standard library and of this project are reviewed in every test run. With
`AWE_REVIEWS=78` so many are, with `AWE_REVIEWS=all` all of the standard library.
"""

from __future__ import annotations

import ast
import os
import tokenize
from typing import TYPE_CHECKING

import pytest

from tests.tools.reviewing import ROOT, STDLIB, review
from tools.code_review import rules
from tools.code_review.source import NotPython, read
from tools.code_review.trees import names

if TYPE_CHECKING:
    from pathlib import Path

FEW = (
    "asyncio/timeouts.py",  # modernise leaves imports unused
    "dbm/dumb.py",  # a rule of a group must be left out
    "email/base64mime.py",  # four rounds
    "json/scanner.py",
    "re/_casefix.py",  # a table
    "this.py",  # no function
    "tomllib/_re.py",
)
FIRST = ("argparse.py", "asyncio", "json", "email", "collections", "tomllib", "importlib", "")
"""Where more files are taken from, in this order."""
OURS = ("engine/decide/route.py", "api/app.py", "tests/tools/reviewing.py")


def paths() -> list[Path]:
    """Choose the files."""
    asked = os.environ.get("AWE_REVIEWS", "")
    if not asked:
        return [STDLIB / path for path in FEW] + [ROOT / path for path in OURS]
    found: dict[Path, None] = {}
    for name in FIRST:
        place = STDLIB / name
        here = [place] if place.is_file() else sorted(place.rglob("*.py"))
        found |= dict.fromkeys(each for each in here if "site-packages" not in each.parts)
    ours = [each for room in ("engine", "api", "tools") for each in (ROOT / room).rglob("*.py")]
    few = [*found][: None if asked == "all" else int(asked)]
    return [*few, *sorted(ours)[: len(few) // 4]]


def text(path: Path) -> str:
    """Read a file in the encoding that it says."""
    try:
        with tokenize.open(path) as file:
            return file.read()
    except (SyntaxError, UnicodeDecodeError):
        pytest.skip("it is in no encoding")


@pytest.mark.parametrize("path", paths(), ids=str)
async def test_a_review_ends_spoils_nothing_and_leaves_nothing(path: Path) -> None:
    code = text(path)
    done = await review(code, path=str(path), threshold=10)
    try:
        before = read(code, str(path))
    except NotPython:
        assert (done.reason, done.code) == ("not_python", code)
        return

    after = read(done.code, str(path))
    gone = {name.rpartition(".")[2] for each in done.state["rounds"] for name in each["removed"]}
    assert done.reason in {"threshold_reached", "nothing_left"}
    assert done.scores == sorted(done.scores)
    assert names(before.tree) - names(after.tree) <= gone
    assert names(after.tree) <= names(before.tree)
    compile(ast.unparse(after.tree), str(path), "exec", dont_inherit=True)
    assert len(done.accepted) <= len(rules.GROUPS) + 2

    again = await review(done.code, path=str(path), threshold=10)
    assert (again.accepted, again.code) == ([], done.code)
    assert again.scores[-1] >= done.scores[-1]
