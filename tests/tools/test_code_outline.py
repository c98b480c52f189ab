"""Extracting: what a file defines."""

from __future__ import annotations

from tests.tools.reviewing import lines
from tools.code_review import outline
from tools.code_review.outline import Extracted, extracted
from tools.code_review.source import read

CODE = lines(
    '"""A module."""',
    "",
    "import functools",
    "",
    "@functools.lru_cache(maxsize=None)",
    "def first(a, /, b: int = 1, *rest: str, c, **more) -> None:",
    '    """Do something.',
    "",
    "    And more.",
    '    """',
    "    def inner(x=(1,",
    "                 2)): pass",
    "",
    "if first:",
    "    class Outer(dict, metaclass=type):",
    '        """"""',
    "        async def run(self, *, fast: dict[str,",
    "                                      int]): ...",
    "        class Inner:",
    "            def deep(self): pass",
    "        def _hidden(self): pass",
    "else:",
    "    try:",
    "        def other(): pass",
    "    except E:",
    "        def fallback(): pass",
)


def found(code: str, path: str = "") -> Extracted:
    return extracted(read(code, path))


def test_functions_methods_nested_and_async_ones_are_found_wherever_they_stand() -> None:
    names = [(each.name, each.kind, each.is_async) for each in found(CODE).functions]

    assert names == [
        ("first", "function", False),
        ("first.inner", "function", False),
        ("Outer.run", "method", True),
        ("Outer.Inner.deep", "method", False),
        ("Outer._hidden", "method", False),
        ("other", "function", False),
        ("fallback", "function", False),
    ]


def test_classes_are_found_with_their_bases() -> None:
    outer, inner = found(CODE).classes

    assert (outer.name, outer.bases, outer.line, outer.end_line) == ("Outer", ["dict"], 15, 21)
    assert (inner.name, inner.bases) == ("Outer.Inner", [])


def test_a_function_has_its_span_arguments_decorators_and_docstring() -> None:
    first = found(CODE).functions[0]

    assert (first.line, first.end_line) == (6, 12)
    assert first.arguments == ["a", "/", "b: int", "*rest: str", "c", "**more"]
    assert first.decorators == ["functools.lru_cache(maxsize=None)"]
    assert first.docstring == "Do something."


def test_arguments_are_on_one_line_as_their_author_wrote_them() -> None:
    run = found(CODE).functions[2]

    assert run.arguments == ["self", "*", "fast: dict[str, int]"]


def test_documented_are_public_definitions_and_the_module() -> None:
    counts = found(CODE).outline

    # the module, first, Outer (whose docstring is empty), run, Inner, deep, other, fallback
    assert (counts.documented, counts.public) == (2, 8)


def test_what_is_said_elsewhere_needs_no_docstring() -> None:
    code = lines(
        "class Shop:",
        "    @property",
        "    def name(self): ...",
        "    @name.setter",
        "    def name(self, value): ...",
        "    @typing.override",
        "    def close(self): ...",
        "    def __len__(self): ...",
    )

    assert found(code).outline.public == 3  # the module, the class and the property


def test_tests_are_documented_by_their_names() -> None:
    code = '"""Tests."""\n\ndef test_it_works(): ...\n'

    assert found(code, "shop.py").outline.public == 2
    for path in ("tests/test_shop.py", "shop_test.py", "conftest.py"):
        assert found(code, path).outline.public == 1


def test_an_empty_module_has_nothing_to_document() -> None:
    assert found("# nothing\n").outline.public == 0


def test_of_very_many_definitions_only_the_first_are_listed_and_all_are_counted() -> None:
    many = found("".join(f"def f{n}(): ...\n" for n in range(outline.MAX_LISTED + 5)))

    assert len(many.functions) == outline.MAX_LISTED
    assert many.outline.functions == outline.MAX_LISTED + 5
    assert many.outline.not_listed == 5


def test_long_texts_are_cut() -> None:
    code = f"@{'a' * 9_000}\ndef f({', '.join(f'a{n}' for n in range(200))}): ...\n"
    function = found(code).functions[0]

    assert len(function.decorators[0]) == outline.MAX_TEXT
    assert function.arguments[-1] == "…"
    assert len(function.arguments) == outline.MAX_ARGUMENTS + 1
