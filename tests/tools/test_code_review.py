"""A review from outside: the graph `code-review`, and graphs that use its tools otherwise."""

from __future__ import annotations

import ast
import asyncio
from typing import TYPE_CHECKING

import pytest

import tools.code_review
from engine import Engine, RunFailed, Tool
from engine.entry import NodeCompleted
from tests.tools.reviewing import DOCUMENT, FUNCTIONS, SHOP, Review, lines, review

if TYPE_CHECKING:
    from pathlib import Path

SHORT = {
    "extract": "code.extract_functions",
    "analyze": "code.complexity",
    "detect": "code.detect_issues",
    "suggest": "code.suggest_improvements",
    "quality": "code.quality_score",
    "improve": "code.apply_fixes",
}


@pytest.fixture(scope="module")
def shop() -> Review:
    """Review what people paste, once for all tests that only look at what came of it."""
    return asyncio.run(review(SHOP))


def shipped() -> dict[str, Tool]:
    return {each.name: each for each in vars(tools.code_review).values() if isinstance(each, Tool)}


def test_each_of_the_six_tools_answers_to_a_long_and_a_short_name() -> None:
    found = shipped()

    assert set(found) == {*SHORT, *SHORT.values()}
    assert all(found[short].function is found[long].function for short, long in SHORT.items())


def test_no_tool_holds_up_the_loop_of_the_server() -> None:
    assert {each.execution for each in shipped().values()} == {"process"}


def test_what_people_paste_climbs_over_the_threshold_in_four_rounds(shop: Review) -> None:
    assert shop.reason == "threshold_reached"
    assert shop.accepted == ["format", "imports", "modernise", "simplify"]
    assert shop.scores == sorted(shop.scores)
    assert shop.scores[-2] < 8 <= shop.scores[-1] == shop.state["quality_score"]


def test_the_first_line_of_the_report_is_why_it_ended(shop: Review) -> None:
    assert shop.report[0] == shop.reason == "threshold_reached"


@pytest.mark.parametrize(
    ("code", "state", "reason"),
    [
        (SHOP, {"threshold": 10}, "nothing_left"),
        (SHOP, {"threshold": 10, "max_rounds": 2}, "max_rounds"),
        (SHOP, {"max_rounds": 0}, "max_rounds"),
        (SHOP, {"threshold": 1}, "threshold_reached"),
        ("", {}, "threshold_reached"),
        ("def f(:\n", {}, "not_python"),
    ],
)
async def test_a_review_says_why_it_ended(code: str, state: dict[str, object], reason: str) -> None:
    done = await review(code, **state)

    assert done.report[0] == done.reason == reason


async def test_no_more_rounds_than_were_asked_for() -> None:
    done = await review(SHOP, threshold=10, max_rounds=2)

    assert done.accepted == ["format", "imports"]
    assert done.state["fixable"] > 0


async def test_an_empty_file_is_fine() -> None:
    done = await review("")

    assert done.state["quality_score"] == 10
    assert done.code == ""


async def test_a_syntax_error_ends_the_run_and_says_where_it_is() -> None:
    done = await review("x = 1\ny = (2\n", path="src/shop.py")

    assert done.report[0] == "not_python"
    assert done.report[1].startswith("src/shop.py: line 2, column 5: '(' was never closed")
    assert done.state["quality_score"] == 0
    assert [each["rule"] for each in done.state["findings"]] == ["invalid-syntax"]


async def test_what_does_not_compile_is_not_python_either() -> None:
    done = await review("return 1\n")

    assert done.report[1].startswith("the code: line 1, column 1: 'return' outside function")


