"""The page for those who come from elsewhere: its examples run, and our words are ours."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

import engine
from api.openapi import document
from engine import Engine, Graph, GraphBuilder, RunHandle
from tests import pages

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "coming-from.md"
OWNERS = {"engine": Engine, "run": RunHandle, "GraphBuilder": GraphBuilder}


@pytest.mark.timeout(60)
def test_the_requests_of_the_page_are_answered_as_it_says(tmp_path: Path) -> None:
    pages.answered(PAGE, tmp_path)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("code", pages.codes(PAGE, "python"))
def test_every_program_of_the_page_runs(code: str, tmp_path: Path) -> None:
    assert pages.runs(code, tmp_path) == ""


@pytest.mark.parametrize("code", pages.codes(PAGE, "json", "graph"))
def test_every_graph_of_the_page_is_one(code: str) -> None:
    assert Graph.parse(json.loads(code)).warnings == ()


def test_nobody_has_forgotten_a_block() -> None:
    assert {(language, mark) for language, mark, _ in pages.blocks(PAGE)} == {
        ("python", ""), ("json", "graph"), ("json", ""), ("bash", "server"), ("bash", ""),
    }  # fmt: skip


def ours() -> list[str]:
    """Give every word of the middle column that is written as code."""
    return [word for _, here, _ in pages.rows(PAGE, 3) for word in re.findall(r"`([^`]+)`", here)]


@pytest.mark.parametrize("word", [w for w in ours() if re.match(r"(engine|run)\.\w", w)])
def test_every_method_that_the_page_names_is_there(word: str) -> None:
    owner, _, rest = word.partition(".")
    method = re.match(r"\w+", rest)

    assert method is not None
    assert hasattr(OWNERS[owner], method[0])


@pytest.mark.parametrize("word", [w for w in ours() if w.startswith(("GET", "POST"))])
def test_every_route_that_the_page_names_is_there(word: str) -> None:
    method, path = word.split()

    assert method.lower() in document()["paths"][path]  # type: ignore[index,operator]  # it is one


@pytest.mark.parametrize("word", [w for w in ours() if re.match(r"[A-Z]\w*[a-z]\w*(\(|$)", w)])
def test_every_class_that_the_page_names_is_offered(word: str) -> None:
    assert word.partition("(")[0] in engine.__all__


@pytest.mark.parametrize("name", ["mermaid", "svg"])
def test_every_function_that_the_page_names_is_offered(name: str) -> None:
    assert f"{name}(graph)" in ours()
    assert name in engine.__all__
