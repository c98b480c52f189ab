"""`awe validate`."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from .conftest import BROKEN, CHORUS, Done

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Awe = Callable[..., Done]

WRONG = """{
  "name": "wrong",
  "edges": {"greet": [{"when": "words <", "to": "nobody"}, {"to": null}]},
  "nodes": ["greet", "sing"],
  "limits": {"deadline": "soon"}
}"""

ODD = """{"edges": {"greet": [{"when": "name == 'Ada'", "to": "count_words"}]}}"""
"""A graph in which nothing is said of those who are not called Ada."""


def written(tmp_path: Path, name: str, text: str) -> str:
    """Write a file, and give its path."""
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def test_a_graph_is_valid_and_said_to_be_what_it_is(awe: Awe, chorus: str) -> None:
    done = awe("validate", chorus)

    assert done == (
        0,
        f"{chorus}: valid: a graph 'chorus' of 3 nodes, which begins at 'greet'\n",
        "",
    )


@pytest.mark.parametrize("name", ["wrong.json", "wrong.yaml"])
def test_all_that_is_wrong_is_listed_with_code_place_and_hint(
    awe: Awe, tmp_path: Path, name: str
) -> None:
    done = awe("validate", written(tmp_path, name, WRONG))  # what is JSON is YAML, too

    assert done.status == 2
    assert done.err == ""
    assert "4 problems" in done.out
    for part in (
        "CONDITION_SYNTAX  /edges/greet/0/when",
        "WRONG_TYPE  /limits/deadline",
        "nobody",
        "sing",
    ):
        assert part in done.out


def test_a_tool_that_is_not_installed_is_a_problem_unless_any_will_do(
    awe: Awe, tmp_path: Path
) -> None:
    path = written(tmp_path, "broken.json", BROKEN)

    refused = awe("validate", path)

    assert refused.status == 2
    assert refused.out.count("UNKNOWN_TOOL") == 2
    assert awe("validate", path, "--any-tools").status == 0


def test_what_is_only_odd_is_a_warning(awe: Awe, tmp_path: Path) -> None:
    done = awe("validate", written(tmp_path, "odd.json", ODD))

    assert done.status == 0
    assert "1 warning" in done.out
    assert "/edges/greet" in done.out


def test_for_programs_it_writes_an_object_for_each_document(
    awe: Awe, chorus: str, tmp_path: Path
) -> None:
    done = awe("validate", "--json", chorus, written(tmp_path, "wrong.json", WRONG))
    good, bad = map(json.loads, done.out.splitlines())

    assert done.status == 2
    assert good["valid"] is True
    assert good["nodes"] == ["greet", "count_words", "echo"]
    assert bad["valid"] is False
    assert {"code", "path", "message", "hint"} == {key for each in bad["problems"] for key in each}


@pytest.mark.parametrize("text", [CHORUS, BROKEN.replace("sing", "echo").replace("dance", "echo")])
def test_standard_input_is_read_in_either_language(
    awe: Awe, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    done = awe("validate", "-")

    assert done.status == 0
    assert done.out.startswith("standard input: valid")


@pytest.mark.parametrize("what", ["nowhere.json", "."])
def test_what_can_not_be_read_is_said_in_a_line(awe: Awe, what: str) -> None:
    done = awe("validate", what)

    assert done.status == 2
    assert done.err.startswith(f"awe: can't read '{what}': ")
    assert done.err.count("\n") == 1
