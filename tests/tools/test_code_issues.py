"""Detecting: what is wrong, of which kind, how heavy, and how much of it can be mended."""

from __future__ import annotations

import json
import subprocess

import pytest
from ruff import find_ruff_bin

from engine import ToolError
from tests.tools.reviewing import SHOP, lines
from tools.code_review import issues, ruff, rules
from tools.code_review.issues import Detected, detected
from tools.code_review.source import read


def found(*code: str, path: str = "") -> Detected:
    return detected(read(lines(*code), path))


def codes(of: Detected) -> list[str]:
    return [each.rule for each in of.findings]


def test_a_finding_has_rule_kind_severity_span_message_and_fix() -> None:
    (finding,) = found('"""Hold a number."""', "", "X = 'é' and not 1 in [1]").findings

    assert (finding.rule, finding.name) == ("E713", "not-in-test")
    assert (finding.kind, finding.severity) == ("style", "light")
    assert (finding.line, finding.column, finding.end_line, finding.end_column) == (3, 17, 3, 25)
    assert finding.message == "Test for membership should be `not in`"
    assert finding.fix is not None
    assert (finding.fix.safe, [each.text for each in finding.fix.edits]) == (True, ["1 not in [1]"])


@pytest.mark.parametrize(
    ("code", "rule", "kind", "severity"),
    [
        ("class shop: ...", "N801", "style", "light"),
        ("import typing\nX: typing.List[int]", "UP006", "style", "light"),
        ("X = '\\d'", "W605", "style", "light"),
        ("def f(): ...", "D103", "documentation", "light"),
        ("X = list(x for x in y)", "C400", "maintenance", "light"),
        ("def _f(a=[]): ...", "B006", "maintenance", "heavy"),
        ("try: x\nexcept: pass", "E722", "maintenance", "heavy"),
        ("X = y", "F821", "maintenance", "heavy"),
        ("eval('1')", "S307", "maintenance", "heavy"),
        ("async def _f():\n    import time\n    time.sleep(1)", "ASYNC251", "maintenance", "heavy"),
        ("def _f():\n    return 1\n    print()", "own-unreachable", "maintenance", "heavy"),
    ],
)
def test_findings_are_of_a_kind_and_a_weight(
    code: str, rule: str, kind: str, severity: str
) -> None:
    assert (kind, severity) in {
        (each.kind, each.severity) for each in found(code).findings if each.rule == rule
    }


def test_findings_stand_in_the_order_of_the_file() -> None:
    places = [(each.line, each.column) for each in found(SHOP).findings]

    assert places == sorted(places)


def test_the_sums_are_of_all_findings() -> None:
    sums = found(SHOP).issues

    assert sums.total == sum(sums.by_kind.values()) == sum(each.count for each in sums.rules)
    assert sums.by_kind["maintenance"] == sums.light + sums.heavy
    assert sums.style == sums.by_kind["style"]


def test_each_group_says_what_it_offers() -> None:
    offered = found(SHOP).issues.fixes

    assert list(offered) == ["format", "imports", "modernise", "simplify", "whitespace"]
    assert offered == {"format": 6, "imports": 1, "modernise": 4, "simplify": 3, "whitespace": 0}


def test_an_unused_import_is_offered_by_nobody() -> None:
    sums = found('"""Nothing."""', "", "import json").issues

    assert sums.offered == 0
    assert [each.rule for each in sums.rules] == ["F401"]


def test_of_very_many_findings_the_heavy_ones_are_kept() -> None:
    many = found(*["import os"] * (issues.MAX_LISTED + 10), "X = y")

    assert len(many.findings) == issues.MAX_LISTED
    assert "F821" in codes(many)
    assert many.issues.not_listed == many.issues.total - issues.MAX_LISTED > 0


def test_the_long_edits_of_a_fix_are_left_out() -> None:
    code = lines("import z", *(f"import {'a' * 40}{n}" for n in range(40)))
    (unsorted,) = (each for each in found(code).findings if each.rule == "I001")

    assert unsorted.fix is not None
    assert unsorted.fix.edits == []


