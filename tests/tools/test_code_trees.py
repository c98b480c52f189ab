"""Comparing: two versions of a file say the same, and bind the same names."""

from __future__ import annotations

import ast

import pytest

from tests.tools.reviewing import STDLIB, lines, stdlib
from tools.code_review import ruff
from tools.code_review.trees import difference, names

SETTINGS = ruff.Settings(target_version="py311", line_length=88, filename="code.py")


def differ(one: str, other: str) -> int | None:
    return difference(ast.parse(one), ast.parse(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = (1)", "x=1"),
        ("x = 'a'", 'x = "a"'),
        ("x = u'a'", "x = 'a'"),
        ("del (a, b)", "del a, b"),
        ("x = 'a' 'b'", "x = 'ab'"),
        ('"""A\n   b. """', '"""A\nb."""'),
        ("def f():\n  ' a '\n  1", "def f():\n  'a'\n  1"),
        ("class A():\n  '''a\n  '''", "class A:\n  'a'"),
    ],
)
def test_looks_are_no_difference(one: str, other: str) -> None:
    assert differ(one, other) is None


@pytest.mark.parametrize(
    ("one", "other", "line"),
    [
        ("x = 1", "x = 2", 1),
        ("x = 1", "x = 1.0", 1),
        ("x = 1", "x = True", 1),
        ("x = 1\ny = 2", "x = 1\ny = 3", 2),
        ("x = ' a '", "x = 'a'", 1),
        ("'a b'", "'a c'", 1),
        ("'a'\n1", "1", 1),
        ("def f():\n  'a'", "def f():\n  'b'", 1),
        ("x = 1\nif x:\n  a\n  b", "x = 1\nif x:\n  a", 2),
        ("del a", "del a, b", 1),
        ("del ()", "del a", 1),
        ("x = b'a'", "x = 'a'", 1),
        ("f(a=1)", "f(b=1)", 1),
        ("async def f(): pass", "def f(): pass", 1),
    ],
)
def test_anything_else_is_one_and_has_a_line(one: str, other: str, line: int) -> None:
    assert differ(one, other) == line
    assert differ(other, one) is not None


@pytest.mark.parametrize("path", ["textwrap.py", "json/scanner.py", "tomllib/_parser.py"])
def test_what_the_formatter_writes_is_the_same_tree(path: str) -> None:
    code = stdlib(path)

    assert differ(code, ruff.formatted(code, SETTINGS)) is None


def test_trees_as_deep_as_the_parser_makes_them_are_compared() -> None:
    assert differ("x = " + "-" * 900 + "1", "x = " + "-" * 900 + "2") == 1


def test_names_are_those_that_a_module_and_its_classes_bind() -> None:
    code = lines(
        "from __future__ import annotations",
        "import os.path, sys as system",
        "from a import b, c as d",
        "X: int = (Y := 1)",
        "for i, (j, *k) in x: pass",
        "with x as w: pass",
        "try: t = 1",
        "except E: u = 1",
        "match x:",
        "    case {'a': m, **n} | [o, *p] as q: pass",
        "def f(arg):",
        "    inside = 1",
        "class C:",
        "    field = 1",
        "    def method(self): inside = 2",
        "    class D:",
        "        deep = 1",
        "[z for z in x]",
        "lambda v: (r := v)",
    )

    bound = "os system b d X Y i j k w t u m n o p q f C C.field C.method C.D C.D.deep"
    assert names(ast.parse(code)) == set(bound.split())


def test_a_real_module_has_the_names_that_it_has_when_it_is_imported() -> None:
    import textwrap  # noqa: PLC0415  # only this test wants it

    bound = {name for name in names(ast.parse(stdlib("textwrap.py"))) if "." not in name}

    assert (STDLIB / "textwrap.py").samefile(textwrap.__file__)
    assert bound - {"__name__"} == {name for name in vars(textwrap) if name in bound}
    assert {"TextWrapper", "wrap", "re"} <= bound
