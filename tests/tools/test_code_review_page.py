"""The page `docs/code-review.md` says what the tools do: its tables and its example hold."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, get_type_hints

import pytest

from engine import Tool
from tests.tools.reviewing import DOCUMENT, FUNCTIONS, ROOT, SHOP
from tools.code_review import (
    budget,
    effort,
    issues,
    metrics,
    outline,
    report,
    ruff,
    rules,
    score,
    source,
    suggestions,
    written,
)
from tools.code_review.complexity import Complexity
from tools.code_review.rounds import Round

if TYPE_CHECKING:
    from pathlib import Path

    import msgspec

PAGE = (ROOT / "docs/code-review.md").read_text()
SHORT = ("extract", "analyze", "detect", "suggest", "quality", "improve")


def table(title: str) -> list[list[str]]:
    """Give the rows of the first table below a heading; the code in each cell, or its text."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_example_runs(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    script = tmp_path / "example.py"
    script.write_text(block)

    subprocess.run([sys.executable, "-W", "error", script], cwd=tmp_path, check=True, timeout=60)
    assert SHOP in block


def test_the_first_table_names_each_node_its_tool_and_its_short_name() -> None:
    rows = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("| `")][:6]
    told = {code(node)[0]: (code(tool)[0], code(also)[0]) for node, tool, also, _ in rows}
    nodes = DOCUMENT["nodes"]

    assert isinstance(nodes, dict)
    assert told == {
        node: (fields["tool"], short)
        for (node, fields), short in zip(nodes.items(), SHORT, strict=True)
    }


def test_what_it_takes_is_what_the_tools_take() -> None:
    told = {code(row[0])[0] for row in table("What it takes")}
    taken = {each.name for tool in FUNCTIONS.values() for each in Tool(tool).parameters}
    written_too = {code(row[0])[0] for row in table("What it writes")}

    assert taken - written_too | {"code"} == told


@pytest.mark.parametrize(
    ("by", "writes"),
    [
        ("extract", written.Extraction),
        ("analyze", written.Measurement),
        ("detect", written.Detection),
        ("suggest", written.Advice),
        ("score", written.Judgement),
        ("improve", written.Improvement),
    ],
)
def test_what_it_writes_is_what_each_tool_writes(by: str, writes: type) -> None:
    told = {code(row[0])[0] for row in table("What it writes") if by in code(row[1])}
    where_missing = set(get_type_hints(written.Found)) if by in {"suggest", "score"} else set()

    assert told == set(get_type_hints(writes)) - where_missing


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("functions", [outline.Function]),
        ("classes", [outline.Class]),
        ("outline", [outline.Outline]),
        ("metrics", [metrics.Metrics, metrics.Lines, metrics.Halstead, Complexity]),
        ("findings", [issues.Finding, issues.Fix]),
        ("issues", [issues.Issues]),
        ("suggestions", [suggestions.Suggestion]),
        ("quality", [score.Quality]),
        ("before", [report.Before]),
        ("rounds", [Round]),
    ],
)
def test_every_field_is_named(key: str, parts: list[type[msgspec.Struct]]) -> None:
    (cell,) = (row[2] for row in table("What it writes") if code(row[0]) == [key])
    fields = {name for part in parts for name in part.__struct_fields__} - {"digest"}

    assert fields <= set(code(cell))


def test_every_stop_reason_is_there() -> None:
    told = [code(row[0])[0] for row in table("How it ends")]

    assert sorted(told) == sorted(report.StopReason.__args__)


def test_every_group_is_there_in_its_order_with_its_rules() -> None:
    told = {code(row[0])[0]: tuple(code(row[1])) for row in table("Rounds")}

    assert list(told.items()) == list(rules.GROUPS.items())


@pytest.mark.parametrize(
    ("said", "limit"),
    [
        ("At most 2,000.", outline.MAX_LISTED),
        ("of the 1,000 most complex", metrics.MAX_LISTED),
        ("At most 1,000, the heavy", issues.MAX_LISTED),
        ("At most 50.", suggestions.MAX_LISTED),
        ("| bytes of a file | 2,000,000 |", source.MAX_BYTES),
        ("of a file | 400,000; 20,000 lines", effort.MAX_TOKENS),
        ("together 1,500,000,000: 22,000 fields", effort.MAX_FIELDS),
        ("in one place | 4,000 |", effort.MAX_ALIKE),
        ("All else has 4 seconds for each step", round(budget.STEP)),
        ("and ruff 3 seconds, 2 GiB", ruff.CPU),
    ],
)
def test_every_limit_is_as_the_page_says(said: str, limit: int) -> None:
    assert f"{limit:,}" in said
    assert said in PAGE


def test_the_graph_begins_with_what_the_page_calls_left_out() -> None:
    state = DOCUMENT["state"]

    assert isinstance(state, dict)
    assert state["defaults"] == {"threshold": 8, "max_rounds": 10, "round": 0}
