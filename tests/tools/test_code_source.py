"""Reading: a text is Python, or one error says where it is not."""

from __future__ import annotations

import warnings

import pytest

from tests.tools.reviewing import lines
from tools.code_review.source import MAX_BYTES, NotPython, digest, read


def refusal(code: str) -> NotPython:
    with pytest.raises(NotPython) as refused:
        read(code)
    return refused.value


@pytest.mark.parametrize(
    ("code", "where"),
    [
        ("x = (1\n", "line 1, column 5: '(' was never closed (read as Python"),
        ("def f():\nx = 1\n", "line 2, column 1: expected an indented block"),
        ("\treturn\n", "line 1"),
        ("return 1\n", "line 1, column 1: 'return' outside function"),
        ("nonlocal x\n", "line 1, column 1: nonlocal declaration not allowed at module level"),
        ("x = 1\ny = \0\n", "line 2: a NUL character"),
        ("x = 1\r\ny = 2\r\0", "line 3: a NUL character"),
        ("x = 1\n# \ud800\n", "line 2: the character U+D800 is half of a pair"),
        ("(" * 100_000, "line 1, column 201: too many nested parentheses"),
        ("-" * 100_000 + "1", "it is nested deeper than the parser"),
        ("a" + ".b" * 100_000, "it is nested deeper than the parser"),
        ("not " * 100_000 + "a", "it is nested deeper than the parser"),
        ("if a: pass\n" + "elif a: pass\n" * 20_000, "it is nested deeper than the parser"),
        ("x = " + "9" * 10_000, "Exceeds the limit"),
        # the compilers of Python 3.12 and 3.13 crash on it
        ("[" * 30 + "a" + " for a in a]" * 30, "comprehensions are nested deeper than 15 levels"),
        ("x = 1\n" * (MAX_BYTES // 6 + 1), f"bytes, and up to {MAX_BYTES:,} are reviewed"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else None,
)
def test_what_is_not_python_is_refused_with_its_place(code: str, where: str) -> None:
    assert where in refusal(code).where


@pytest.mark.parametrize(
    "code",
    [
        "",
        "\n",
        "\ufeffx = 1\n",
        "x = 1\r\ny = 2\r\n",
        "x = 1\ry = 2",
        "# -*- coding: utf-16 -*-\nx = 'é'\n",
        "# -*- coding: no-such -*-\n",
        "x = '\\d'\n",
        "await_ = 1\x0c\n",
    ],
)
def test_odd_texts_are_python_all_the_same(code: str) -> None:
    assert read(code).code == code


def test_comprehensions_side_by_side_are_not_nested() -> None:
    assert read("x = [" + "[a for a in b], " * 100 + "]\n" + "for a in b: pass\n" * 20).code


def test_reading_warns_nobody() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        assert read("x = '\\d'\nassert (x, 1)\n").statements == 2


def test_statements_inside_others_count() -> None:
    code = lines(
        "try:",
        "    x = 1",
        "except E:",
        "    pass",
        "else:",
        "    y",
        "finally:",
        "    z",
        "match x:",
        "    case 1:",
        "        pass",
    )

    assert read(code).statements == 7


def test_texts_are_told_apart_by_their_digest() -> None:
    assert digest("x = 1\n") == digest("x = 1\n") != digest("x = 1\n\n")
    assert digest("\ud800") != digest("\ud801")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("src/shop.py", "shop.py"),
        ("__init__.py", "__init__.py"),
        ("types.pyi", "types.pyi"),
        ("", "code.py"),
        ("bin/awe", "code.py"),
        ("notes.ipynb", "code.py"),
        ("a\nb.py", "code.py"),
        ("x" * 300 + ".py", "code.py"),
    ],
)
def test_only_the_name_of_a_file_of_python_code_matters(path: str, name: str) -> None:
    assert read("x = 1\n", path).filename == name