def test_comments_that_keep_ruff_away_are_heeded() -> None:
    assert "F401" in codes(found("import os"))
    assert "F401" not in codes(found("import os  # noqa: F401"))


def test_no_configuration_that_lies_around_matters(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))
    (before,) = [found(SHOP)]
    with open("ruff.toml", "w") as file:  # noqa: PTH123
        file.write('lint.select = []\nline-length = 20\nexclude = ["*"]\n')
    monkeypatch.setenv("RUFF_LINE_LENGTH", "20")

    assert found(SHOP) == before


def test_ruff_knows_all_the_rules_that_it_is_asked_for() -> None:
    told = subprocess.run(
        [find_ruff_bin(), "rule", "--all", "--output-format", "json"],
        capture_output=True,
        check=True,
    )
    known = [each["code"] for each in json.loads(told.stdout) if each["code"]]
    asked = rules.SELECT.split(",") + rules.IGNORE.split(",")
    asked += [each for selectors in rules.GROUPS.values() for each in selectors]

    assert [each for each in asked if not any(code.startswith(each) for code in known)] == []


def test_a_rule_is_the_one_with_the_longest_selector() -> None:
    assert rules.rule("B006").severity == "heavy"
    assert rules.rule("B007").severity == "light"
    assert rules.rule("W605").why != rules.rule("W291").why
    assert rules.rule("XYZ1").kind == "maintenance"


# -- rules of our own -----------------------------------------------------------------------


@pytest.mark.parametrize("end", ["return", "raise", "continue", "break"])
def test_what_stands_behind_the_end_of_a_block_is_never_reached(end: str) -> None:
    of = found("def _f(a):", "    for b in a:", f"        {end}", "        b()", "        a()")
    (finding,) = (each for each in of.findings if each.rule == rules.UNREACHABLE)

    assert (finding.line, finding.end_line) == (4, 5)
    assert f"`{end}`" in finding.message


def test_a_yield_behind_a_return_makes_a_generator_and_is_fine() -> None:
    assert rules.UNREACHABLE not in codes(found("def _f():", "    return", "    yield"))


def test_a_statement_that_is_nested_too_deep_is_found_once() -> None:
    code = [f"{'    ' * depth}if a{depth}:" for depth in range(8)]
    of = found(*code, f"{'    ' * 8}pass")
    places = [each.line for each in of.findings if each.rule == rules.NESTING]

    assert places == [6]


def test_a_chain_of_elif_and_a_new_function_are_no_deeper() -> None:
    chain = ["if a: pass", *["elif a: pass"] * 20]
    inner = ["for a in b:", "    while a:", "        with a:", "            try:"]
    inner += [
        "                def _f():",
        "                    if a:",
        "                        a()",
    ]
    inner += ["            finally: pass"]

    assert rules.NESTING not in codes(found(*chain, *inner))


# -- when ruff can't ------------------------------------------------------------------------


def test_where_ruff_gives_up_that_is_a_heavy_finding_and_nothing_is_offered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ruff, "OUTPUT", 1_000)
    of = found(SHOP, "def _f():", "    return 1", "    print()")

    assert codes(of) == [rules.UNREADABLE, rules.UNREACHABLE]
    assert of.issues.note == "it wrote more than 0 MiB"
    assert (of.issues.heavy, of.issues.offered, of.issues.settings) == (2, 0, None)


def test_what_the_target_version_does_not_have_is_a_heavy_finding() -> None:
    code = read("match x:\n    case 1:\n        pass\n")
    of = detected(code, target_version="py39")

    assert ("invalid-syntax", "heavy") in [(each.rule, each.severity) for each in of.findings]


def test_a_width_that_is_none_is_refused() -> None:
    with pytest.raises(ToolError, match="'line_length' is 7, expected 40 to 320 characters"):
        detected(read("x = 1\n"), line_length=7)
