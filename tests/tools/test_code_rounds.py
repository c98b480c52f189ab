"""Improving: whose turn it is, and what a group of fixes must not do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.tools.reviewing import SHOP, lines, review
from tools.code_review import ruff, rules
from tools.code_review.issues import detected
from tools.code_review.rounds import Outcome, due, improved
from tools.code_review.source import read
from tools.code_review.trial import Accepted, Refusal, Weighed, tried

if TYPE_CHECKING:
    from tools.code_review.rules import Group


def weighed(code: str) -> Weighed:
    source = read(code)
    settings = detected(source).issues.settings
    assert settings is not None
    return Weighed.of(source, settings)


def attempt(code: str, group: Group) -> Accepted | Refusal:
    return tried(weighed(code), group, to_format=True)


def refused(code: str, group: Group) -> str:
    result = attempt(code, group)
    assert isinstance(result, Refusal), result
    return result.why


def accepted(code: str, group: Group) -> Accepted:
    result = attempt(code, group)
    assert isinstance(result, Accepted), result
    return result


# -- what is accepted -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "before", "after"),
    [
        ("format", "x=1", "x = 1"),
        ("imports", "import sys\nimport os", "import os\nimport sys"),
        ("modernise", "class A(object):\n    pass", "class A:\n    pass"),
        ("simplify", "x = not a in b", "x = a not in b"),
        ("whitespace", "x = '\\d'", 'x = r"\\d"'),
    ],
)
def test_each_group_mends_what_it_is_for(group: Group, before: str, after: str) -> None:
    assert accepted(f'"""A."""\n\n{before}\n', group).weighed.source.code.endswith(f"{after}\n")


def test_a_round_is_the_first_group_that_is_accepted() -> None:
    done = improved(weighed(SHOP), number=1, refused={})

    assert (done.round.accepted, done.round.refused, done.refused) == ("format", [], {})


def test_imports_that_nobody_used_before_stay() -> None:
    code = lines("import os", "from typing import Any, List", "", "X: List[int] = []")
    done = accepted(code, "modernise")

    assert done.removed == ("typing.List",)
    assert "import os\nfrom typing import Any\n" in done.weighed.source.code


def test_one_bad_rule_does_not_keep_the_others_of_its_group_out() -> None:
    code = lines(
        "from datetime import datetime, timezone",
        "",
        "",
        "class Clock(object):",
        "    now = datetime.now(timezone.utc)",
    )
    done = accepted(code, "modernise")  # UP017 would import the name UTC

    assert done.without == ("UP017",)
    assert "class Clock:\n    now = datetime.now(timezone.utc)\n" in done.weighed.source.code


async def test_the_report_says_which_rule_was_left_out() -> None:
    code = "from datetime import datetime, timezone\n\n\nclass C(object):\n    X = timezone.utc\n"
    done = await review(code, threshold=10)

    assert any("modernise accepted without UP017" in line for line in done.report)


# -- what is refused ------------------------------------------------------------------------


def test_names_that_would_come_or_go_are_named() -> None:
    code = "from datetime import timezone\n\nX = timezone.utc\n"

    assert refused(code, "modernise") == "the names UTC would come or go"


def test_nothing_to_do_is_no_round() -> None:
    assert refused('"""A."""\n', "format") == "it changes nothing"


def test_the_score_must_not_fall() -> None:
    nested = "".join(f"{' ' * n}def f{n}():\n" for n in range(90)) + " " * 90 + "pass\n"

    assert refused(nested, "format").startswith("the score would fall from ")


def test_what_is_too_large_afterwards_is_refused() -> None:
    assert "are reviewed" in refused("lambda:" * 900 + "1", "format")


def written(monkeypatch: pytest.MonkeyPatch, formatted: str) -> None:
    """Have the formatter write something else than it should."""
    monkeypatch.setattr(ruff, "formatted", lambda *_: formatted)


def test_a_format_that_would_change_what_the_code_says_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written(monkeypatch, "x = 1\ny = 3\n")

    assert refused("x=1\ny=2\n", "format") == "it would change more than the looks of line 2"


def test_what_would_not_compile_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    written(monkeypatch, "x = (\n")

    assert "'(' was never closed" in refused("x=1\n", "format")


def test_what_leaves_as_much_to_mend_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    written(monkeypatch, "x= 1\n")

    assert refused("x=1\n", "format") == "it would leave no less to mend: 1 instead of 1"


def test_a_round_is_not_formatted_where_that_would_change_what_it_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = weighed('"""A."""\n\n\nclass A(object):\n    x = 1\n')
    written(monkeypatch, "x = 5\n")
    result = tried(before, "modernise", to_format=True)

    assert isinstance(result, Accepted)
    assert result.weighed.source.code == '"""A."""\n\n\nclass A:\n    x = 1\n'


def test_where_ruff_gives_up_the_group_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def gives_up(*_: object, **__: object) -> str:
        raise ruff.GaveUp("it took longer than 20 s")

    monkeypatch.setattr(ruff, "formatted", gives_up)

    assert refused("x=1\n", "format") == "ruff gave up: it took longer than 20 s"


# -- whose turn it is -----------------------------------------------------------------------

OFFERS: dict[Group, int] = {"format": 3, "imports": 0, "modernise": 2, "simplify": 1}


def test_groups_that_offer_nothing_have_no_turn() -> None:
    assert due("now", OFFERS, {}) == ["format", "modernise", "simplify"]


def test_a_group_that_was_refused_comes_last_and_only_to_other_code() -> None:
    assert due("now", OFFERS, {"format": "before"}) == ["modernise", "simplify", "format"]
    assert due("now", OFFERS, {"format": "now"}) == ["modernise", "simplify"]


def refusing(monkeypatch: pytest.MonkeyPatch, *bad: Group) -> None:
    """Have some groups refused, whatever they do."""

    def tried_by(before: Weighed, group: Group, *, to_format: bool) -> Accepted | Refusal:
        if group in bad:
            return Refusal("it is bad")
        return tried(before, group, to_format=to_format)

    monkeypatch.setattr("tools.code_review.rounds.tried", tried_by)


def test_a_refused_group_lets_the_next_one_try(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, "format")
    before = weighed(SHOP)
    done = improved(before, number=1, refused={})

    assert done.round.accepted == "imports"
    assert [(each.group, each.why) for each in done.round.refused] == [("format", "it is bad")]
    assert done.refused == {"format": before.source.digest}


def test_where_the_format_was_refused_no_round_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, "format")
    done = improved(weighed("import sys,os\nx=1\n"), number=1, refused={})

    assert done.code == "import os\nimport sys\n\nx=1\n"


def test_a_group_that_is_accepted_after_all_is_refused_no_more() -> None:
    done = improved(weighed("x=1\n"), number=3, refused={"format": "other code"})

    assert (done.round.accepted, done.refused) == ("format", {})


def test_a_round_in_which_all_are_refused_leaves_the_code_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusing(monkeypatch, *rules.GROUPS)
    done: Outcome = improved(weighed(SHOP), number=1, refused={})

    assert (done.round.accepted, done.code) == (None, SHOP)
    assert [each.group for each in done.round.refused] == [
        "format",
        "imports",
        "modernise",
        "simplify",
    ]


async def test_a_review_in_which_all_are_refused_ends_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusing(monkeypatch, *rules.GROUPS)
    done = await review(SHOP)

    assert (done.reason, done.state["round"], done.state["fixable"]) == ("nothing_left", 1, 0)
    assert "round 1: nothing accepted, score 5.91, 13 left to mend" in done.report
    assert "  modernise refused: it is bad" in done.report


async def test_a_group_refused_at_first_has_another_try_before_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns: list[Group] = []

    def later(before: Weighed, group: Group, *, to_format: bool) -> Accepted | Refusal:
        turns.append(group)
        if turns == ["format"]:
            return Refusal("not yet")
        return tried(before, group, to_format=to_format)

    monkeypatch.setattr("tools.code_review.rounds.tried", later)
    done = await review(SHOP, threshold=10)

    assert done.accepted == ["imports", "modernise", "simplify", "format"]
    assert done.reason == "nothing_left"


def test_a_text_that_ruff_gave_up_on_is_not_improved() -> None:
    before = weighed("x=1\n")
    issues = msgspec.structs.replace(before.issues, settings=None, note="it hung")
    unknown = replace(before, issues=issues)

    assert tried(unknown, "format", to_format=True) == Refusal("ruff gave up: it hung")


def test_a_result_that_can_not_be_reviewed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    before = weighed("x=1\n")

    def hangs(*_: object, **__: object) -> list[ruff.Diagnostic]:
        raise ruff.GaveUp("it hung")

    monkeypatch.setattr(ruff, "check", hangs)

    assert tried(before, "format", to_format=True) == Refusal(
        "the result can't be reviewed: it hung"
    )
