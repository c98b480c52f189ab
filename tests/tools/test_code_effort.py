"""Code that is made to take long: no step of a review holds its process for long."""

from __future__ import annotations

import resource
import sys
import time
from random import Random  # noqa: TID251  # a test makes its own seeded chance
from typing import TYPE_CHECKING, Final

import pytest

from tools.code_review import budget, ruff, steps
from tools.code_review.effort import MAX_ALIKE, MAX_TOKENS
from tools.code_review.rounds import improved
from tools.code_review.source import NotPython, read
from tools.code_review.trial import Weighed

if TYPE_CHECKING:
    from collections.abc import Callable

MOST: Final = 8.0
"""Seconds of the CPU of one step; some 5 on a machine that has nothing else to do."""

counts_lines = pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="f-strings have tokens of their own since Python 3.12"
)


def spent() -> float:
    """Give the seconds of the CPU that this process and those it waited for have taken."""
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + others.ru_utime + others.ru_stime


def taken(step: Callable[[str], object], code: str) -> float:
    began = spent()
    step(code)
    return spent() - began


def drawn(seed: int) -> str:
    """Draw code out of pieces that are bad for one part of a review or another."""
    chance = Random(seed)  # noqa: S311  # not for secrets
    count = chance.choice((50, 500, 3_000))
    pieces = (
        "x = f'" + "{a}{b!r:>{c}}" * count + "'\n",
        "x = f\"\"\"{f'''{f\"{f'{" + "+".join("a" * count) + "}'}\"}'''}\"\"\"\n",
        "@a(1)\n" * count + "def f(): pass\n",
        "x = " + "f(" * 80 + "1" + ")" * 80 + "\n",
        "x = [" + "1, " * count + "]\n",
        "x = " + repr("y" * 10 * count) + "\n",
        "x = " + " and ".join("ab" * count) + "\n",
        "a = " * min(count, 500) + "1\n",
        "x=1;" * count + "\n",
        "def f(a):\n" + "    if a: return 1\n" * count,
        "x = {\n" + "".join(f"    'k{i}': [{i}],\n" for i in range(count)) + "}\n",
        "x = (lambda: 1)\n" * min(count, 500),
        "".join("    " * i + f"def f{i}():\n" for i in range(19)) + "    " * 19 + "pass\n",
        "# " + "word " * count + "\n" * count,
    )
    return "".join(chance.choices(pieces, k=8))


@pytest.mark.parametrize("seed", range(8))
def test_no_step_takes_long_whatever_the_code_is_made_of(seed: int) -> None:
    code = drawn(seed)

    for step in (steps.extract_functions, steps.complexity, steps.detect_issues):
        assert taken(step, code) < MOST


LARGE: Final = {
    "fields of an f-string": "x = f'" + "{a}" * 600_000 + "'\n",
    "f-strings in f-strings": "x = f'''" + "{f\"{a}{f'{b}'}\"}" * 100_000 + "'''\n",
    "lines of an f-string": "x = f'''\n" + "{a}\n" * 400_000 + "'''\n",
    "functions of one name": "def f(): pass\n" * 100_000,
    "lambdas": "x = [\n" + "lambda: 1,\n" * 100_000 + "]\n",
    "comprehensions": "x = [a for a in b]\n" * 80_000,
    "methods": "class A:\n" + "    def f(self): pass\n" * 80_000,
    "lambdas that decorate": "".join(f"@(lambda: 1)\ndef f{i}(): pass\n" for i in range(60_000)),
    "statements": "x=1;" * 450_000 + "\n",
    "brackets": ("x = " + "[" * 90 + "]" * 90 + "\n") * 9_000,
    "numbers": "x = [" + "1, " * 600_000 + "]\n",
    "names of an f-string": "x = f'{" + "+".join(["a"] * 900_000) + "}'\n",
    "quotes": "'" * 1_900_001,
    "f-strings without an end": "x = f'" + "{a" * 900_000,
}


