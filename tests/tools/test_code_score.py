"""The score: what it is made of, and what would raise it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.tools.reviewing import SHOP
from tools.code_review.issues import detected
from tools.code_review.metrics import metrics_of
from tools.code_review.outline import extracted
from tools.code_review.score import Counts, quality_of
from tools.code_review.source import read
from tools.code_review.suggestions import Suggestion, suggestions_of

PERFECT = Counts(
    statements=100,
    public=10,
    documented=10,
    simplicity=1.0,
    style=0,
    to_format=0,
    light=0,
    heavy=0,
)

counts = st.builds(
    Counts,
    statements=st.integers(0, 10_000),
    public=st.just(20),
    documented=st.integers(0, 20),
    simplicity=st.floats(0, 1),
    style=st.integers(0, 1_000),
    to_format=st.integers(0, 1_000),
    light=st.integers(0, 1_000),
    heavy=st.integers(0, 100),
)


def score(now: Counts, **other: object) -> float:
    return quality_of(replace(now, **other)).score


def suggested(code: str) -> list[Suggestion]:
    source = read(code)
    issues, metrics = detected(source).issues, metrics_of(source)
    return suggestions_of(Counts.of(extracted(source).outline, metrics, issues), metrics, issues)


@given(counts)
def test_the_score_is_between_0_and_10(now: Counts) -> None:
    assert 0 <= quality_of(now).score <= 10


@given(counts)
def test_whatever_is_mended_never_lowers_the_score(now: Counts) -> None:
    was = quality_of(now).score - 1e-9

    assert score(now, style=now.style // 2) >= was
    assert score(now, to_format=now.to_format // 2) >= was
    assert score(now, light=now.light // 2) >= was
    assert score(now, heavy=now.heavy // 2) >= was
    assert score(now, documented=now.public) >= was
    assert score(now, simplicity=1.0) >= was


def test_code_without_a_fault_is_worth_10() -> None:
    assert score(PERFECT) == 10


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"style": 100}, 10 * (0.35 / 9 + 0.20 + 0.45)),
        ({"to_format": 50}, 10 * (0.35 / 2 + 0.20 + 0.45)),
        ({"documented": 5}, 10 * (0.35 + 0.10 + 0.45)),
        ({"simplicity": 0.0}, 10 * (0.35 + 0.20 + 0.225)),
        ({"light": 25}, 10 * (0.35 + 0.20 + 0.225 + 0.225 / 3)),
        ({"heavy": 25}, 10 * (0.35 + 0.20 + 0.225 + 0.225 / 7)),
        ({"public": 0, "documented": 0}, 10),
        ({"is_checked": False}, 10 * (0.20 + 0.45)),
    ],
)
def test_each_fault_costs_what_the_formula_says(other: dict[str, int], expected: float) -> None:
    assert score(PERFECT, **other) == pytest.approx(expected)


def test_a_short_file_counts_as_one_of_twenty_statements() -> None:
    assert score(PERFECT, statements=1, style=1) == score(PERFECT, statements=20, style=1)


def test_suggestions_come_by_what_the_score_would_gain() -> None:
    gains = [each.gain for each in suggested(SHOP)]

    assert gains == sorted(gains, reverse=True)
    assert [each.rank for each in suggested(SHOP)] == [*range(1, len(gains) + 1)]


def test_what_a_suggestion_promises_is_what_mending_it_gives() -> None:
    before = '"""Hold."""\n\nimport json\n\nX = 1\n'
    (suggestion,) = suggested(before)
    source = read(before.replace("import json\n\n", ""))
    issues, metrics = detected(source).issues, metrics_of(source)
    after = quality_of(Counts.of(extracted(source).outline, metrics, issues)).score

    assert math.isclose(suggestion.gain, 10 - 10 * (0.35 + 0.2 + 0.225 + 0.225 / 1.4), abs_tol=0.01)
    assert after == 10


def test_a_suggestion_has_a_reason_a_place_and_who_can_do_it() -> None:
    by_rule = {each.rule: each for each in suggested(SHOP)}

    assert by_rule["UP006"].by == "improve"
    assert by_rule["UP006"].group == "modernise"
    assert by_rule["F401"].by == "hand"
    assert by_rule["F401"].fix == "Remove unused import: `json`"
    assert by_rule["F401"].reason == "what is not used misleads whoever reads"
    assert by_rule["F401"].lines == [2]


def test_formatting_documenting_and_splitting_are_suggested() -> None:
    hard = "def hard(a):\n  return " + " or ".join(["a"] * 20) + "\n"
    told = [each.what for each in suggested(hard)]

    assert "Split hard: 20 ways through 2 lines" in told
    assert "Document 2 of 2 public definitions" in told
    assert any(each.startswith("Format it: ") for each in told)


def test_code_without_a_fault_needs_no_suggestion() -> None:
    assert suggested('"""Hold a number."""\n\nX = 1\n') == []
