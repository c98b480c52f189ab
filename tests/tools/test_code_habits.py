"""What a project's own configuration would say is found out from the code."""

from __future__ import annotations

import sys

import pytest

from tests.tools.reviewing import ROOT, lines
from tools.code_review import ruff
from tools.code_review.habits import first_party, settings_of
from tools.code_review.issues import detected
from tools.code_review.source import read


def settings(code: str) -> ruff.Settings:
    return settings_of(read(code), target_version=None, line_length=None)


def call(width: int) -> str:
    """Write a call as the formatter does at a width, and at no smaller one."""
    return f"value = function({'a' * (width - 18)})\n"


@pytest.mark.parametrize("width", [79, 88, 100, 120])
def test_code_is_as_wide_as_its_author_formats_it(width: int) -> None:
    code = call(width) + ruff.formatted(
        f"value = function({'b' * 60}, {'c' * (width - 78)})\n",
        ruff.Settings(target_version="py311", line_length=width, filename="code.py"),
    )

    assert settings(code).line_length == width


def test_where_nothing_tells_code_is_as_wide_as_the_formatter_likes() -> None:
    assert settings("x = 1\n").line_length == 88


def test_code_is_for_this_python_if_nobody_says_otherwise() -> None:
    ours = f"py3{sys.version_info.minor}"

    assert settings("x = 1\n").target_version == ours


def test_imports_in_a_last_block_of_their_own_are_first_party() -> None:
    code = lines(
        "import os",
        "",
        "import anyio",
        "from numpy import (",
        "    array,",
        ")",
        "",
        "# ours",
        "import shop",
        "from shop.orders import Order",
        "from . import here",
    )

    assert first_party(read(code)) == ("shop",)


def test_one_block_of_imports_tells_nothing() -> None:
    assert first_party(read("import os\n\nimport anyio\nimport shop\n")) == ()


def test_what_stands_in_an_earlier_block_as_well_is_nobodys_own() -> None:
    code = lines("import anyio", "import shop", "", "import shop.orders", "x = 1")

    assert first_party(read(code)) == ()


def test_imports_under_an_if_tell_as_much() -> None:
    code = lines("if TYPE_CHECKING:", "    import anyio", "", "    import shop")

    assert first_party(read(code)) == ("shop",)


def test_a_habit_that_the_rest_of_the_file_does_not_keep_is_none() -> None:
    together = ["    import shop", "    import zoo"]
    code = lines("import anyio", "", "import shop", "", "if A:", *together, "if B:", *together)

    assert first_party(read(code)) == ("shop",)
    assert settings(code).first_party == ()


@pytest.mark.parametrize("path", ["api/app.py", "engine/call.py", "tools/code_review/steps.py"])
def test_the_files_of_this_project_need_no_formatting_and_no_sorting(path: str) -> None:
    found = detected(read((ROOT / path).read_text(), path)).issues

    assert found.settings is not None
    assert found.settings.line_length == 100
    assert (found.fixes["format"], found.fixes["imports"]) == (0, 0)
