"""The page about graphs says what the code does: its blocks run, its tables are complete."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Final

import pytest

from engine.graph import Graph, Limits, Retry
from engine.graph.problems import ERRORS, WARNINGS
from engine.graph.words import FIELDS, LATER, RANGES
from engine.reducer import REDUCERS

PAGE: Final = (Path(__file__).parents[2] / "docs" / "graphs.md").read_text()
BLOCKS: Final = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ROWS: Final = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE, re.MULTILINE))

SECTIONS: Final = {
    "graph": "The document",
    "node": "Nodes",
    "join": "Joins",
    "retry": "Retry",
    "rule": "Edges",
    "state": "State",
    "limits": "Limits",
}


def section(title: str) -> str:
    """Give the text under a heading, up to the next one."""
    found = re.search(rf"^##+ {title}$(.*?)^##", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(("language", "code"), BLOCKS)
def test_every_block_of_the_page_is_valid(language: str, code: str) -> None:
    match language:
        case "json":
            graph = Graph.from_json(code)
            assert graph.warnings == ()
            assert Graph.parse(json.loads(code)) == graph
        case "yaml":
            assert Graph.from_yaml(code).warnings == ()
        case "python":
            exec(compile(code, "graphs.md", "exec"), {})  # noqa: S102  # the page is ours
        case _:
            raise AssertionError(f"nobody knows how to try {language}")


@pytest.mark.parametrize(("code", "meaning"), [*ERRORS.items(), *WARNINGS.items()])
def test_every_problem_is_on_the_page(code: str, meaning: str) -> None:
    assert ROWS[code] == meaning


def test_no_problem_on_the_page_is_unknown() -> None:
    of_an_engine = {"UNKNOWN_TOOL", "UNKNOWN_PARAMETER"}
    assert {row for row in ROWS if row.isupper()} == {*ERRORS, *WARNINGS, *of_an_engine}


@pytest.mark.parametrize("place", SECTIONS)
def test_every_field_is_on_the_page(place: str) -> None:
    told = re.findall(r"^\| `(\w+)` \|", section(SECTIONS[place]), re.MULTILINE)

    assert sorted(told) == sorted(FIELDS[place])


@pytest.mark.parametrize("field", RANGES)
def test_every_range_is_on_the_page(field: str) -> None:
    least, most = RANGES[field]
    wanted = f"{least:,} to {most:,}" if field != "count" else "1 to the number of incoming edges"

    assert wanted in PAGE
    assert field == "ttl" or wanted in ROWS[field]


def test_every_default_is_on_the_page() -> None:
    sizes = {16 * 1024 * 1024: "16 MiB", 4 * 1024 * 1024: "4 MiB", None: "none"}
    for default, title in ((Limits(), "Limits"), (Retry(), "Retry")):
        for field in fields(default):
            value = getattr(default, field.name)
            if value != ():
                said = sizes.get(value) or f"{value:,}".removesuffix(".0")
                assert re.search(
                    rf"^\| `{field.name}` \|.*\| {said} \|$", section(title), re.MULTILINE
                )


def test_every_later_field_and_every_reducer_is_on_the_page() -> None:
    for word in [*LATER["node"], *REDUCERS]:
        assert f"`{word}`" in PAGE