@pytest.mark.parametrize("name", LARGE)
def test_what_would_take_minutes_to_be_read_is_not_read(name: str) -> None:
    assert taken(steps.extract_functions, LARGE[name]) < 3
    assert taken(steps.complexity, LARGE[name]) < 3


LONG: Final = {
    "twenty thousand lines": "".join(
        f"def f{i}(a, b):\n    if a > b:\n        return a\n    return b\n\n\n"
        for i in range(3_334)
    ),
    "a table": "x = {\n" + "".join(f"    'k{i}': [{i}, {i}],\n" for i in range(20_000)) + "}\n",
    "a text": "x = '" + "y" * 1_900_000 + "'\n",
    "comments": "# x\n" * 400_000,
}


@pytest.mark.parametrize("name", LONG)
def test_what_is_only_long_is_read(name: str) -> None:
    read(LONG[name])
    assert taken(steps.complexity, LONG[name]) < MOST


def refusal(code: str) -> str:
    with pytest.raises(NotPython) as refused:
        read(code)
    return refused.value.where


@counts_lines
def test_what_is_not_read_for_its_f_strings_is_said_with_its_place() -> None:
    assert refusal("x = 1\ny = f'" + "{a}" * 100_000 + "'\n").startswith(
        "line 2: its f-strings take the parser too long: this one has 100,000 fields in 300,003"
    )


def test_what_is_not_read_for_what_is_alike_is_said_with_its_place() -> None:
    found = refusal("def f(): pass\n" * (MAX_ALIKE + 10))

    assert f"more than {MAX_ALIKE:,} functions f in one place take the compiler too long" in found
    assert found.startswith("line ")


def test_what_is_not_read_for_its_tokens_is_said() -> None:
    assert refusal("x=1;" * 110_000 + "\n").startswith(
        f"it has 440,000 tokens, and up to {MAX_TOKENS:,} are reviewed"
    )


@pytest.mark.parametrize(
    "code",
    [
        "".join(f"def f{i}(): pass\n" for i in range(MAX_ALIKE + 10)),
        "x = [" + ",\n".join(f"lambda: a{i}" for i in range(MAX_ALIKE + 10)) + "]\n",
        "def f(): pass\n" * (MAX_ALIKE - 10),
        "".join(f"class A{i}:\n    def f(self): pass\n" for i in range(MAX_ALIKE + 10)),
        "x = f'" + "{a}" * 10_000 + "'\n",
        "x = '" + "{" * 1_000_000 + "'\n",
    ],
    ids=["names", "lambdas", "few", "classes", "fields", "no f-string"],
)
def test_what_is_not_alike_or_not_too_much_is_read(code: str) -> None:
    read(code)


# -- the time of a step ---------------------------------------------------------------------

SETTINGS: Final = ruff.Settings(target_version="py311", line_length=88, filename="code.py")


def test_where_no_time_is_left_ruff_is_not_begun() -> None:
    with budget.limit(-1), pytest.raises(ruff.GaveUp, match="there is no time left for it"):
        ruff.formatted("x = 1\n", SETTINGS)


def test_a_group_for_which_no_time_is_left_is_refused_and_that_is_said() -> None:
    weighed = Weighed.of(read("import b\nimport a\nx=1\n"), SETTINGS)
    with budget.limit(-1):
        done = improved(weighed, number=1, refused={})

    assert done.code == weighed.source.code
    assert done.round.accepted is None
    assert {each.why for each in done.round.refused} == {
        "there was no time left in this round for it"
    }


def test_every_step_begins_with_all_of_its_time_and_leaves_none_of_its_limit() -> None:
    with budget.limit(-1):
        assert steps.detect_issues("x=1\n")["issues"].note is None
        assert budget.left() < 0

    assert budget.left() == budget.STEP


def test_where_the_time_is_used_up_what_was_found_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "STEP", -1)

    found = steps.detect_issues("return_ = 1\nfor a in b:\n    break\n    x = 1\n")

    assert found["issues"].note == "there is no time left for it"
    assert [each.rule for each in found["findings"]] == ["own-unreadable", "own-unreachable"]
