"""The page about diagrams says what the code does, and its picture is one of ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args
from xml.etree import ElementTree as ET

import pytest

from engine import Graph, NodeStatus, installed_templates, svg
from engine.diagram import drawing, layout
from tests import pages

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "diagrams.md"
PICTURE = pages.DOCS / "code-review.svg"


@pytest.mark.timeout(60)
def test_the_requests_of_the_page_are_answered_as_it_says(tmp_path: Path) -> None:
    pages.answered(PAGE, tmp_path)

    assert (tmp_path / "hello.svg").read_text().startswith("<svg")


@pytest.mark.parametrize("code", pages.codes(PAGE, "python"))
def test_every_program_of_the_page_runs(code: str, tmp_path: Path) -> None:
    assert pages.runs(code, tmp_path).startswith("flowchart TD")


def test_nobody_has_forgotten_a_block() -> None:
    assert {(language, word) for language, word, _ in pages.blocks(PAGE)} == {
        ("bash", "server"), ("bash", ""), ("mermaid", ""), ("python", ""),
    }  # fmt: skip


def test_every_status_is_on_the_page() -> None:
    told = [name.strip("`") for name, _ in pages.rows(PAGE, 2)]

    assert [name for name in told if name in get_args(NodeStatus)] == [*get_args(NodeStatus)]


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    text = pages.page(PAGE)

    assert f"up to {drawing.MOST_KEPT:,} nodes, labels and ends" in text
    assert f"at most {drawing.PATIENCE:g} s" in text
    assert f"more than {layout.MOST_FIGURES:,} nodes, labels and ends" in text
    assert f"more than {layout.MOST_LINES:,} lines" in text


def words(picture: str) -> list[str]:
    """Give all texts of a picture, wherever they stand."""
    return [each.text or "" for each in ET.fromstring(picture).iter()]  # noqa: S314  # it is ours


def test_the_picture_of_the_page_is_what_the_project_draws_of_the_template() -> None:
    (template,) = [each for each in installed_templates() if each.name == "code-review"]

    now = svg(Graph.parse(template.document()))

    # Not the positions: they may move with graphlay.
    assert words(PICTURE.read_text()) == words(now), f"write what svg() gives to {PICTURE}"


def test_every_class_that_the_page_names_is_drawn() -> None:
    for tag, kind in re.findall(r"`(g|rect)\.(\w+)`", pages.page(PAGE)):
        assert re.search(rf'<{tag} class="[^"]*\b{kind}\b', PICTURE.read_text())