def test_reviewed_code_is_never_executed(tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    code = f'open({str(mark)!r}, "w").close()\nraise SystemExit\n'

    assert asyncio.run(review(code, threshold=10)).reason == "nothing_left"
    assert not mark.exists()


async def test_an_unused_import_is_suggested_but_never_removed() -> None:
    done = await review(SHOP, threshold=10)

    assert "import json" in done.code
    assert "`json` imported but unused" in [each["what"] for each in done.state["suggestions"]]


def test_an_import_that_a_round_leaves_unused_is_removed_and_named(shop: Review) -> None:
    assert "typing" not in shop.code
    assert [each["removed"] for each in shop.state["rounds"]][2] == ["typing.Dict", "typing.List"]


def test_the_final_state_holds_all_that_a_person_is_shown(shop: Review) -> None:
    state = shop.state
    assert state["before"]["quality_score"] == state["scores"][0] == 5.91
    assert state["before"]["findings"] == {"style": 10, "documentation": 0, "maintenance": 3}
    assert state["issues"]["by_kind"] == {"style": 0, "documentation": 0, "maintenance": 1}
    assert [each["name"] for each in state["metrics"]["worst"]] == [
        "best",
        "Customer.discount",
        "Customer.__init__",
    ]
    assert len(state["rounds"]) == state["round"] == 4
    assert ast.parse(state["code"])


async def test_a_threshold_that_is_none_is_refused() -> None:
    with pytest.raises(RunFailed, match="'threshold'") as failed:
        await review("x = 1\n", threshold=11)

    assert failed.value.code == "BAD_INPUT"


async def test_a_version_of_python_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(RunFailed, match="expected one of py37, py38") as failed:
        await review("x = 1\n", target_version="py27")

    assert failed.value.code == "BAD_SETTING"


async def test_code_is_modernised_no_further_than_its_oldest_python_allows() -> None:
    code = lines(
        '"""Say who it is."""',
        "",
        "from typing import List, Optional",
        "",
        "",
        "def first(names: List[str]) -> Optional[str]:",
        '    """Give the first name."""',
        "    return names[0] if names else None",
    )

    old = await review(code, target_version="py37", threshold=10)
    new = await review(code, target_version="py311", threshold=10)

    assert "Optional[str]" in old.code
    assert "str | None" in new.code


async def test_the_shipped_tools_review_in_processes_of_their_own(shop: Review) -> None:
    async with Engine(tools=[tools.code_review]) as engine:
        state = await engine.run(await engine.create(DOCUMENT), {"code": SHOP})

    assert state["stop_reason"] == "threshold_reached"
    assert state["code"] == shop.code


async def test_three_names_are_a_review(shop: Review) -> None:
    inline = [
        Tool(FUNCTIONS[SHORT[name]], name=name, execution="inline")
        for name in ("extract", "analyze", "quality")
    ]
    async with Engine(tools=inline) as engine:
        graph = await engine.create({"extract": "analyze", "analyze": "quality"})
        state = await engine.run(graph, {"code": SHOP})

    assert state["quality_score"] == shop.scores[0]
    assert state["stop_reason"] == "improvable"
    assert state["findings"]


@pytest.mark.parametrize("alone", sorted(SHORT))
async def test_every_step_works_alone(alone: str) -> None:
    tool = Tool(FUNCTIONS[SHORT[alone]], name=alone, execution="inline")
    async with Engine(tools=[tool]) as engine:
        graph = await engine.create({"nodes": [alone]})

        assert set(await engine.run(graph, {"code": SHOP})) > {"code"}
        assert set(await engine.run(graph, {"code": "("})) > {"code"}


async def test_a_step_never_judges_code_by_what_was_found_in_other_code() -> None:
    first = (await review(SHOP, max_rounds=0)).state
    good = '"""Hold a number."""\n\nX = 1\n'

    done = await review(good, **{k: first[k] for k in ("outline", "metrics", "issues")})

    assert done.state["quality_score"] == 10


async def test_code_that_did_not_change_is_not_looked_at_again() -> None:
    inline = [Tool(each, name=name, execution="inline") for name, each in FUNCTIONS.items()]
    async with Engine(tools=inline) as engine:
        graph = await engine.create(DOCUMENT)
        run = await engine.start(graph, {"code": SHOP, "max_rounds": 0})
        await run.result()
        again = await engine.start(graph, {"code": SHOP, "max_rounds": 0})
        cached = [
            entry.node
            async for entry in again.tail()
            if isinstance(entry, NodeCompleted) and entry.cached
        ]

    assert cached == ["extract", "analyze", "detect"]
