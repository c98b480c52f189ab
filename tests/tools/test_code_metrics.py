"""Measuring: lines, complexity, and the functions that are worst."""

from __future__ import annotations

import time
import tokenize

import pytest
from radon.complexity import cc_visit
from radon.raw import analyze

from tests.tools.reviewing import STDLIB, lines, stdlib
from tools.code_review import metrics
from tools.code_review.complexity import ease, simplicity
from tools.code_review.lines import lines_of
from tools.code_review.metrics import metrics_of
from tools.code_review.source import read

FILES = ("json/decoder.py", "textwrap.py", "asyncio/tasks.py", "bisect.py", "string.py")


@pytest.mark.parametrize("path", FILES)
def test_lines_are_counted_as_radon_counts_them(path: str) -> None:
    code = stdlib(path)
    ours, theirs = lines_of(read(code)), analyze(code)

    assert (ours.all, ours.comments) == (theirs.loc, theirs.comments)
    assert (ours.multi, ours.single_comments) == (theirs.multi, theirs.single_comments)
    assert (ours.blank, ours.code) == (theirs.blank, theirs.sloc)


@pytest.mark.parametrize("path", FILES)
def test_functions_are_as_complex_as_radon_says(path: str) -> None:
    code = stdlib(path)
    theirs = {b.lineno: b.complexity for b in cc_visit(code) if b.letter in "FM"}
    ours = {each.line: each.complexity for each in metrics_of(read(code)).functions}

    assert theirs.items() <= ours.items()


def test_the_time_of_a_long_table_is_that_of_its_lines() -> None:
    source = read("X = [\n" + '    (1, "a"),\n' * 5_000 + "]\n")

    began = time.process_time()
    assert metrics_of(source).lines.code == 5_002
    assert time.process_time() - began < 5  # radon's own way takes a minute


def test_functions_in_classes_in_functions_are_measured_too() -> None:
    code = lines(
        "def outer():",
        "    class Local:",
        "        def method(self, a):",
        "            def inner():",
        "                return 1 if a else 2",
        "            return a and inner()",
    )
    found = {each.name: each.complexity for each in metrics_of(read(code)).functions}

    assert found == {"outer": 1, "outer.Local.method": 2, "outer.Local.method.inner": 2}


def test_the_five_worst_functions_come_with_their_lines() -> None:
    code = "".join(
        f"def f{n}(a):\n    return {' or '.join(['a'] * n)}\n" for n in (1, 7, 3, 9, 5, 8)
    )
    worst = metrics_of(read(code)).worst

    assert [(each.name, each.line, each.complexity) for each in worst] == [
        ("f9", 7, 9),
        ("f8", 11, 8),
        ("f7", 3, 7),
        ("f5", 9, 5),
        ("f3", 5, 3),
    ]


@pytest.mark.parametrize(("complexity", "share"), [(1, 1), (10, 1), (13, 0.8), (25, 0), (90, 0)])
def test_ease_ends_where_a_function_is_too_complex(complexity: int, share: float) -> None:
    assert ease(complexity) == pytest.approx(share)


def test_long_functions_weigh_more() -> None:
    hard = "def hard(a):\n    return " + " or ".join(["a"] * 30) + "\n"
    easy = "def easy(a):\n" + "    a()\n" * 5

    assert simplicity(read(hard + easy)) == pytest.approx(6 / 8)
    assert simplicity(read("x = 1\n")) == 1


def test_code_nested_as_deep_as_the_parser_goes_is_measured() -> None:
    code = f"def f():\n    return {'-' * 900}1\n"

    assert metrics_of(read(code)).max_complexity == 1


def test_of_very_many_functions_the_most_complex_are_listed() -> None:
    code = "".join(f"def f{n}(): ...\n" for n in range(metrics.MAX_LISTED)) + (
        "def last(a):\n    return a or a\n"
    )
    found = metrics_of(read(code))

    assert found.functions[-1].name == "last"
    assert (len(found.functions), found.not_listed) == (metrics.MAX_LISTED, 1)


def test_where_the_tokenizer_gives_up_the_rest_is_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def gives_up(_: object) -> None:
        raise tokenize.TokenError("no")

    monkeypatch.setattr(tokenize, "generate_tokens", gives_up)

    assert lines_of(read("# a\nx = 1\n")).code == 2


def test_the_standard_library_is_where_the_tests_look_for_it() -> None:
    assert all((STDLIB / path).is_file() for path in FILES)
