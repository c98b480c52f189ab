"""The page about templates says what the code does."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from api import templates as routes
from engine import Engine, Template, installed_templates
from engine.template import GROUP, _Document
from tests import pages

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "templates.md"


@pytest.mark.timeout(60)
def test_the_requests_of_the_page_are_answered_as_it_says(tmp_path: Path) -> None:
    pages.answered(PAGE, tmp_path)


@pytest.mark.parametrize("code", pages.codes(PAGE, "python"))
def test_every_program_of_the_page_runs(code: str, tmp_path: Path) -> None:
    assert pages.runs(code, tmp_path) == ""


async def test_the_template_of_the_page_is_one() -> None:
    (code,) = pages.codes(PAGE, "json", "template")
    template = Template.parse(json.loads(code))
    async with Engine() as engine:
        verdict = engine.judge(template.document({"max_words": 9}))

    assert {each.code for each in verdict.problems} == {"UNKNOWN_TOOL"}  # which come along
    assert template.defaults == {"greeter": "greet", "max_words": 4}


def test_nobody_has_forgotten_a_block() -> None:
    assert {(language, word) for language, word, _ in pages.blocks(PAGE)} == {
        ("bash", "server"), ("bash", ""), ("bash", "refused"), ("json", ""), ("python", ""),
        ("json", "template"), ("toml", ""),
    }  # fmt: skip


@pytest.mark.parametrize("template", installed_templates(), ids=lambda each: each.name)
def test_every_parameter_of_every_template_is_on_the_page(template: Template) -> None:
    _, _, after = pages.page(PAGE).partition(f"### `{template.name}`")
    section = re.split(r"^##", after, maxsplit=1, flags=re.MULTILINE)[0]
    told = {
        name: left_out
        for names, _, left_out in re.findall(
            r"^\| (`.*?) \| (.*?) \| (.*?) \|$", section, re.MULTILINE
        )
        for name in re.findall(r"`(\w+)`", names)
    }

    assert sorted(told) == sorted(template.parameters["properties"])  # type: ignore[arg-type]  # an object
    for name, default in template.defaults.items():
        if isinstance(default, int | float):
            assert str(default) in told[name].split(", ")


def test_every_route_is_on_the_page() -> None:
    told = re.findall(r"`(GET|POST) (/api/v1/templates\S*)`", pages.page(PAGE))

    assert sorted(told) == sorted((each.method.upper(), each.path) for each in routes.OPERATIONS)


def test_every_field_of_a_template_is_on_the_page() -> None:
    told = [name.strip("`") for name, _ in pages.rows(PAGE, 2)][2:]

    assert sorted(told) == sorted(_Document.__struct_fields__)
    assert f'"{GROUP}"' in pages.page(PAGE)
